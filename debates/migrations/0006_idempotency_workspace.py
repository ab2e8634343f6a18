import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('debates', '0005_workspaces'),
        ('ratelimit', '0001_workspaces'),
    ]

    operations = [
        migrations.AddField(
            model_name='idempotencyrecord',
            name='workspace',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='ratelimit.workspace'),
        ),
    ]
