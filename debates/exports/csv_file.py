"""Tables of a debate, for spreadsheets and statistics (RFC 4180).

A spreadsheet takes a text that begins with certain characters for a formula, which may send what
stands in other cells to somebody else. So a text that begins with one of them, or with an
apostrophe, has an apostrophe put before it: whoever takes one away has the text as it was. Texts
are always quoted, numbers never. Whoever splits the file at anything but commas has other cells,
which begin with whatever a text holds.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from debates import selectors
from debates.choices import EventType
from debates.models import Debate, DebateEvent
from debates.selectors.objects import debate_object
from debates.streaming.envelope import timestamp

BYTE_ORDER_MARK = "\ufeff"
_FORMULA = re.compile(r"[\s\x00-\x1f]*['=+\-@＝＋－＠]|[\t\r\n]")
"""Also with spaces before it, which some spreadsheets take away, and in the wide forms."""

Cell = str | int | float | bool | None
Row = Sequence[Cell]


class Table(StrEnum):
    """What a file of rows holds."""

    SUMMARY = "summary"
    MESSAGES = "messages"
    CRITIQUES = "critiques"
    VOTES = "votes"


def write_csv(debate: Debate, table: Table) -> str:
    """The table, headed by the names of its columns."""
    columns, rows = _TABLES[table]
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for row in rows(debate):
        writer.writerow([_safe(cell) for cell in row])
    return file.getvalue()


def _safe(cell: Cell) -> Cell:
    match cell:
        case bool():
            return "true" if cell else "false"
        case None:
            return ""
        case str() if _FORMULA.match(cell):
            return f"'{cell}"
    return cell


def _summary(debate: Debate) -> Iterator[Row]:
    told = debate_object(debate)
    consensus, usage = told["consensus"], told["usage"]
    yield (
        told["id"], told["slug"], told["task"], told["title"], told["status"], debate.is_over,
        _listed(told["agents"]), told["judge"]["name"] if told["judge"] else "",
        told["protocol"]["name"], told["protocol"]["decision"], told["total_rounds"],
        told["rounds_used"], consensus["reached"], consensus["method"], consensus["final_answer"],
        consensus["explanation"], consensus["confidence"], consensus["agreement"],
        consensus["hollow"], _listed(told["winners"]), _listed(consensus["supporting_agents"]),
        _listed(consensus["dissenting_agents"]), told["stop_reason"], told["failure"],
        usage["tokens"], usage["cost_usd"] if usage["cost_known"] else None,
        told["created_at"], told["started_at"], told["completed_at"], told["duration_seconds"],
    )  # fmt: skip


def _messages(debate: Debate) -> Iterator[Row]:
    for said in selectors.messages(debate=debate, limit=selectors.count_messages(debate)):
        rest = said["metadata"]
        yield (
            said["index"], rest["seq"], said["round"], said["phase"], said["agent"], said["role"],
            rest["type"], said["content"], rest.get("answer"), rest.get("rationale"),
            rest.get("confidence"), rest.get("changed"), said["timestamp"],
        )  # fmt: skip


def _critiques(debate: Debate) -> Iterator[Row]:
    for event in _events(debate, EventType.CRITIQUE):
        said = event.data
        yield (
            event.seq, said["round_number"], said["agent"], said["target_agent"], said["severity"],
            said["content"], "\n".join(said["issues"]), timestamp(event.created_at),
        )  # fmt: skip


def _votes(debate: Debate) -> Iterator[Row]:
    for event in _events(debate, EventType.VOTE):
        cast = event.data
        yield (
            event.seq, cast["round_number"], cast["agent"], cast["choice"],
            _listed(cast["ranking"]), cast["confidence"], cast["reasoning"],
            timestamp(event.created_at),
        )  # fmt: skip


def _events(debate: Debate, type_: EventType) -> Iterable[DebateEvent]:
    rows = DebateEvent.objects.filter(debate=debate, type=type_, seq__lte=debate.last_seq)
    return rows.order_by("seq").iterator()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


_TABLES: Mapping[Table, tuple[Sequence[str], Callable[[Debate], Iterator[Row]]]] = {
    Table.SUMMARY: (
        (
            "debate_id", "slug", "question", "title", "status", "complete",
            "agents", "judge",
            "protocol", "decision", "total_rounds",
            "rounds_used", "reached", "method", "answer",
            "explanation", "confidence", "agreement",
            "hollow", "winners", "supporting_agents",
            "dissenting_agents", "stop_reason", "failure",
            "tokens", "cost_usd",
            "created_at", "started_at", "completed_at", "duration_seconds",
        ),
        _summary,
    ),
    Table.MESSAGES: (
        (
            "index", "seq", "round", "phase", "agent", "role",
            "type", "content", "answer", "rationale",
            "confidence", "changed", "timestamp",
        ),
        _messages,
    ),
    Table.CRITIQUES: (
        ("seq", "round", "agent", "target", "severity", "content", "issues", "timestamp"),
        _critiques,
    ),
    Table.VOTES: (
        ("seq", "round", "agent", "choice", "ranking", "confidence", "reasoning", "timestamp"),
        _votes,
    ),
}  # fmt: skip
