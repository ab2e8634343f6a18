"""A debate's snapshot arranged for its page: seats, columns, ballots, the verdict. Pure.

static/js/render.js arranges the same state in the same way while a debate is live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from debates.choices import DebateStatus, EventType
from debates.engine.types import DecisionMode, HeardAs, ProtocolName, StopReason
from debates.selectors import Snapshot
from debates.selectors.transcript import AgentRound, Note, RoundState, Transcript
from debates.streaming.events import (
    AgentError,
    Propose,
    RecalledEntry,
    RevisionMade,
    SettledBefore,
    Vote,
)
from debates.web.seats import Seat, find_seat, seat_of
from debates.web.verdicts import VerdictView, present_verdict, size_of
from debates.web.words import (
    BY_EXTRACTIVE_AGENTS,
    DECISIONS,
    PROTOCOLS,
    STATUSES,
    STOP_REASONS,
    Word,
)


@dataclass(frozen=True, slots=True)
class Remark:
    """A critique, with the seat that it is aimed at."""

    target: Seat
    content: str
    issues: Sequence[str]
    """Those that the content does not say itself."""
    severity: float


@dataclass(frozen=True, slots=True)
class Column:
    """What one agent said in one round."""

    seat: Seat
    proposal: Propose | None
    revision: RevisionMade | None
    remarks: tuple[Remark, ...]
    errors: tuple[AgentError, ...]

    @property
    def is_silent(self) -> bool:
        return not (self.proposal or self.revision or self.remarks or self.errors)


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote, or one of a judge's two selections."""

    seat: Seat
    reasoning: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Pile:
    """The votes that lie with one answer."""

    answer: str
    casts: tuple[Cast, ...]


@dataclass(frozen=True, slots=True)
class RoundView:
    number: int
    title: str
    columns: tuple[Column, ...]
    """Empty when nobody spoke in it, as in a round of votes alone."""
    piles: tuple[Pile, ...]
    judge_piles: tuple[Pile, ...]
    """What the judge selected, once for each order of the answers."""
    agreement: float | None
    stability: float | None


@dataclass(frozen=True, slots=True)
class StandingView:
    """An answer that somebody stands behind now, and the audience's votes for it."""

    candidate: str
    answer: str
    holders: tuple[Seat, ...]
    votes: int


@dataclass(frozen=True, slots=True)
class NoteView:
    timestamp: str
    text: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class SettledView:
    """An answer that earlier debates of the same question came to."""

    newest: SettledBefore
    times: int

    @property
    def by(self) -> str:
        """Who came to it, where they are no language models."""
        return "" if self.newest.get("by_language_models", True) else BY_EXTRACTIVE_AGENTS


@dataclass(frozen=True, slots=True)
class RecallView:
    """What the first round was shown of earlier debates, and where they had settled it."""

    entries: tuple[RecalledEntry, ...]
    settled: tuple[SettledView, ...]


@dataclass(frozen=True, slots=True)
class DebatePage:
    """Everything the page says."""

    snapshot: Snapshot
    question: str
    size: str
    seats: tuple[Seat, ...]
    judge: Seat | None
    status: str
    status_word: Word
    protocol: Word
    decision: Word
    stop_reason: Word | None
    rounds: tuple[RoundView, ...]
    verdict: VerdictView | None
    notes: tuple[NoteView, ...]
    standing: tuple[StandingView, ...]
    recall: RecallView | None = None
    latest: RoundView | None = field(default=None)
    """The newest round whose figures are known."""

    @property
    def is_over(self) -> bool:
        return self.status in {
            DebateStatus.COMPLETED,
            DebateStatus.FAILED,
            DebateStatus.CANCELLED,
        }


def present_debate(snapshot: Snapshot) -> DebatePage:
    """The page of a debate, from `selectors.debate_snapshot`."""
    debate = snapshot["debate"]
    seats = tuple(seat_of(card, colour) for colour, card in enumerate(debate["panel"]))
    judge = seat_of(debate["judge"], None) if debate["judge"] else None
    by_name = {seat.name: seat for seat in (*seats, *filter(None, (judge,)))}
    transcript = snapshot["transcript"]
    rounds = tuple(_round(state, by_name, judge) for state in transcript["rounds"])
    status = DebateStatus(debate["status"])
    return DebatePage(
        snapshot=snapshot,
        question=debate["task"],
        size=size_of(debate["task"]),
        seats=seats,
        judge=judge,
        status=status.value,
        status_word=STATUSES[status],
        protocol=PROTOCOLS[ProtocolName(debate["protocol"]["name"])],
        decision=DECISIONS[DecisionMode(debate["protocol"]["decision"])],
        stop_reason=_stop_reason(debate["stop_reason"]),
        rounds=rounds,
        verdict=present_verdict(transcript["verdict"], by_name) if transcript["verdict"] else None,
        notes=tuple(_notes(transcript["notes"])),
        standing=_standing(transcript, by_name),
        recall=_recall(transcript["notes"]),
        latest=next((r for r in reversed(rounds) if r.agreement is not None), None),
    )


def _round(state: RoundState, seats: Mapping[str, Seat], judge: Seat | None) -> RoundView:
    columns = tuple(_column(agent, seats) for agent in state["agents"])
    spoken = tuple(column for column in columns if not column.is_silent)
    votes = [vote for agent in state["agents"] for vote in agent["votes"]]
    readings = [vote for vote in votes if judge and vote["agent"] == judge.name]
    return RoundView(
        number=state["number"],
        title=round_title(state["number"]),
        columns=spoken,
        piles=_piles([vote for vote in votes if vote not in readings], seats),
        judge_piles=_piles(readings, seats),
        agreement=state["agreement"],
        stability=state["stability"],
    )


def round_title(number: int) -> str:
    return f"Round {number}" if number else "Blind drafts"


def _column(agent: AgentRound, seats: Mapping[str, Seat]) -> Column:
    return Column(
        seat=find_seat(seats, agent["agent"]),
        proposal=agent["proposal"],
        revision=agent["revision"],
        remarks=tuple(
            Remark(
                find_seat(seats, critique["target_agent"]),
                critique["content"],
                [issue for issue in critique["issues"] if issue not in critique["content"]],
                critique["severity"],
            )
            for critique in agent["critiques"]
        ),
        errors=tuple(agent["errors"]),
    )


def _piles(votes: Iterable[Vote], seats: Mapping[str, Seat]) -> tuple[Pile, ...]:
    """Votes by the answer that they rank first, the largest pile first."""
    piles: dict[str, list[Cast]] = {}
    for vote in votes:
        cast = Cast(find_seat(seats, vote["agent"]), vote["reasoning"], vote["confidence"])
        piles.setdefault(vote["choice"], []).append(cast)
    ordered = sorted(piles.items(), key=lambda pile: -len(pile[1]))
    return tuple(Pile(answer, tuple(casts)) for answer, casts in ordered)


def _standing(transcript: Transcript, seats: Mapping[str, Seat]) -> tuple[StandingView, ...]:
    """The answers that somebody stands behind now, oldest first."""
    positions: dict[str, str] = {}
    answers: dict[str, str] = {}
    for state in transcript["rounds"]:
        for agent in state["agents"]:
            for said in (agent["proposal"], agent["revision"]):
                if said and (candidate := said.get("candidate")):
                    positions[agent["agent"]] = candidate
                    answers.setdefault(candidate, said["answer"])
    votes = {count["candidate"]: count["votes"] for count in transcript["audience"]["candidates"]}
    return tuple(
        StandingView(candidate, answer, holders, votes.get(candidate, 0))
        for candidate, answer in answers.items()
        if (
            holders := tuple(
                find_seat(seats, name)
                for name in transcript["agents"]
                if positions.get(name) == candidate
            )
        )
    )


def _stop_reason(reason: str) -> Word | None:
    return STOP_REASONS[StopReason(reason)] if reason else None


def _recall(notes: Iterable[Note]) -> RecallView | None:
    for note in notes:
        if note["type"] == EventType.MEMORY_RECALL:
            data = note["data"]
            return RecallView(tuple(data["entries"]), _settled(data.get("settled", ())))
    return None


def _settled(found: Iterable[SettledBefore]) -> tuple[SettledView, ...]:
    """Each question and answer once, in the order of the first."""
    alike: dict[tuple[str, str], list[SettledBefore]] = {}
    for one in found:
        alike.setdefault((one["question"], one["answer"]), []).append(one)
    return tuple(
        SettledView(max(debates, key=lambda one: one["completed_at"]), len(debates))
        for debates in alike.values()
    )


NOTE_TEXTS = {
    EventType.HOLLOW_CONSENSUS: (
        "The majority was hollow; the blind plurality was kept",
        "message",
    ),
    EventType.INTERVENTION: ("A person stepped in", "content"),
    EventType.AUDIENCE_SUGGESTION: ("A suggestion from the audience", "content"),
    EventType.AGENT_MESSAGE: ("A person spoke", "content"),
    EventType.SYNTHESIS: ("A synthesis beside the answers", "content"),
    EventType.MEMORY_RECALL: ("Earlier debates were recalled", ""),
    EventType.MATCH_RECORDED: ("The ratings were updated", ""),
    EventType.DEBATE_PAUSED: ("Paused", "reason"),
    EventType.DEBATE_RESUMED: ("Resumed", ""),
    EventType.DEBATE_CANCELLED: ("Cancelled", "reason"),
    EventType.DEBATE_FAILED: ("Failed", "message"),
}
"""What a note says, and the field of its payload that follows."""
INTERVENTION_TEXTS = {
    f"{EventType.INTERVENTION}:{kind}": (said, "content")
    for kind, said in (
        (HeardAs.REDIRECT, "A person redirected the panel"),
        (HeardAs.CONSTRAINT, "A person set a constraint"),
        (HeardAs.CHALLENGE, "A person challenged the panel"),
        (HeardAs.EVIDENCE_REQUEST, "A person asked for evidence"),
    )
}
"""The same, where the `type` in the payload says more than that of the event."""


def _notes(notes: Iterable[Note]) -> Iterable[NoteView]:
    for note in notes:
        text, key = INTERVENTION_TEXTS.get(
            f"{note['type']}:{note['data'].get('type', '')}"
        ) or NOTE_TEXTS.get(EventType(note["type"]), (note["type"].replace("_", " "), ""))
        body = str(note["data"].get(key, "")) if key else ""
        if note["type"] == EventType.MATCH_RECORDED:
            body = ", ".join(
                f"{change['agent']} {change['elo_after'] - change['elo_before']:+.1f}"
                for change in note["data"]["results"]
            )
        yield NoteView(timestamp=note["timestamp"], text=text, body=body)
