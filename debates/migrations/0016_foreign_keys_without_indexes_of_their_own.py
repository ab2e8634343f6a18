"""Ten tables had an index of a foreign key alone beside one that begins with it. Every turn and every
event was written into one more than anybody reads.

Each by itself, and on PostgreSQL without keeping anybody from the table: in one transaction their
locks would meet those of debates that run."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class WithoutItsIndex(migrations.AlterField):
    """Nothing but the index is dropped; left to itself, SQLite would copy the whole table."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        # As Django's own editor finds it.
        names = schema_editor._constraint_names(
            model,
            [model._meta.get_field(self.name).column],
            index=True,
            type_=models.Index.suffix,
            exclude={index.name for index in model._meta.indexes},
        )
        for name in names:
            schema_editor.execute(
                schema_editor._delete_index_sql(model, name, **beside_others(schema_editor))
            )

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            field = model._meta.get_field(self.name)
            schema_editor.execute(
                schema_editor._create_index_sql(
                    model, fields=[field], **beside_others(schema_editor)
                )
            )


def beside_others(schema_editor):
    return {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}


def of_a_debate(model_name, related_name, on_delete=django.db.models.deletion.CASCADE, **options):
    return WithoutItsIndex(
        model_name=model_name,
        name="debate",
        field=models.ForeignKey(
            db_index=False,
            on_delete=on_delete,
            related_name=related_name,
            to="debates.debate",
            **options,
        ),
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("debates", "0015_preferences"),
    ]

    operations = [
        of_a_debate("audiencevote", "audience_votes"),
        of_a_debate("ballot", "ballots"),
        of_a_debate("debateevent", "events"),
        of_a_debate("document", "documents", blank=True, null=True),
        of_a_debate("round", "round_set"),
        of_a_debate("suggestion", "suggestions"),
        of_a_debate("turn", "turns"),
        of_a_debate(
            "usagerecord",
            "usage_records",
            on_delete=django.db.models.deletion.SET_NULL,
            null=True,
        ),
        WithoutItsIndex(
            model_name="debate",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="debates",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        WithoutItsIndex(
            model_name="matchresult",
            name="match",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="results",
                to="debates.match",
            ),
        ),
    ]
