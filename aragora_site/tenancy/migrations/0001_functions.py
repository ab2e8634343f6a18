"""What policies ask for the scope of a statement."""

from django.db import migrations

from aragora_site.tenancy.policies import CreateFunctions


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [CreateFunctions()]
