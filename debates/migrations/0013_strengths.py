from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("debates", "0012_memory")]

    operations = [
        migrations.AddField(
            model_name="rating",
            name=name,
            field=models.FloatField(blank=True, null=True),
        )
        for name in ("bt", "bt_low", "bt_high")
    ] + [
        # The database fills it in for processes of the release before.
        migrations.AddField(
            model_name="rating",
            name="fitted_games",
            field=models.PositiveIntegerField(default=0, db_default=0),
        ),
    ]
