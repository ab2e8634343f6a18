"""A run's way to the log: what it writes, and what it learns of others by writing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from uuid import UUID

from debates.running.checkpoint import Checkpoint, Disturbed, Standing, reason_behind
from debates.running.writer import Writer, Written


class Logbook:
    """Writes the steps of one run, and keeps count: whoever owns the log's next number knows that
    nobody else has spoken."""

    def __init__(
        self,
        writer: Writer,
        *,
        tenant: UUID | None,
        last_seq: int,
        others_spoke: bool,
        on_news: Callable[[Standing], None],
    ) -> None:
        """`tenant` is the debate's workspace; `on_news` is told how the debate stands whenever a
        step is written."""
        self._writer = writer
        self._tenant = tenant
        self._own_seq = last_seq
        """Where the log would stand if nobody else had written to it since."""
        self._foreign = 0
        """How many events others have written since."""
        self._on_news = on_news
        self.others_spoke = others_spoke
        """Whether there may be something from people at all."""
        self.unheard = others_spoke
        """Whether there may be suggestions or interventions that no exchange was shown."""
        self._last: Written | None = None

    def write(self, step: Checkpoint, *, undisturbed_only: bool = False) -> Written:
        """Have a step written; with `undisturbed_only`, only if nobody else has spoken. After one
        that could not be written there are no more: it would be missing before them."""
        if self._last is not None and (error := _failure_of(self._last)) is not None:
            refused: Written = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused
        after = self._own_seq + self._foreign
        step = step._replace(after=after, undisturbed_only=undisturbed_only, tenant=self._tenant)
        self._own_seq += step.event_count
        self._last = written = self._writer.write(step)
        written.add_done_callback(partial(self._learn, step.event_count, self._own_seq))
        return written

    def _learn(self, event_count: int, own_seq: int, written: Written) -> None:
        if written.cancelled():
            return
        if written.exception() is not None:
            self._own_seq -= event_count
            return
        standing = written.result()
        if standing.last_seq - own_seq > self._foreign:
            self._foreign = standing.last_seq - own_seq
            self.others_spoke = self.unheard = True
        self._on_news(standing)


def _failure_of(written: Written) -> BaseException | None:
    """Why it could not be written, unless that is nothing but that somebody else has spoken."""
    if not written.done() or written.cancelled():
        return None
    error = written.exception()
    return None if error is None or isinstance(error, Disturbed) else reason_behind(error)
