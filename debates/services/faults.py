"""Collects what is wrong with an input, so that a caller hears of all of it at once."""

import json
from typing import Any

from debates.exceptions import InvalidInput


class Faults:
    """Fields and what is wrong with each, in the order of finding."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, field: str, message: str) -> None:
        """Remember that `field` is wrong; `message` is a sentence that says what would be right."""
        self._found.append((field, message))

    def extend(self, error: InvalidInput, *, field: str) -> None:
        """Take over what another service found; `field` for an error that names none."""
        self._found.extend(error.fields or ((field, str(error)),))

    def about(self, field: str) -> bool:
        """Whether something is wrong with `field`."""
        return any(name == field for name, _ in self._found)

    @property
    def found(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_any(self) -> None:
        """Raise `InvalidInput` with everything found; return when nothing was."""
        if not self._found:
            return
        if len({field for field, _ in self._found}) == 1:
            raise InvalidInput(self._found[0][1], fields=tuple(self._found))
        names = dict.fromkeys(field for field, _ in self._found)
        raise InvalidInput(
            f"Correct these fields and try again: {', '.join(names)}.", fields=tuple(self._found)
        )


def is_storable(text: str) -> bool:
    """Whether every database can hold the text: PostgreSQL takes no NUL, and UTF-8 no half of a
    surrogate pair, which JSON can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


UNSTORABLE = "Remove the characters that are no text (NUL, or half of a surrogate pair)."


def check_text(faults: Faults, field: str, text: str, *, longest: int) -> None:
    """The text fits and can be stored; an empty one is right."""
    if len(text) > longest:
        faults.add(field, f"Use at most {longest:,} characters; these are {len(text):,}.")
    elif not is_storable(text):
        faults.add(field, UNSTORABLE)


def check_json_object(faults: Faults, field: str, value: Any, *, longest: int) -> None:
    """The value is a JSON object of at most `longest` bytes that can be stored."""
    if not isinstance(value, dict):
        faults.add(field, "Use a JSON object.")
        return
    try:
        encoded = json.dumps(value, allow_nan=False)
        storable = _is_storable_json(json.loads(encoded))
    except (TypeError, ValueError, RecursionError):
        faults.add(field, "Use a JSON object of texts, finite numbers, lists and objects.")
        return
    if not storable:
        faults.add(field, UNSTORABLE)
    elif len(encoded) > longest:
        faults.add(field, f"Use at most {longest:,} bytes of JSON; these are {len(encoded):,}.")


def _is_storable_json(value: Any) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(is_storable(key) and _is_storable_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_storable_json, value))
    return True
