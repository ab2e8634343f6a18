"""Rows into tables with as little work as possible, for what is written many times a second.

The ORM builds its statements anew each time and makes an object of every row, which costs several
times what the database takes. Here the statements are kept, and rows are tuples. Field names and
values are the models' own; defaults and validation are not applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from pydantic_core import to_json

MAX_PARAMETERS = 900
"""Of one statement; SQLite was once built for 999."""
MANY_PARAMETERS = 50
"""psycopg takes a statement with more of them apart anew each time."""

Convert = Callable[[Any], Any]


class JSONObject(dict[str, Any]):
    """An object that does not change, and whose JSON is kept once it is made: for what is stored
    and sent."""

    __slots__ = ("_text",)

    @property
    def text(self) -> str:
        """Compact. Raises `PydanticSerializationError` for what is no JSON, or no UTF-8."""
        try:
            return self._text
        except AttributeError:
            self._text: str = to_json(self).decode()
            return self._text


@dataclass(frozen=True, slots=True)
class Add:
    """An amount by which `update_returning` changes a number."""

    amount: Any


def insert_rows(
    model: type[models.Model], names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert the rows, whose values are in the order of the field names."""
    _insert_all(model, names, rows, "")


def insert_returning(
    model: type[models.Model], names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """The same; the primary keys that the database gave them, in their order."""
    return _insert_all(model, names, rows, str(model._meta.pk.column))


def _insert_all(
    model: type[models.Model],
    names: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    returning: str,
) -> list[Any]:
    found: list[Any] = []
    if not rows:
        return found
    using = router.db_for_write(model)
    connection = connections[using]
    plan = _plan(model, names, using)
    at_once = max(1, MAX_PARAMETERS // len(names))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite" and not returning:
            # One statement for any number of rows: a connection keeps each with its values.
            cursor.executemany(_insert(plan, 1, ""), [_converted(plan, row) for row in rows])
            return found
        many = len(rows) * len(names) > MANY_PARAMETERS
        if many and plan.types is not None and not returning:
            cursor.execute(_insert_document(plan), [_document(plan, rows)])
            return found
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            cursor.execute(
                _insert(plan, len(part), returning),
                [value for row in part for value in _converted(plan, row)],
            )
            found += [key for (key,) in cursor.fetchall()] if returning else ()
    return found


def insertion(
    model: type[models.Model], names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> tuple[str, list[Any]]:
    """The statement that inserts these rows, and its parameters, to be part of a longer one."""
    plan = _plan(model, names, router.db_for_write(model))
    values = [value for row in rows for value in _converted(plan, row)]
    return _insert(plan, len(rows), ""), values


def insertion_from(
    model: type[models.Model], names: tuple[str, ...], row: tuple[Any, ...], taken: str
) -> tuple[str, list[Any]]:
    """The same for a row whose last field, which is not among the values, is taken from another
    part of the statement (`shelf.id`); nothing where there is none."""
    plan = _plan(model, names, router.db_for_write(model))
    return _insert_from(plan, taken), _converted(plan, (*row, None))[:-1]


def select_rows(
    model: type[models.Model],
    names: tuple[str, ...],
    where: Mapping[str, Any],
    *,
    order_by: tuple[str, ...],
    lock: bool = False,
) -> list[tuple[Any, ...]]:
    """The named fields, as the database has them, of the rows for which every field in `where` has
    that value, or one of them where a tuple is given; `lock` them, where the database can."""
    using = router.db_for_write(model)
    connection = connections[using]
    plan = _plan(model, tuple(where), using)
    counts = tuple(len(value) if isinstance(value, tuple) else 0 for value in where.values())
    lock = lock and connection.features.has_select_for_update
    parameters = _parameters(plan, tuple(where.values()))
    with connection.cursor() as cursor:
        cursor.execute(_select(plan, names, counts, order_by, lock), parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def update_returning(
    model: type[models.Model],
    changes: Mapping[str, Any],
    where: Mapping[str, Any],
    returning: tuple[str, ...],
) -> tuple[Any, ...] | None:
    """Update the row for which every field in `where` has that value, or one of them where a
    tuple is given; the named fields afterwards, as the database has them. None when no row is
    such."""
    using = router.db_for_write(model)
    adds = tuple(isinstance(value, Add) for value in changes.values())
    counts = tuple(len(value) if isinstance(value, tuple) else 0 for value in where.values())
    names = (*changes, *where)
    plan = _plan(model, names, using)
    parameters = _parameters(plan, (*changes.values(), *where.values()))
    with connections[using].cursor() as cursor:
        cursor.execute(_update(plan, adds, counts, returning), parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def update_rows(
    model: type[models.Model],
    names: tuple[str, ...],
    key: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Update one row for each tuple: the values of the fields `names`, then those of the fields
    `key`, which say which row is meant."""
    if not rows:
        return
    using = router.db_for_write(model)
    plan = _plan(model, (*names, *key), using)
    statement = _update(plan, (False,) * len(names), (0,) * len(key), ())
    with connections[using].cursor() as cursor:
        if len(rows) == 1:  # Several take messages of their own to begin and to end.
            cursor.execute(statement, _converted(plan, rows[0]))
        else:
            cursor.executemany(statement, [_converted(plan, row) for row in rows])


# --- Statements --------------------------------------------------------------------------------


def _converted(plan: _Plan, row: tuple[Any, ...]) -> list[Any]:
    """A row as the database takes it."""
    values = list(row)
    for place, convert in plan.conversions.items():
        if (value := values[place]) is not None:
            values[place] = convert(value)
    return values


def _parameters(plan: _Plan, values: tuple[Any, ...]) -> list[Any]:
    """The values as the database takes them, tuples unfolded."""
    parameters: list[Any] = []
    for place, value in enumerate(values):
        convert = plan.conversions.get(place)
        given = value.amount if isinstance(value, Add) else value
        for one in given if isinstance(given, tuple) else (given,):
            parameters.append(one if convert is None or one is None else convert(one))
    return parameters


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Fields of a model on one database."""

    table: str
    columns: tuple[str, ...]
    conversions: Mapping[int, Convert]
    """What makes a parameter of the value in that place, which is not None; where it is one
    already there is nothing."""
    column_of: Mapping[str, str]
    types: tuple[str, ...] | None
    """Of the columns, where the database takes many rows as one JSON document."""


@lru_cache(maxsize=512)
def _plan(model: type[models.Model], names: tuple[str, ...], using: str) -> _Plan:
    connection = connections[using]
    quote = connection.ops.quote_name
    fields = [_field(model, name) for name in names]
    return _Plan(
        table=quote(model._meta.db_table),
        columns=tuple(quote(str(field.column)) for field in fields),
        conversions={
            place: convert
            for place, field in enumerate(fields)
            if (convert := _converter(field, connection)) is not None
        },
        column_of={
            field.attname: quote(str(field.column)) for field in model._meta.concrete_fields
        },
        types=_types(fields, connection),
    )


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """The field of that name; for `debate_id` the foreign key `debate`."""
    return next(
        field for field in model._meta.concrete_fields if name in (field.name, field.attname)
    )


def _converter(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Convert | None:
    """What makes a parameter of a value that is not None; None where it is one already.

    For the fields of every day the gist of `get_db_prep_save`, which does the same for the others
    with twenty calls a value."""
    if isinstance(field, models.ForeignKey):
        return _converter(field.target_field, connection)
    if isinstance(field, models.UUIDField):
        return None if connection.features.has_native_uuid_field else _hex
    if isinstance(field, models.DateTimeField):
        return _moments_of(connection.alias)
    if isinstance(field, models.JSONField):
        return _json
    if isinstance(field, models.CharField | models.TextField):
        return str
    if isinstance(field, models.BooleanField | models.IntegerField | models.FloatField):
        return None
    return lambda value: field.get_db_prep_save(value, connection)


@lru_cache(maxsize=16)
def _moments_of(using: str) -> Convert:
    """The rows of a group, in whatever table, share their moments."""
    return lru_cache(maxsize=64)(connections[using].ops.adapt_datetimefield_value)


_IN_JSON = (
    *(models.UUIDField, models.CharField, models.TextField, models.JSONField, models.BooleanField),
    *(models.IntegerField, models.FloatField, models.DecimalField, models.DateTimeField),
)
"""Fields whose values keep their meaning in a JSON document that PostgreSQL reads."""


def _types(
    fields: Sequence[models.Field[Any, Any]], connection: BaseDatabaseWrapper
) -> tuple[str, ...] | None:
    targets = [
        field.target_field if isinstance(field, models.ForeignKey) else field for field in fields
    ]
    if connection.vendor != "postgresql" or not all(isinstance(t, _IN_JSON) for t in targets):
        return None
    # Without lengths: the columns have them, and refuse what is too long.
    return tuple(str(target.rel_db_type(connection)).partition("(")[0] for target in targets)


def _document(plan: _Plan, rows: Sequence[tuple[Any, ...]]) -> str:
    """The rows as a list of objects, whose names are the columns' numbers."""
    keys = [str(number) for number in range(len(plan.columns))]
    objects = [dict(zip(keys, row, strict=True)) for row in rows]
    return to_json(objects, inf_nan_mode="strings").decode()


@lru_cache(maxsize=512)
def _insert_document(plan: _Plan) -> str:
    columns = ", ".join(plan.columns)
    typed = ", ".join(f'"{number}" {type}' for number, type in enumerate(plan.types or ()))
    return (
        f"INSERT INTO {plan.table} ({columns}) "  # noqa: S608
        f"SELECT * FROM jsonb_to_recordset(%s::jsonb) AS given({typed})"
    )


def _json(value: Any) -> str:
    return value.text if isinstance(value, JSONObject) else to_json(value).decode()


def _hex(value: UUID | str) -> str:
    return (value if isinstance(value, UUID) else UUID(value)).hex


@lru_cache(maxsize=512)
def _insert(plan: _Plan, rows: int, returning: str) -> str:
    row = f"({', '.join(['%s'] * len(plan.columns))})"
    values = ", ".join([row] * rows)
    statement = f"INSERT INTO {plan.table} ({', '.join(plan.columns)}) VALUES {values}"  # noqa: S608
    return f'{statement} RETURNING "{returning}"' if returning else statement


@lru_cache(maxsize=512)
def _insert_from(plan: _Plan, taken: str) -> str:
    values = ", ".join([*["%s"] * (len(plan.columns) - 1), taken])
    columns, source = ", ".join(plan.columns), taken.partition(".")[0]
    return f"INSERT INTO {plan.table} ({columns}) SELECT {values} FROM {source}"  # noqa: S608


@lru_cache(maxsize=512)
def _select(
    plan: _Plan,
    names: tuple[str, ...],
    counts: tuple[int, ...],
    order_by: tuple[str, ...],
    lock: bool,
) -> str:
    columns, order = (
        ", ".join(plan.column_of[name] for name in part) for part in (names, order_by)
    )
    conditions = _conditions(plan.columns, counts)
    statement = f"SELECT {columns} FROM {plan.table} WHERE {conditions} ORDER BY {order}"  # noqa: S608
    return f"{statement} FOR UPDATE" if lock else statement


@lru_cache(maxsize=512)
def _update(
    plan: _Plan, adds: tuple[bool, ...], counts: tuple[int, ...], returning: tuple[str, ...]
) -> str:
    changed, asked = plan.columns[: len(adds)], plan.columns[len(adds) :]
    assignments = ", ".join(
        f"{column} = {column} + %s" if add else f"{column} = %s"
        for column, add in zip(changed, adds, strict=True)
    )
    conditions = _conditions(asked, counts)
    statement = f"UPDATE {plan.table} SET {assignments} WHERE {conditions}"  # noqa: S608
    if returning:
        columns = ", ".join(plan.column_of[name] for name in returning)
        statement = f"{statement} RETURNING {columns}"
    return statement


def _conditions(columns: tuple[str, ...], counts: tuple[int, ...]) -> str:
    return " AND ".join(
        f"{column} IN ({', '.join(['%s'] * count)})" if count else f"{column} = %s"
        for column, count in zip(columns, counts, strict=True)
    )
