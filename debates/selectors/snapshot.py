"""The state of a debate, its events and its messages, from the log."""

from collections.abc import Iterable
from typing import Any, TypedDict

from django.db.models import QuerySet

from debates.choices import EventType
from debates.models import Debate, DebateEvent
from debates.selectors.objects import DebateObject, agent_names, debate_object
from debates.selectors.queue import queue_place
from debates.selectors.transcript import LoggedEvent, Transcript, fold
from debates.streaming.envelope import timestamp

MAX_EVENTS = 500
MESSAGE_TYPES = (
    EventType.PROPOSE,
    EventType.CRITIQUE,
    EventType.REVISION,
    EventType.AGENT_MESSAGE,
    EventType.SYNTHESIS,
)
HUMAN = "human"
"""The `role` of a person's turn in `streaming.events.AgentMessage`."""


class Snapshot(TypedDict):
    """Everything about a debate as of `seq`: what the page shows and `sync` sends."""

    debate: DebateObject
    context: str
    documents: list["DocumentTitle"]
    transcript: Transcript
    queue_position: int | None
    """Place among those that wait, from 1."""
    estimated_wait_seconds: int | None
    """About how long it still waits, where that can be told."""
    seq: int
    epoch: str


class DocumentTitle(TypedDict):
    number: int
    title: str
    source: str


class Message(TypedDict):
    """Something that was said, in the form of chat clients."""

    index: int
    role: str
    """"assistant" for agents, "user" for people."""
    content: str
    agent: str
    round: int | None
    phase: str
    timestamp: str
    metadata: dict[str, Any]
    """The rest of the event: its type, and whatever its payload holds beside the above."""


def debate_snapshot(debate: Debate) -> Snapshot:
    """The state as of `debate.last_seq`.

    Events never change and every change of state is committed with one, so the row and the events
    up to its `last_seq` belong together, although they are read one after the other."""
    place = queue_place(debate)
    rows = DebateEvent.objects.filter(debate=debate, seq__lte=debate.last_seq).order_by("seq")
    return Snapshot(
        debate=debate_object(debate),
        context=debate.context,
        documents=[
            DocumentTitle(number=number, title=title, source=source)
            for number, title, source in debate.documents.order_by("number").values_list(
                "number", "title", "source"
            )
        ],
        transcript=fold(agent_names(debate), logged(rows)),
        queue_position=place.position if place else None,
        estimated_wait_seconds=place.estimated_wait_seconds if place else None,
        seq=debate.last_seq,
        epoch=str(debate.epoch),
    )


def logged(rows: Iterable[DebateEvent]) -> Iterable[LoggedEvent]:
    """Rows of the log as the fold takes them."""
    return (
        LoggedEvent(
            seq=row.seq,
            type=row.type,
            data=row.data,
            timestamp=timestamp(row.created_at),
            round=row.round,
            agent=row.agent or None,
        )
        for row in rows
    )


def list_events(*, debate: Debate, since: int = 0, limit: int = MAX_EVENTS) -> list[DebateEvent]:
    """The events after `since`, in order; at most `limit`, and never more than 500."""
    rows = DebateEvent.objects.filter(debate=debate, seq__gt=since).order_by("seq")
    return list(rows[: min(limit, MAX_EVENTS)])


def messages(*, debate: Debate, limit: int, offset: int = 0) -> list[Message]:
    """What was said, in order, also while the debate runs."""
    rows = _message_rows(debate)[offset : offset + limit]
    return [_message(row, index) for index, row in enumerate(rows, start=offset)]


def count_messages(debate: Debate) -> int:
    """How many messages there are so far."""
    return _message_rows(debate).count()


def _message_rows(debate: Debate) -> QuerySet[DebateEvent]:
    return DebateEvent.objects.filter(debate=debate, type__in=MESSAGE_TYPES).order_by("seq")


_TOLD_ELSEWHERE = frozenset({"debate_id", "content", "agent", "round_number"})


def _message(row: DebateEvent, index: int) -> Message:
    data = row.data
    rest = {name: value for name, value in data.items() if name not in _TOLD_ELSEWHERE}
    return Message(
        index=index,
        role="user" if data.get("role") == HUMAN else "assistant",
        content=data["content"],
        agent=row.agent,
        round=row.round,
        phase=_phase(data.get("turn_id", "")),
        timestamp=timestamp(row.created_at),
        metadata={"type": row.type, "seq": row.seq, **rest},
    )


def _phase(turn_id: str) -> str:
    """The phase in an `engine.types.CallKey` ("1:exchange:ada"); empty for a person's turn."""
    parts = turn_id.split(":")
    return parts[1] if len(parts) > 2 else ""
