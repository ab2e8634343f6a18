from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("debates", "0017_branches"),
    ]

    operations = [
        migrations.AddField(
            model_name="debate",
            name="batch",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="debate",
            name="batch_index",
            field=models.PositiveSmallIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="debate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("batch__isnull", False)),
                fields=("workspace", "batch", "batch_index"),
                name="debate_place_in_batch",
            ),
        ),
    ]
