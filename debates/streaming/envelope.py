"""Envelopes: how an event row or an ephemeral frame becomes the text that clients receive.

A frame is encoded once for each process, however many sockets it goes to. What travels between
processes lacks the `epoch`: the process that holds the sockets adds it, because it is the one that
read the log which the `seq` belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_json

from aragora_site.bulk import JSONObject
from aragora_site.request_ids import request_id
from debates.streaming.events import ControlType, EphemeralType

if TYPE_CHECKING:
    from debates.models import DebateEvent
    from debates.services.events import EventRow


@dataclass(slots=True)
class Frame:
    """One frame of a debate, before it is addressed to anybody.

    `seq` is None for ephemeral frames. `agent` is None where the frame is nobody's."""

    debate_id: str
    type: str
    data: Mapping[str, Any]
    timestamp: str
    seq: int | None = None
    round: int | None = None
    agent: str | None = None
    trace_id: str = ""
    _body: str = field(default="", repr=False, compare=False)

    def body(self) -> str:
        """The envelope as JSON, without its `epoch`; encoded at the first call."""
        if not self._body:
            # What is not the payload's is plain: moments, ids and numbers; but for two.
            seq = "" if self.seq is None else f'"seq":{self.seq},'
            number = "null" if self.round is None else self.round
            self._body = (
                f'{{"type":"{self.type}","data":{dumps(self.data)},"timestamp":"{self.timestamp}",'
                f'"debate_id":{_quoted(self.debate_id)},"loop_id":{_quoted(self.debate_id)},{seq}'
                f'"round":{number},"agent":{_quoted(self.agent)},'
                f'"trace_id":{_quoted(self.trace_id)}}}'
            )
        return self._body

    def text(self, epoch: str) -> str:
        """The whole envelope as JSON."""
        return f'{self.body()[:-1]},"epoch":"{epoch}"}}'

    @classmethod
    def from_body(cls, body: str) -> Frame:
        """The reverse of `body`, for frames that other processes sent."""
        envelope = json.loads(body)
        return cls(
            debate_id=envelope["debate_id"],
            type=envelope["type"],
            data=envelope["data"],
            timestamp=envelope["timestamp"],
            seq=envelope.get("seq"),
            round=envelope["round"],
            agent=envelope["agent"],
            trace_id=envelope["trace_id"],
            _body=body,
        )


def frame_of_event(
    row: DebateEvent | EventRow, *, debate_id: str = "", trace_id: str = ""
) -> Frame:
    """The frame of an event from the log. `debate_id`: the row's, where it is written out
    already."""
    return Frame(
        debate_id=debate_id or str(row.debate_id),
        type=row.type,
        data=row.data,
        timestamp=timestamp(row.created_at),
        seq=row.seq,
        round=row.round,
        agent=row.agent or None,
        trace_id=trace_id,
    )


def ephemeral_frame(
    *,
    debate_id: str,
    type: EphemeralType,
    data: Mapping[str, Any],
    round: int | None = None,
    agent: str = "",
    now: datetime | None = None,
) -> Frame:
    """A frame that is not in the log."""
    return Frame(
        debate_id=debate_id,
        type=type,
        data=data,
        timestamp=timestamp(now or datetime.now(UTC)),
        round=round,
        agent=agent or None,
        trace_id=request_id.get(),
    )


def control_text(
    type: ControlType,
    data: Mapping[str, Any],
    *,
    debate_id: str = "",
    epoch: str = "",
    seq: int | None = None,
) -> str:
    """A control frame as JSON. `seq`, where given, says where in the log the debate stands."""
    frame = Frame(
        debate_id=debate_id,
        type=type,
        data=data,
        timestamp=timestamp(datetime.now(UTC)),
        seq=seq,
        trace_id=request_id.get(),
    )
    return frame.text(epoch)


def dumps(value: object) -> str:
    """Compact JSON that can always be sent as UTF-8."""
    try:
        return value.text if isinstance(value, JSONObject) else to_json(value).decode()
    except PydanticSerializationError:  # Half of a surrogate pair, out of a model's JSON escapes.
        return json.dumps(value, separators=(",", ":"))


_quoted = lru_cache(maxsize=1024)(dumps)
"""For names that come again and again."""


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, with microseconds and a Z."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"
