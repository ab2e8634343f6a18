from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("debates", "0013_strengths")]

    operations = [
        # The database fills it in for processes of the release before.
        migrations.AddField(
            model_name="debate",
            name="trace_parent",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=55
            ),
        ),
    ]
