"""A vector in a column: pgvector's type where the database has it, bytes elsewhere."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from pydantic_core import to_json

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field

_types: dict[tuple[str, str], str] = {}
NATIVE = ("vector", "halfvec")


class VectorField(_Field):
    """So many 32-bit floats. The value is their bytes, whatever the column holds: pgvector's
    column may have them in half the bytes (`half`), which tells similarities apart to 0.001."""

    def __init__(self, dimensions: int = 256, *, half: bool = False, **options: Any) -> None:
        self.dimensions = dimensions
        self.half = half
        super().__init__(**options)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        told = {"dimensions": self.dimensions} | ({"half": True} if self.half else {})
        return name, path, args, kwargs | told

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        if connection.vendor != "postgresql":
            return "BLOB"
        if not has_pgvector(connection):
            return "bytea"
        return f"{'halfvec' if self.half else 'vector'}({self.dimensions})"

    def get_placeholder(self, value: Any, compiler: Any, connection: BaseDatabaseWrapper) -> str:
        return "%s::vector" if self._is_native(connection) else "%s"

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if value is None:
            return None
        return as_text(value) if self._is_native(connection) else bytes(value)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else as_bytes(value)

    def _is_native(self, connection: BaseDatabaseWrapper) -> bool:
        return is_native(connection.alias, self.model._meta.db_table, str(self.column))


def as_text(value: bytes) -> str:
    """As pgvector reads it."""
    return to_json(array("f", bytes(value)).tolist()).decode()


def as_bytes(value: Any) -> bytes:
    """What a column gave."""
    if isinstance(value, str):
        return array("f", map(float, value.strip("[]").split(","))).tobytes()
    return bytes(value)


def has_pgvector(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regtype('vector') IS NOT NULL")
        return bool(cursor.fetchone()[0])


def is_native(using: str, table: str, column: str) -> bool:
    """Whether this column is one of pgvector's types: the extension may have come later than the
    table. Asked once."""
    return native_type(using, table, column) in NATIVE


def native_type(using: str, table: str, column: str) -> str:
    """The name of the column's type; empty for other databases and where there is no such table."""
    if connections[using].vendor != "postgresql":
        return ""
    key = (str(connections[using].settings_dict["NAME"]), f"{table}.{column}")
    if key not in _types:
        with connections[using].cursor() as cursor:
            cursor.execute(
                "SELECT format_type(atttypid, NULL) FROM pg_attribute "
                "WHERE attrelid = to_regclass(%s) AND attname = %s",
                [table, column],
            )
            row = cursor.fetchone()
        if row is None:
            return ""
        _types[key] = row[0].rpartition(".")[2].strip('"')
    return _types[key]


def forget_types() -> None:
    """For a migration that changes one."""
    _types.clear()
