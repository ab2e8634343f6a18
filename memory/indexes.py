"""What the databases keep beside the entries to search them: words, and vectors where pgvector is.

Migrations and `reindex_memory` install it; installing again changes nothing. On SQLite the words
follow the entries by triggers, so that whatever removes an entry removes its words. SQLite rebuilds
a table to alter it and drops its triggers: a later migration of `Entry` has to install again.
"""

from __future__ import annotations

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from memory.fields import is_native

TABLE, WORDS, NEAREST = "memory_entry", "memory_entry_words", "memory_entry_nearest"
_LOOKED_AT = (
    "workspace_id, embedder, expires_at, is_public, tier, kind, importance, debate_id, vector"
)
BY_KEY = f"(scope_id, id) INCLUDE ({_LOOKED_AT})"
_ADD = f"INSERT INTO {WORDS}(rowid, content, scope_id) VALUES (new.id, new.content, new.scope_id)"  # noqa: S608
_TAKE = (
    f"INSERT INTO {WORDS}({WORDS}, rowid, content, scope_id) "  # noqa: S608
    "VALUES ('delete', old.id, old.content, old.scope_id)"
)
_SQLITE = (
    # The scope is a word of the entry, so that the index itself keeps tenants apart.
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {WORDS} USING fts5("
    f"content, scope_id, content='{TABLE}', content_rowid='id', "
    "tokenize='porter unicode61 remove_diacritics 2')",
    f"CREATE TRIGGER IF NOT EXISTS {WORDS}_insert AFTER INSERT ON {TABLE} BEGIN {_ADD}; END",
    f"CREATE TRIGGER IF NOT EXISTS {WORDS}_delete AFTER DELETE ON {TABLE} BEGIN {_TAKE}; END",
    f"CREATE TRIGGER IF NOT EXISTS {WORDS}_update AFTER UPDATE OF content, scope_id ON {TABLE} "
    f"BEGIN {_TAKE}; {_ADD}; END",
)
_COMMAND = f"INSERT INTO {WORDS}({WORDS}) VALUES (%s)"  # noqa: S608
FEW_WAITING = f"ALTER INDEX {WORDS} SET (gin_pending_list_limit = 256)"
"""What is new waits to be sorted into the words, and every search reads all that waits: by default
4096 KB, which takes 2 ms. These are about a hundred entries."""
_POSTGRESQL = (
    f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS words tsvector "
    "GENERATED ALWAYS AS (to_tsvector('english', content)) STORED",
    f"CREATE INDEX IF NOT EXISTS {WORDS} ON {TABLE} USING gin (words)",
    FEW_WAITING,
)


def create_extension(connection: BaseDatabaseWrapper) -> None:
    """Have pgvector, where the server has it and lets us; elsewhere vectors are bytes."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
        if cursor.fetchone() is None:
            return
        try:
            with transaction.atomic(using=connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except DatabaseError:
            return  # Only an administrator may, here.


def install_words(connection: BaseDatabaseWrapper) -> None:
    """Full-text search over the entries."""
    statements = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def uninstall_words(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {TABLE} DROP COLUMN IF EXISTS words")
            return
        for event in ("insert", "delete", "update"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {WORDS}_{event}")
        cursor.execute(f"DROP TABLE IF EXISTS {WORDS}")


def rebuild_words(connection: BaseDatabaseWrapper) -> None:
    """Make the words anew from the entries; on PostgreSQL they cannot differ."""
    if connection.vendor != "postgresql":
        install_words(connection)
        with connection.cursor() as cursor:
            cursor.execute(_COMMAND, ["rebuild"])


def purge_words(connection: BaseDatabaseWrapper) -> None:
    """Have nothing of removed entries left in the files of the index: SQLite only marks words as
    deleted until it merges. For when somebody asked to forget; not for every eviction."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_COMMAND, ["optimize"])


def install_nearest(connection: BaseDatabaseWrapper) -> None:
    """What the nearest entries of a scope are found by: their vectors, side by side in the order of
    scopes and of keys, with everything that a search asks of them and the policies look at, so that
    it reads nothing else. All entries of a scope are compared, which is exact and costs as much as
    the scope holds; a graph over all tenants would find others' entries first and leave them out
    again. A search begins after the keys whose vectors are at hand."""
    if not is_native(connection.alias, TABLE, "vector"):
        return
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {TABLE}_vector_hnsw")
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {NEAREST} ON {TABLE} {BY_KEY}")


def uninstall_nearest(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX IF EXISTS {NEAREST}")


def install_vectors(connection: BaseDatabaseWrapper, table: str, column: str = "vector") -> None:
    """An HNSW index (Malkov and Yashunin 2016, arXiv 1603.09320) where the column is pgvector's.

    By inner product, which for vectors of length one is the cosine."""
    if not is_native(connection.alias, table, column):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX IF NOT EXISTS {table}_{column}_hnsw ON {table} "
            f"USING hnsw ({column} vector_ip_ops)"
        )
