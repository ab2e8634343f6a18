"""Debates that an audience can speak in, and people to speak."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from debates.choices import DebateStatus
from debates.engine import codec
from debates.engine.types import Phase, Position, Revision
from debates.models import Debate, Turn
from debates.visitors import Person
from tests.factories import make_debate, make_turn

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWERS = {"ada": "Yes", "ben": "No", "cleo": "No"}
PATIENT = timedelta(seconds=6)
"""Whoever waits so long between messages is never too fast."""


def make_standing(answers: Mapping[str, str] = ANSWERS, **fields: Any) -> Debate:
    """A public debate under way in which these drafts are in."""
    fields.setdefault("status", DebateStatus.RUNNING)
    fields.setdefault("phase", Phase.DRAFT.value)
    debate = make_debate(**fields)
    for agent, answer in answers.items():
        position = Position(answer, f"{agent} says so.", 0.7)
        make_turn(debate, agent, reply=codec.encode_reply(position))
    return debate


def revise(debate: Debate, agent: str, answer: str, *, round: int = 1) -> Turn:
    """The agent answers otherwise from now on."""
    revision = Revision(Position(answer, "On second thoughts.", 0.6), True, "The first step.")
    return make_turn(
        debate,
        agent,
        round=round,
        phase=Phase.EXCHANGE.value,
        reply=codec.encode_reply(revision),
    )


def person(user: User) -> Person:
    """Somebody who is signed in."""
    return Person(f"user:{user.pk}", user)


def visitor(name: str, *, source: str = "here") -> Person:
    """Somebody who is not."""
    return Person(f"visitor:{name}", None, source)
