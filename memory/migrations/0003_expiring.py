"""What has expired of a tier is looked for whenever the tier is full."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('memory', '0002_row_level_security'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['scope', 'tier', 'expires_at'], name='memory_entry_expiring'),
        ),
    ]
