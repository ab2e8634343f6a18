"""Queries whose text is kept, for what is asked many times a second.

Django phrases a query anew each time it is asked, which takes several times as long as the answer.
Here a query is a function that is called for each new shape of what it is given, with stand-ins in
place of the values. Its text is kept, and from then on the values go where the stand-ins came out.
So the conditions stay those of models, managers and selectors, said once and for every database.

    @kept
    def _names(ids: tuple[int, ...], now: datetime) -> QuerySet[Any, Any]:
        return Agent.objects.filter(pk__in=ids, seen_at__lt=now).values_list("pk", "name")

    for pk, name in _names.rows((1, 2, 3), timezone.now()): ...

A shape is the types of what is given, and whether it is None. Flags are told apart by their value,
tuples by their length, which is rounded up. The tenants of the scope are values like these, so that
all tenants share the texts. The function must look at nothing else that may change. It is called
twice, with different stand-ins: if they leave anything different but at their places, the query is
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any, Generic, NamedTuple, ParamSpec
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from django.db.models.query import get_related_populators

from aragora_site.tenancy import scopes

Given = ParamSpec("Given")
Row = tuple[Any, ...]

MOST_SHAPES = 256
"""Of one query, some kilobytes each: a few lengths of each tuple. What is beyond is phrased anew,
twice over."""
FIRST_STAND_INS = (10_000, 20_000)
"""Numbers that a small column may hold: Django knows what is beyond, and asks for nothing."""
_STAND_INS: dict[type, Callable[[int], Any]] = {
    UUID: lambda number: UUID(int=number),
    int: lambda number: number,
    float: lambda number: number + 0.5,
    str: lambda number: f"stand-in {number}",
    datetime: lambda number: datetime(1000, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
}


class _Shape(NamedTuple):
    """What is known of a value before the query is phrased."""

    type: type | None = None
    """Of what a stand-in is made for; None for a value that is part of the text."""
    constant: Any = None
    room: int | None = None
    """Of a tuple, how many values it has room for."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A query as the database takes it."""

    statement: str
    parameters: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]
    """Which parameter is which of the values that are given."""
    converters: tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]
    """Of the columns that the database does not give as the fields have them."""
    make: Callable[[Row], Any]
    """An object of a row, where it is objects that are asked for."""


class KeptQuery(Generic[Given]):
    """See the module. `phrase` returns rows of the primary database."""

    def __init__(self, phrase: Callable[Given, QuerySet[Any, Any]]) -> None:
        self.__doc__ = phrase.__doc__
        self._phrase: Callable[..., QuerySet[Any, Any]] = phrase
        self._text = lru_cache(maxsize=MOST_SHAPES)(self._phrased)

    def rows(self, *given: Given.args, **none: Given.kwargs) -> list[Row]:
        """What the query finds, where it is a `values_list`. What is given is given by place."""
        return self._ask(given)[1]

    def objects(self, *given: Given.args, **none: Given.kwargs) -> list[Any]:
        """What it finds, where it is objects, maybe with fields deferred or others joined."""
        text, rows = self._ask(given)
        return [] if text is None else list(map(text.make, rows))

    def statement(self, *given: Given.args, **none: Given.kwargs) -> tuple[str, Sequence[Any]]:
        """The query and its parameters, to be part of another one. Raises `EmptyResultSet` where it
        can find nothing."""
        text, parameters = self._filled(given)
        if text is None:
            raise EmptyResultSet
        return text.statement, parameters

    def _ask(self, given: tuple[Any, ...]) -> tuple[_Text | None, list[Row]]:
        text, parameters = self._filled(given)
        if text is None:
            return None, []
        connection = connections[DEFAULT_DB_ALIAS]
        with connection.cursor() as cursor:
            cursor.execute(text.statement, parameters)
            rows: list[Row] = cursor.fetchall()
        return text, _converted(rows, text, connection) if text.converters else rows

    def _filled(self, given: tuple[Any, ...]) -> tuple[_Text | None, list[Any]]:
        """The text for what is given, and its parameters."""
        scope = scopes.current()
        bounded = None if scope is None else not scope.sees_all
        if scope is not None and bounded:
            given = (*given, tuple(scope.tenants), tuple(scope.linked))
        shapes = tuple(map(_shape_of, given))
        text = self._text(shapes, bounded)
        if text is None:
            return None, []
        values = _spread(given, shapes, connections[DEFAULT_DB_ALIAS])
        parameters = list(text.parameters)
        for number, place in text.places:
            parameters[number] = values[place]
        return text, parameters

    def _phrased(self, shapes: tuple[_Shape, ...], bounded: bool | None) -> _Text | None:
        """None where there can be nothing to find. `bounded`: the last two shapes are those of the
        scope; None where there is no scope."""
        connection = connections[DEFAULT_DB_ALIAS]
        phrase = _within_scope(self._phrase) if bounded else self._phrase
        try:
            one, other = (_draft(phrase, shapes, first, connection) for first in FIRST_STAND_INS)
        except EmptyResultSet:
            return None
        places = one.places() & other.places()
        if one.without(places) != other.without(places):
            raise TypeError(f"what is given shows elsewhere than at its places: {shapes}")
        columns = [expression for expression, _, _ in one.compiler.select]
        converters = one.compiler.get_converters(columns)
        return _Text(
            one.statement,
            one.parameters,
            tuple(places),
            tuple((number, *converter) for number, converter in converters.items()),
            _maker(one.compiler),
        )


def kept(phrase: Callable[Given, QuerySet[Any, Any]]) -> KeptQuery[Given]:
    """Have the text of a query kept; its documentation stays."""
    return KeptQuery(phrase)


# --- Phrasing -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Draft:
    """A query with stand-ins."""

    compiler: Any
    statement: str
    parameters: tuple[Any, ...]
    stand_ins: Sequence[Any]

    def places(self) -> set[tuple[int, int]]:
        """Which parameters look like which stand-ins."""
        of = {stand_in: place for place, stand_in in enumerate(self.stand_ins)}
        return {
            (number, of[parameter])
            for number, parameter in enumerate(self.parameters)
            if isinstance(parameter, Hashable) and parameter in of
        }

    def without(self, places: Set[tuple[int, int]]) -> tuple[str, list[Any]]:
        """What is the same whatever is given."""
        given = {number for number, _ in places}
        rest = enumerate(self.parameters)
        return self.statement, [value for number, value in rest if number not in given]


def _within_scope(phrase: Callable[..., QuerySet[Any, Any]]) -> Callable[..., QuerySet[Any, Any]]:
    """The query as a scope sees it that is given after everything else."""

    def bounded(*given: Any) -> QuerySet[Any, Any]:
        *rest, tenants, linked = given
        with scopes.act_in(scopes.Scope(frozenset(tenants), linked=frozenset(linked))):
            return phrase(*rest)

    return bounded


def _draft(
    phrase: Callable[..., QuerySet[Any, Any]],
    shapes: Sequence[_Shape],
    first: int,
    connection: BaseDatabaseWrapper,
) -> _Draft:
    """Raises `EmptyResultSet` where there can be nothing to find."""
    numbers = count(first)
    stand_ins = [_stand_in(shape, numbers) for shape in shapes]
    compiler = phrase(*stand_ins).query.get_compiler(connection=connection)
    statement, parameters = compiler.as_sql()
    return _Draft(compiler, statement, tuple(parameters), _spread(stand_ins, shapes, connection))


def _maker(compiler: Any) -> Callable[[Row], Any]:
    """What `ModelIterable` does with a row."""
    if compiler.klass_info is None:
        return lambda row: row
    model, places = compiler.klass_info["model"], compiler.klass_info["select_fields"]
    first, last = places[0], places[-1] + 1
    names = [column[0].target.attname for column in compiler.select[first:last]]
    # The stubs are those of a later Django.
    related = get_related_populators(  # type: ignore[call-arg]
        compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS
    )

    def make(row: Row) -> Any:
        made = model.from_db(DEFAULT_DB_ALIAS, names, row[first:last])
        for populator in related:
            populator.populate(row, made)
        return made

    return make


# --- What is given ------------------------------------------------------------------------------


def _shape_of(value: Any) -> _Shape:
    if value is None or isinstance(value, bool):
        return _Shape(constant=value)
    if not isinstance(value, tuple):
        return _Shape(type=_type_of(value))
    if not value:
        return _Shape(room=0)
    # So that few texts serve all lengths; what is named again changes nothing.
    return _Shape(type=_type_of(value[0]), room=1 << (len(value) - 1).bit_length())


def _type_of(value: Any) -> type:
    exact = type(value)
    return (
        exact if exact in _STAND_INS else next(one for one in _STAND_INS if isinstance(value, one))
    )


def _stand_in(shape: _Shape, numbers: Iterator[int]) -> Any:
    if shape.type is None:
        return () if shape.room == 0 else shape.constant
    make = _STAND_INS[shape.type]
    if shape.room is None:
        return make(next(numbers))
    return tuple(make(next(numbers)) for _ in range(shape.room))


def _spread(
    values: Iterable[Any], shapes: Sequence[_Shape], connection: BaseDatabaseWrapper
) -> list[Any]:
    """One value after the other, as the fields of its type prepare it, with tuples filled up by
    their last value."""
    spread: list[Any] = []
    for value, shape in zip(values, shapes, strict=True):
        if shape.type is None:
            continue
        prepare = _preparation(shape.type, connection)
        if shape.room is None:
            spread.append(value if prepare is None else prepare(value))
        else:
            spread += value if prepare is None else map(prepare, value)
            spread += [spread[-1]] * (shape.room - len(value))
    return spread


def _preparation(type_: type, connection: BaseDatabaseWrapper) -> Callable[[Any], Any] | None:
    """None for what the database takes as it is."""
    if type_ is str:
        return str  # Of an enumeration, its value.
    if type_ is UUID and not connection.features.has_native_uuid_field:
        return _hex
    return connection.ops.adapt_datetimefield_value if type_ is datetime else None


def _hex(value: UUID) -> str:
    return value.hex


def _converted(rows: list[Row], text: _Text, connection: BaseDatabaseWrapper) -> list[Row]:
    found = []
    for row in rows:
        values = list(row)
        for number, converters, expression in text.converters:
            for convert in converters:
                values[number] = convert(values[number], expression, connection)
        found.append(tuple(values))
    return found
