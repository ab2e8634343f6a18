"""A page of debates as JSON. What the API tells of a debate is written once for each state that the
debate is in, and kept under that state: it cannot grow old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse

from aragora_site.recent import Recent
from debates import selectors
from debates.api.errors import JSON
from debates.api.paging import CursorPageIn, PageOut, cursor_of, read_cursor
from debates.api.responses import DebateOut
from debates.choices import DebateStatus
from debates.models import Debate
from debates.selectors.listing import (
    Mark,
    Wanted,
    debates_of,
    key_of,
    marked_page,
    marks_now,
)
from debates.streaming.envelope import dumps

MOST_KEPT = 500
LONGEST_KEPT = 16_000
"""Bytes: what is kept takes eight megabytes at most, beside its marks."""


@dataclass(frozen=True, slots=True)
class Written:
    """A debate as the API tells it in lists."""

    json: bytes
    created_at: datetime


_written = Recent[Mark, Written](MOST_KEPT)


def page_of_debates(
    *,
    user: selectors.Viewer,
    asked: CursorPageIn,
    statuses: frozenset[DebateStatus],
    q: str = "",
    tag: str = "",
    archived: bool = False,
) -> HttpResponse:
    """The debates that the viewer may see, newest first, in the form of `DebatesOut`."""
    after = None if asked.after is None else read_cursor(asked.after)
    wanted = Wanted(statuses, q, tag, archived, after, asked.offset, asked.limit)
    page = marked_page(user=user, wanted=wanted)
    written = _in_words(page.marks, user)
    last = next(reversed(written.items()), None) if page.has_more else None
    said = PageOut(
        total=page.total,
        count=len(written),
        limit=asked.limit,
        offset=asked.offset,
        has_more=page.has_more,
    )
    debates = b",".join(one.json for one in written.values())
    next_after = cursor_of(last[1].created_at, key_of(last[0])) if last else None
    figures = said.model_dump_json().removesuffix("}").encode()
    body = (figures, b',"debates":[', debates, b'],"items":[', debates, b'],"next_after":')
    return HttpResponse(b"".join((*body, dumps(next_after).encode(), b"}")), content_type=JSON)


def _in_words(marks: list[Mark], user: selectors.Viewer) -> dict[Mark, Written]:
    """What is told of each; without those that are gone or hidden since the page was looked up."""
    known = {mark: _written.find(mark) for mark in marks}
    new = [mark for mark, written in known.items() if written is None]
    known |= _made(new, user) if new else {}
    return {mark: written for mark, written in known.items() if written is not None}


def _made(marks: list[Mark], user: selectors.Viewer) -> dict[Mark, Written]:
    debates = {debate.pk: debate for debate in debates_of(marks, user=user)}
    made = {mark: _write(debates[key]) for mark in marks if (key := key_of(mark)) in debates}
    # Somebody may have edited one since its mark was read.
    for mark in made.keys() & marks_now(marks, user=user):
        if len(made[mark].json) <= LONGEST_KEPT:
            _written.put(mark, made[mark])
    return made


def _write(debate: Debate) -> Written:
    told = DebateOut.model_validate(selectors.debate_object(debate))
    return Written(told.model_dump_json().encode(), debate.created_at)
