"""Checks values against the TypedDicts that describe them."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict


def faults(value: Any, schema: Any, at: str = "$") -> Iterator[str]:
    """Where a value is not what the schema says: missing, unknown and wrong fields."""
    origin = get_origin(schema)
    if origin is NotRequired:
        yield from faults(value, get_args(schema)[0], at)
    elif origin in (Union, types.UnionType):
        if all(list(faults(value, option, at)) for option in get_args(schema)):
            yield f"{at}: {value!r} is not {schema}"
    elif is_typeddict(schema):
        yield from _object_faults(value, schema, at)
    elif not _is_plain(value, origin or schema):
        yield f"{at}: {value!r} is no {schema}"
    elif origin is list:
        for index, item in enumerate(value):
            yield from faults(item, get_args(schema)[0], f"{at}[{index}]")


def _object_faults(value: Any, schema: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no object"
        return
    hints = get_type_hints(schema, include_extras=True)
    for name in value.keys() - hints.keys():
        yield f"{at}.{name}: not in the schema"
    for name, hint in hints.items():
        if name in value:
            yield from faults(value[name], hint, f"{at}.{name}")
        elif get_origin(hint) is not NotRequired:
            yield f"{at}.{name}: missing"


def _is_plain(value: Any, schema: Any) -> bool:
    if schema is Any:
        return True
    if schema is float:
        schema = int | float
    return isinstance(value, schema) and (schema is bool or not isinstance(value, bool))
