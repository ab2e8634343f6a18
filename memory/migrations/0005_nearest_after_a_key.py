"""The index of vectors is in the order of keys within a scope, too, so that a search can begin after
those that a process has at hand; and fewer new words wait to be sorted into theirs.

The first only where the column is pgvector's. It is built beside the old one, while entries are read
and written."""

from django.db import migrations

import memory.fields
from memory import indexes

NEW = f"{indexes.NEAREST}_by_key"


def install(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    schema_editor.execute(indexes.FEW_WAITING)
    memory.fields.forget_types()
    if not memory.fields.is_native(connection.alias, indexes.TABLE, "vector"):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT position('(scope_id, id)' IN pg_get_indexdef(to_regclass(%s))) > 0",
            [indexes.NEAREST],
        )
        if cursor.fetchone()[0]:
            return  # New databases have it so from the beginning.
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NEW}")  # Of an attempt that failed.
        cursor.execute(f"CREATE INDEX CONCURRENTLY {NEW} ON {indexes.TABLE} {indexes.BY_KEY}")
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {indexes.NEAREST}")
        cursor.execute(f"ALTER INDEX {NEW} RENAME TO {indexes.NEAREST}")


def uninstall(apps, schema_editor):
    """The one before searches by this index of vectors as well."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER INDEX {indexes.WORDS} RESET (gin_pending_list_limit)")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('memory', '0004_nearest_in_a_scope'),
    ]

    operations = [
        migrations.RunPython(install, uninstall),
    ]
