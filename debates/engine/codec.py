"""The engine's types as JSON and back, without loss.

`encode` turns a value into dicts, lists and plain values that `json` can write; `decode` makes the
value again from its type. A union of dataclasses (`Reply`, the outcome of a `Turn`) is told apart
by a "kind" beside the fields. Fields with a default may be absent, so that what was stored before
a field was added can still be read; fields that are not known are left out.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast

from debates.engine.types import Failure, Reply, Turn, Verdict

T = TypeVar("T")
KIND = "kind"


class CodecError(ValueError):
    """The JSON does not hold what it should."""


def encode(value: object) -> Any:
    """`value`, made of the engine's types, as JSON. Sets become sorted lists."""
    kind: type = type(value)
    return value if kind in _PLAIN else _encoder(kind)(value)


def decode(kind: type[T], data: Any) -> T:
    """The `kind` that was encoded as `data`. Raises `CodecError`."""
    return cast(T, _decode(kind, data))


def encode_reply(reply: Reply) -> dict[str, Any]:
    return cast(dict[str, Any], encode(reply))


def decode_reply(data: Mapping[str, Any]) -> Reply:
    return cast(Reply, _decode(Reply, data))


def encode_verdict(verdict: Verdict) -> dict[str, Any]:
    return cast(dict[str, Any], encode(verdict))


def decode_verdict(data: Mapping[str, Any]) -> Verdict:
    return decode(Verdict, data)


def encode_turn(turn: Turn) -> dict[str, Any]:
    return cast(dict[str, Any], encode(turn))


def decode_turn(data: Mapping[str, Any]) -> Turn:
    return decode(Turn, data)


_PLAIN = frozenset((str, int, float, bool, type(None)))
_TAGGED = frozenset((*typing.get_args(Reply), Failure))


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


Encoder = Callable[[Any], Any]


@cache
def _encoder(kind: type) -> Encoder:
    """How to write a `kind`; worked out once."""
    if dataclasses.is_dataclass(kind):
        return _dataclass_encoder(kind)
    if issubclass(kind, StrEnum):
        return attrgetter("value")
    if issubclass(kind, str | int | float):
        return lambda value: value
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(item) for key, item in value.items()}
    if issubclass(kind, frozenset):
        return lambda value: sorted(map(encode, value))
    if issubclass(kind, Iterable):
        return lambda value: [item if type(item) in _PLAIN else encode(item) for item in value]
    raise TypeError(f"{kind.__name__} is not one of the engine's types")


def _dataclass_encoder(kind: type) -> Encoder:
    names, tag = _field_names(kind), {KIND: kind.__name__} if kind in _TAGGED else {}

    def write(value: Any) -> dict[str, Any]:
        members = tag.copy()
        for name in names:
            item = getattr(value, name)
            members[name] = item if type(item) in _PLAIN else encode(item)
        return members

    return write


def _decode(kind: Any, data: Any) -> Any:
    try:
        return _decoder(kind)(data)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"This is not a {getattr(kind, '__name__', kind)}: {error}") from error


Decoder = Callable[[Any], Any]


@cache
def _decoder(kind: Any) -> Decoder:
    """How to read a `kind`; worked out once."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, typing.NewType):
        return _decoder(kind.__supertype__)
    if dataclasses.is_dataclass(kind):
        return _dataclass_decoder(cast(type, kind))
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(arguments)
    if origin is tuple:
        item = _decoder(arguments[0])
        return lambda data: tuple(item(one) for one in _checked(list, data))
    if origin is frozenset:
        item = _decoder(arguments[0])
        return lambda data: frozenset(item(one) for one in _checked(list, data))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = _decoder(arguments[1])
        return lambda data: {key: item(one) for key, one in _checked(dict, data).items()}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if kind is float:
        return lambda data: data if type(data) is float else float(_checked((int, float), data))
    return lambda data: data if type(data) is kind else _checked(kind, data)


def _checked(kind: Any, data: Any) -> Any:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise CodecError(f"{type(data).__name__} where {kind} is due.")
    return data


def _dataclass_decoder(kind: type) -> Decoder:
    hints = typing.get_type_hints(kind)
    decoders = {name: _decoder(hints[name]) for name in _field_names(kind)}

    def read(data: Any) -> Any:
        _checked(dict, data)
        return kind(**{name: item(data[name]) for name, item in decoders.items() if name in data})

    return read


def _union_decoder(members: tuple[Any, ...]) -> Decoder:
    by_kind = {member.__name__: _decoder(member) for member in members if member in _TAGGED}
    if by_kind:
        return lambda data: by_kind[data[KIND]](data)
    # What is left are optional values.
    (member,) = (one for one in members if one is not types.NoneType)
    item = _decoder(member)
    return lambda data: None if data is None else item(data)
