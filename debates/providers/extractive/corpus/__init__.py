"""The demo corpus: short, balanced texts that every installation has.

Written for this project and free to use with it. Numbers are stable and start at 101, so that a
citation of the corpus is never mistaken for one of a debate's own documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from debates.engine.types import Document

FIRST_NUMBER = 101
_FOLDER = Path(__file__).resolve().parent

CORPUS_FILES = (
    # Append only: the place in this list is the number that is cited.
    "monolith-or-microservices.md",
    "four-day-week.md",
    "remote-work.md",
    "nuclear-and-renewables.md",
    "sqlite-or-postgresql.md",
    "free-public-transport.md",
    "clock-change.md",
    "old-house-heating.md",
)


@dataclass(frozen=True, slots=True)
class ExampleQuestion:
    """A debate that can be started with one click."""

    title: str
    question: str
    documents: tuple[str, ...]
    """Names in `CORPUS_FILES`; give their texts with the debate (`corpus_documents`)."""


EXAMPLE_QUESTIONS = (
    ExampleQuestion(
        "The four-day week",
        "Should companies move to a four-day work week?",
        ("four-day-week.md",),
    ),
    ExampleQuestion(
        "Monolith or microservices",
        "Should a small team start with a monolith or microservices?",
        ("monolith-or-microservices.md",),
    ),
    ExampleQuestion(
        "Free public transport",
        "Should cities make public transport free?",
        ("free-public-transport.md",),
    ),
    ExampleQuestion(
        "SQLite or PostgreSQL",
        "SQLite or PostgreSQL for a new web product?",
        ("sqlite-or-postgresql.md",),
    ),
    ExampleQuestion(
        "Nuclear power and renewables",
        "Should a country keep its nuclear plants running while it builds up renewables?",
        ("nuclear-and-renewables.md",),
    ),
    ExampleQuestion(
        "Remote work",
        "What makes remote work succeed?",
        ("remote-work.md",),
    ),
    ExampleQuestion(
        "Summer time",
        "Should Europe abolish the twice-yearly clock change?",
        ("clock-change.md",),
    ),
    ExampleQuestion(
        "Heating an old house",
        "What should the owner of an old house do first: insulate or install a heat pump?",
        ("old-house-heating.md",),
    ),
)


def _read(number: int, name: str) -> Document:
    heading, _, text = (_FOLDER / name).read_text(encoding="utf-8").partition("\n")
    return Document(number=number, title=heading.removeprefix("# ").strip(), text=text.strip())


CORPUS = tuple(_read(number, name) for number, name in enumerate(CORPUS_FILES, FIRST_NUMBER))


def corpus_documents(names: tuple[str, ...]) -> tuple[Document, ...]:
    """Corpus texts to give with a debate, numbered from 1. KeyError for an unknown name."""
    by_name = dict(zip(CORPUS_FILES, CORPUS, strict=True))
    return tuple(
        Document(number=number, title=by_name[name].title, text=by_name[name].text)
        for number, name in enumerate(names, 1)
    )
