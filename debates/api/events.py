"""The event log of a debate, for clients that ask instead of listening."""

from typing import Any

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ONE_ERRORS, endpoint
from debates.api.errors import JSON
from debates.api.finding import debate_of
from debates.streaming.envelope import frame_of_event, timestamp

DEFAULT_EVENTS, MAX_EVENTS = 100, 500

router = Router(tags=["events"])


class SinceIn(BaseModel):
    """From where on, and how many."""

    since: int = Field(
        default=0, ge=0, le=2**53, description="The last seq that you have; 0 for all."
    )
    limit: int = Field(default=DEFAULT_EVENTS, ge=1, le=MAX_EVENTS)


class TimelineEntryOut(BaseModel):
    seq: int
    type: str
    timestamp: str
    round: int | None
    agent: str | None


class TimelineOut(BaseModel):
    debate_id: str
    timeline: list[TimelineEntryOut]
    next_seq: int = Field(description="`since` of the next page.")


class EnvelopeOut(BaseModel):
    """An event, as the stream sends it too."""

    type: str
    data: dict[str, Any]
    timestamp: str
    debate_id: str
    loop_id: str
    seq: int
    epoch: str
    round: int | None
    agent: str | None
    trace_id: str


class EventsOut(BaseModel):
    """Events after `since`, in order, without a gap."""

    events: list[EnvelopeOut]
    next_seq: int = Field(description="`since` of the next request: the last seq that you have.")
    epoch: str = Field(description="When it changes, start again from 0.")


@endpoint(
    router,
    "GET",
    "/v1/debates/{ref}/events",
    answer=EventsOut,
    errors=READ_ONE_ERRORS,
    aliases=["/debates/{ref}/events"],
    extra={
        "responses": {
            200: {
                "content": {
                    "text/event-stream": {
                        "schema": {
                            "type": "string",
                            "description": "The same events, then the live ones, for as long as "
                            "the client stays. `Last-Event-ID` resumes.",
                        }
                    }
                }
            }
        }
    },
)
def get_events(request: ApiRequest, ref: str, page: Query[SinceIn]) -> HttpResponse:
    """The events after `since`, in order.

    Ask again with `since` = `next_seq`. With `Accept: text/event-stream` the answer is a stream
    of server-sent events that goes on."""
    debate = debate_of(request, ref)
    epoch = str(debate.epoch)
    rows = selectors.list_events(debate=debate, since=page.since, limit=page.limit)
    # As the stream encodes them: a reader of both sees the same text.
    envelopes = ",".join(frame_of_event(row).text(epoch) for row in rows)
    next_seq = rows[-1].seq if rows else min(page.since, debate.last_seq)
    body = f'{{"events":[{envelopes}],"next_seq":{next_seq},"epoch":"{epoch}"}}'
    return HttpResponse(body, content_type=JSON)


@endpoint(router, "GET", "/v1/debates/{ref}/timeline", answer=TimelineOut, errors=READ_ONE_ERRORS)
def get_timeline(request: ApiRequest, ref: str, page: Query[SinceIn]) -> TimelineOut:
    """What happened when, without what was said."""
    debate = debate_of(request, ref)
    rows = selectors.list_events(debate=debate, since=page.since, limit=page.limit)
    entries = [
        {
            "seq": row.seq,
            "type": row.type,
            "timestamp": timestamp(row.created_at),
            "round": row.round,
            "agent": row.agent or None,
        }
        for row in rows
    ]
    return TimelineOut.model_validate(
        {
            "debate_id": str(debate.pk),
            "timeline": entries,
            "next_seq": rows[-1].seq if rows else page.since,
        }
    )
