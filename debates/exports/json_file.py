"""A debate for programs: all that the API tells of it, its documents and its whole log."""

from __future__ import annotations

import json
from typing import Any, TypedDict

from debates.exports.subject import Origin, unfinished_note
from debates.models import Debate
from debates.selectors.objects import debate_object
from debates.selectors.receipts import (
    DocumentRecord,
    EventRecord,
    document_records,
    event_records,
)
from debates.streaming.envelope import timestamp

FORMAT = "aragora-debate/1"


class ExportedDebate(TypedDict):
    format: str
    exported_at: str
    address: str
    complete: bool
    """Whether the debate was over."""
    note: str
    debate: dict[str, Any]
    """`selectors.DebateObject`; the cost is null where it is not known."""
    context: str
    documents: list[DocumentRecord]
    events: list[EventRecord]
    """What a receipt's digest of the transcript is made of."""


def write_json(debate: Debate, origin: Origin) -> str:
    told = debate_object(debate)
    usage = told["usage"]
    cost = usage["cost_usd"] if usage["cost_known"] else None
    exported = ExportedDebate(
        format=FORMAT,
        exported_at=timestamp(origin.now),
        address=origin.address,
        complete=debate.is_over,
        note=unfinished_note(debate, origin),
        debate={**told, "usage": {**usage, "cost_usd": cost}},
        context=debate.context,
        documents=document_records(debate),
        events=list(event_records(debate)),
    )
    return json.dumps(exported, ensure_ascii=False, separators=(",", ":"))
