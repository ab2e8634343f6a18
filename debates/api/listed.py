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
from debates.selectors.listing import Mark, Wanted, debates_of, key_of, marked_page
from debates.streaming.envelope import dumps

MOST_KEPT = 500
LONGEST_KEPT = 16_000
"""Characters: what is kept takes eight megabytes at most."""


@dataclass(frozen=True, slots=True)
class Written:
    """A debate as the API tells it in lists."""

    text: str
    created_at: datetime


_written = Recent[Mark, Written](MOST_KEPT)


def page_of_debates(
    *,
    user: selectors.Viewer,
    asked: CursorPageIn,
    statuses: frozenset[DebateStatus],
    q: str = "",
    tag: str = "",
) -> HttpResponse:
    """The debates that the viewer may see, newest first, in the form of `DebatesOut`."""
    after = None if asked.after is None else read_cursor(asked.after)
    wanted = Wanted(statuses, q, tag, after, asked.offset, asked.limit)
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
    texts = ",".join(one.text for one in written.values())
    next_after = cursor_of(last[1].created_at, key_of(last[0])) if last else None
    body = (
        f'{said.model_dump_json()[:-1]},"debates":[{texts}],"items":[{texts}],'
        f'"next_after":{dumps(next_after)}}}'
    )
    return HttpResponse(body, content_type=JSON)


def _in_words(marks: list[Mark], user: selectors.Viewer) -> dict[Mark, Written]:
    """What is told of each; without those that are gone or hidden since the page was looked up."""
    found = {mark: _written.find(mark) for mark in marks}
    new = [mark for mark, written in found.items() if written is None]
    if new:
        there = {debate.pk: debate for debate in debates_of(new, user=user)}
        for mark in new:
            if (debate := there.get(key_of(mark))) is not None:
                text = DebateOut.model_validate(selectors.debate_object(debate)).model_dump_json()
                found[mark] = Written(text, debate.created_at)
                if len(text) <= LONGEST_KEPT:
                    _written.put(mark, found[mark])  # type: ignore[arg-type]
    return {mark: written for mark, written in found.items() if written is not None}
