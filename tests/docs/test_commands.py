"""The documentation's commands parse: their names, options and arguments exist.

A fenced block of shell lines holds commands of this project, which are held against their own
parsers here, or says before it why nobody runs it: `<!-- not run: reason -->`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class
from django.core.management.base import CommandError, CommandParser

from tests.docs.test_pages import DOCUMENTS, ROOT, by_document

NOT_RUN = re.compile(r"<!-- not run: .{10,} -->\s*\Z")
BLOCK = re.compile(r"^( *)```(?:sh|bash|shell|console)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
COMMENT = re.compile(r"(^|\s{2,})#\s.*$")
ASSIGNMENTS = re.compile(r"^\s*(export )?([A-Z][A-Z0-9_]*=\S*\s*)+")
JOBS = ("run", "test", "check", "lock")
"""Of dev.py."""


@dataclass(frozen=True, slots=True)
class Line:
    """One command of a block."""

    words: tuple[str, ...]
    excused: bool
    """Whether its block says that it is not run, and why."""

    def __str__(self) -> str:
        return " ".join(self.words)


def lines_of(document: Path) -> Iterator[Line]:
    text = document.read_text()
    for block in BLOCK.finditer(text):
        excused = NOT_RUN.search(text[: block.start()]) is not None
        for line in block[2].replace("\\\n", " ").splitlines():
            if words := words_of(COMMENT.sub("", line)):
                yield Line(words, excused)


def words_of(line: str) -> tuple[str, ...]:
    """The command, without variables that are set before it; nothing where that is all."""
    return tuple(word for word in shlex.split(ASSIGNMENTS.sub("", line)) if word != "&")


def problem_of(words: tuple[str, ...]) -> str | None:
    """What is wrong with a command of this project; None when nothing is. Raises LookupError for
    a command that is none."""
    match words:
        case (_, "manage.py", name, *arguments) | ("manage.py", name, *arguments):
            return problem_of_management(name, arguments)
        case ("python3", "dev.py", job, *_):
            return None if job in JOBS else f"dev.py has no {job}"
        case ("python", "-m", module, *options) if module.split(".")[0] in {
            *("loadtests", "monitoring", "aragora_site")
        }:
            return problem_of_module(module, options)
        case ("python" | "python3", script, *_) if script.endswith(".py"):
            return None if (ROOT / script).exists() else f"there is no {script}"
    raise LookupError(words)


def problem_of_management(name: str, arguments: list[str]) -> str | None:
    if name not in get_commands():
        return f"there is no command {name}"
    try:
        parser_of(name).parse_args(arguments)
    except SystemExit:  # --help
        return None
    except CommandError as error:
        return str(error)
    return None


def problem_of_module(module: str, options: list[str]) -> str | None:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return f"there is no {module}"
    source = Path(spec.origin).read_text()
    return next(
        (
            f"{module} has no {option}"
            for option in options
            if option.startswith("--") and f'"{option}"' not in source
        ),
        None,
    )


def parser_of(name: str) -> CommandParser:
    found = get_commands()[name]
    command = found if isinstance(found, BaseCommand) else load_command_class(found, name)
    return command.create_parser("manage.py", name)


@by_document
def test_every_command_of_a_block_parses_or_is_excused(document: Path) -> None:
    wrong = []
    for line in lines_of(document):
        try:
            problem = problem_of(line.words)
        except LookupError:
            problem = None if line.excused else "nobody runs it, and the block does not say why"
        if problem:
            wrong.append(f"{line}: {problem}")
    assert wrong == []


@by_document
def test_options_named_in_a_sentence_exist(document: Path) -> None:
    wrong = []
    for code in CODE.findall(document.read_text()):
        named = re.match(r"(?:python )?manage\.py ([a-z_]+)(.*)", code, re.DOTALL)
        if named is None or named[1] not in get_commands():
            continue  # Names of commands are looked at in test_pages.
        known = parser_of(named[1])._option_string_actions
        wrong += [
            f"{named[1]} {option}"
            for option in re.findall(r"--[a-z][a-z-]*", named[2])
            if option not in known
        ]
    assert wrong == []


@pytest.mark.parametrize(
    "command",
    [
        "python manage.py serves",
        "python manage.py serve --ports 80",
        "python -m loadtests.nothing",
        "python -m loadtests.one_instance --debate 10",
        "python3 dev.py runs",
    ],
)
def test_a_command_that_was_renamed_is_found(command: str) -> None:
    assert problem_of(words_of(command))


def test_lines_are_read_as_a_shell_does(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\nexport A=1\nB=x C=y  # said\nA=1 python manage.py check   # all\n"
        "k6 run \\\n  --vus 1\n```\n"
        "<!-- not run: there is none here -->\n```sh\nsysctl -w a=1\n```\n"
    )
    assert [(str(line), line.excused) for line in lines_of(page)] == [
        ("python manage.py check", False),
        ("k6 run --vus 1", False),
        ("sysctl -w a=1", True),
    ]


def test_there_are_commands_to_look_at() -> None:
    assert sum(1 for document in DOCUMENTS for _ in lines_of(document)) > 30
