"""A verdict arranged for its page, with what speaks for it and against it. Pure.

static/js/render.js arranges the same in the same way while a debate is live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from debates.engine.types import DecisionMode, StopReason
from debates.selectors.audience import AUDIENCE
from debates.streaming.events import AudienceVerdict, Consensus
from debates.web.seats import Seat, find_seat
from debates.web.words import DECISIONS, STOP_REASONS, Word

LONG_TEXT, SHORT_TEXT = 220, 24
"""Characters from which a text is set in a smaller size, and up to which in a larger one."""


@dataclass(frozen=True, slots=True)
class CandidateView:
    answer: str
    points: str
    share: float
    """Of the highest score, for a bar."""
    voters: tuple[Seat, ...]
    authors: tuple[Seat, ...]
    is_winner: bool


@dataclass(frozen=True, slots=True)
class Support:
    """The reason for the winning answer, and who gave it."""

    seat: Seat
    rationale: str


@dataclass(frozen=True, slots=True)
class Dissent:
    seat: Seat
    answer: str
    rationale: str


@dataclass(frozen=True, slots=True)
class FlipView:
    seat: Seat
    round: int
    before: str
    after: str
    reasoned: bool


@dataclass(frozen=True, slots=True)
class VerdictView:
    reached: bool
    is_asked_for: bool
    """Whether there was a rule by which to decide."""
    is_judged: bool
    """The points of the candidates are a judge's selections, out of two, and not votes."""
    answer: str
    size: str
    """"long", "short", or empty for what lies between."""
    confidence: float
    agreement: float
    method: Word
    explanation: str
    stop_reason: Word
    supporters: tuple[Seat, ...]
    support: Support | None
    abstained: tuple[Seat, ...]
    dissent: tuple[Dissent, ...]
    candidates: tuple[CandidateView, ...]
    flips: tuple[FlipView, ...]
    hollow: bool
    order_consistent: bool | None
    audience: AudienceVerdict | None
    """None when nobody in the audience voted."""


def size_of(text: str) -> str:
    """How large a text can be set: "short", "long", or neither."""
    if len(text) > LONG_TEXT:
        return "long"
    return "short" if len(text) <= SHORT_TEXT else ""


def present_verdict(consensus: Consensus, seats: Mapping[str, Seat]) -> VerdictView:
    detail = consensus["verdict"]
    return VerdictView(
        reached=consensus["reached"],
        is_asked_for=consensus["method"] != DecisionMode.NONE,
        is_judged=consensus["method"] == DecisionMode.JUDGE,
        answer=consensus["result"],
        size=size_of(consensus["result"]),
        confidence=consensus["confidence"],
        agreement=consensus["agreement"],
        method=DECISIONS[DecisionMode(consensus["method"])],
        explanation=consensus["explanation"],
        stop_reason=STOP_REASONS[StopReason(consensus["stop_reason"])],
        supporters=tuple(find_seat(seats, name) for name in consensus["supporting_agents"]),
        support=_support(detail, seats) if consensus["reached"] else None,
        abstained=tuple(find_seat(seats, name) for name in detail.get("abstained", ())),
        dissent=tuple(
            Dissent(find_seat(seats, view["agent"]), view["answer"], view["rationale"])
            for view in detail["dissenting"]
        ),
        candidates=_candidates(detail, seats),
        flips=tuple(
            FlipView(
                find_seat(seats, flip["agent"]),
                flip["round"],
                flip["before"],
                flip["after"],
                flip["reasoned"],
            )
            for flip in detail["flips"]
        ),
        hollow=detail["hollow"],
        order_consistent=detail["order_consistent"],
        audience=detail.get(AUDIENCE),
    )


def _candidates(detail: Mapping[str, Any], seats: Mapping[str, Seat]) -> tuple[CandidateView, ...]:
    """The answers that were voted on, the highest score first."""
    tally: Mapping[str, float] = detail["tally"]
    highest = max(tally.values(), default=0.0)
    voters: dict[str, list[Seat]] = {}
    for ballot in detail["ballots"]:
        if ballot["ranking"]:
            voters.setdefault(ballot["ranking"][0], []).append(find_seat(seats, ballot["voter"]))
    views = [
        CandidateView(
            answer=candidate["answer"],
            points=f"{tally.get(candidate['id'], 0.0):g}",
            share=tally.get(candidate["id"], 0.0) / highest if highest > 0 else 0.0,
            voters=tuple(voters.get(candidate["id"], ())),
            authors=tuple(find_seat(seats, name) for name in candidate["authors"]),
            is_winner=bool(detail["reached"]) and candidate["answer"] == detail["answer"],
        )
        for candidate in detail["candidates"]
    ]
    return tuple(sorted(views, key=lambda view: (not view.is_winner, -view.share)))


def _support(detail: Mapping[str, Any], seats: Mapping[str, Seat]) -> Support | None:
    """The winning candidate's reason; without one, that of the first ballot for it."""
    winner = next((one for one in detail["candidates"] if one["answer"] == detail["answer"]), None)
    if winner is None:
        return None
    if winner["rationale"].strip() and winner["authors"]:
        return Support(find_seat(seats, winner["authors"][0]), winner["rationale"])
    for ballot in detail["ballots"]:
        if ballot["ranking"][:1] == [winner["id"]] and ballot["reason"].strip():
            return Support(find_seat(seats, ballot["voter"]), ballot["reason"])
    return None
