"""JSON bodies, strictly."""

import json
import re
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from debates.api.errors import InvalidJson
from debates.canonical import NameTwice, unique_names

MAX_DEPTH = 64
"""Far above any honest body; below what makes recursive code fail."""

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


class StrictParser(Parser):
    """UTF-8 JSON without NaN and Infinity, each name once in its object, and not too deep."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            text = request.body.decode("utf-8")
            value = json.loads(
                text, parse_constant=_refuse_constant, object_pairs_hook=unique_names
            )
        except UnicodeDecodeError:
            raise InvalidJson("The body is not UTF-8. Send JSON in UTF-8.") from None
        except RecursionError:
            raise InvalidJson("The body is nested too deeply.") from None
        except NameTwice as error:
            raise InvalidJson(f"{error} Send each name once.") from error
        except json.JSONDecodeError as error:
            raise InvalidJson(
                f"The body is not valid JSON: line {error.lineno}, column {error.colno}."
            ) from None
        except ValueError as error:  # a number of thousands of digits
            raise InvalidJson("The body holds a number that is too long.") from error
        if not isinstance(value, dict):
            raise InvalidJson("Send a JSON object.")
        _check_depth(text)
        return value


def _refuse_constant(word: str) -> NoReturn:
    raise InvalidJson(f"{word} is not JSON. Use a finite number or null.")


def _check_depth(text: str) -> None:
    """Count brackets, without those in strings: cheaper and safer than walking the value."""
    depth = 0
    for bracket in _STRING_OR_BRACKET.finditer(text):
        match bracket.group()[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise InvalidJson(f"The body is nested more than {MAX_DEPTH} levels deep.")
            case "]" | "}":
                depth -= 1
