"""The nearest entries are looked for scope by scope, and their vectors take half the bytes.

Only where the column is pgvector's; elsewhere nothing changes."""

from django.db import migrations

import memory.fields
from memory import indexes


def _native(schema_editor):
    connection = schema_editor.connection
    memory.fields.forget_types()
    return memory.fields.is_native(connection.alias, indexes.TABLE, "vector")


def _have(schema_editor, kind):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT to_regtype(%s) IS NULL", [kind])
        if cursor.fetchone()[0]:
            return  # pgvector has halves since 0.7.
    schema_editor.execute(
        f"ALTER TABLE {indexes.TABLE} ALTER COLUMN vector TYPE {kind}(256) USING vector::{kind}(256)"
    )
    memory.fields.forget_types()


def install(apps, schema_editor):
    if _native(schema_editor):
        schema_editor.execute(f"DROP INDEX IF EXISTS {indexes.TABLE}_vector_hnsw")
        _have(schema_editor, "halfvec")
        indexes.install_nearest(schema_editor.connection)


def uninstall(apps, schema_editor):
    if _native(schema_editor):
        indexes.uninstall_nearest(schema_editor.connection)
        _have(schema_editor, "vector")
        indexes.install_vectors(schema_editor.connection, indexes.TABLE)


class Migration(migrations.Migration):

    dependencies = [
        ('memory', '0003_expiring'),
    ]

    operations = [
        # SQLite would make the table anew for a change that is none there.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='entry',
                    name='vector',
                    field=memory.fields.VectorField(blank=True, dimensions=256, editable=False, half=True, null=True),
                ),
            ],
            database_operations=[migrations.RunPython(install, uninstall)],
        ),
    ]
