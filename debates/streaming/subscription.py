"""One reader's interest in one debate: what was missed, then what happens, without a seam."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import structlog

from debates.streaming.client_frames import Since
from debates.streaming.envelope import control_text
from debates.streaming.events import (
    ControlType,
    Failed,
    ReplayEnd,
    ReplayStart,
    Subscribed,
    Sync,
)
from debates.streaming.followed import Followed, Interruption, LogUnreadable
from debates.streaming.hub import Hub
from debates.streaming.outlet import TRY_AGAIN_LATER, Outlet
from debates.streaming.packets import Burst, Packet, bursts
from debates.streaming.queries import read_snapshot, run_query

log = structlog.get_logger(__name__)

NO_SUCH_DEBATE = "There is no such debate, or it is not yours to see."
REQUESTED, EPOCH_CHANGED, SEQ_UNKNOWN = "requested", "epoch_changed", "seq_unknown"


class Ended(Exception):
    """The subscription cannot go on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Subscription:
    """Replays, then goes live, under one high-water mark: the seq that this reader has.

    The hub is entered first and the log read afterwards; live events begin when the reader has
    exactly what the hub's live readers have. In between nothing is queued: it is in the log."""

    def __init__(
        self,
        *,
        hub: Hub,
        outlet: Outlet,
        debate_id: UUID,
        may_read: Callable[[UUID], Awaitable[bool]],
        ended: Callable[[Subscription], None],
        controls: bool = True,
    ) -> None:
        """`ended` is called when the debate is gone for this reader, after `error` was sent.

        Without `controls` only events, `sync` and `error` are sent."""
        self.debate_id = debate_id
        self._hub = hub
        self._outlet = outlet
        self._may_read = may_read
        self._ended = ended
        self._controls = controls
        self._followed: Followed | None = None
        self._position = 0
        self._task: asyncio.Task[None] | None = None
        self._check: asyncio.Task[None] | None = None

    @property
    def outlet(self) -> Outlet:
        return self._outlet

    @property
    def position(self) -> tuple[str, int]:
        """(epoch, seq) of the last event that went out."""
        if self._followed is None:
            return "", self._position
        live = self in self._followed.live
        return self._followed.epoch, self._followed.high if live else self._position

    def start(self, since: Since, *, reason: str = REQUESTED) -> None:
        """Begin, or begin again, from what the reader has. `reason` goes with a snapshot."""
        self.stop()
        self._position = since.seq
        self._task = asyncio.create_task(self._run(since, reason), name="stream-subscription")

    def stop(self) -> None:
        """Send nothing more."""
        for task in (self._task, self._check):
            if task is not None:
                task.cancel()
        self._hub.leave(self.debate_id, self)

    def interrupt(self, why: Interruption) -> None:
        if why is Interruption.RESET:
            self.start(Since(snapshot=True), reason=EPOCH_CHANGED)
        elif why is Interruption.GONE:
            self._fail(Ended("not_found", NO_SUCH_DEBATE))
        elif self._check is None:
            self._check = asyncio.create_task(self._check_permission(), name="stream-permission")

    # --- Replay, then live ---------------------------------------------------------------------

    async def _run(self, since: Since, reason: str) -> None:
        try:
            followed = self._followed = await self._hub.enter(self.debate_id, self)
            if followed is None:
                raise Ended("not_found", NO_SUCH_DEBATE)
            await self._begin(followed, since, reason)
            await self._replay(followed)
        except Ended as error:
            self._fail(error)
        except Exception as error:
            self._give_up(error)

    async def _begin(self, followed: Followed, since: Since, reason: str) -> None:
        self._position = since.seq
        if since.snapshot:
            await self._send_snapshot(followed, reason)
        elif since.epoch not in ("", followed.epoch):
            await self._send_snapshot(followed, EPOCH_CHANGED)
        elif not await self._hub.reaches(followed, since.seq):
            await self._send_snapshot(followed, SEQ_UNKNOWN)

    async def _send_snapshot(self, followed: Followed, reason: str) -> None:
        snapshot = await run_query(read_snapshot, self.debate_id)
        if snapshot is None:
            raise Ended("not_found", NO_SUCH_DEBATE)
        seq = snapshot["seq"]
        sync = Sync(
            debate_id=followed.key,
            reason=reason,
            seq=seq,
            epoch=snapshot["epoch"],
            snapshot=dict(snapshot),
        )
        await self._control(ControlType.SYNC, sync, seq=seq)
        self._position = seq
        await self._hub.reaches(followed, seq)

    async def _replay(self, followed: Followed) -> None:
        first, last = self._position, followed.high
        if self._controls:
            subscribed = Subscribed(
                debate_id=followed.key, since_seq=first, last_seq=last, epoch=followed.epoch
            )
            await self._control(ControlType.SUBSCRIBED, subscribed)
            start = ReplayStart(debate_id=followed.key, from_seq=first + 1, to_seq=last)
            await self._control(ControlType.REPLAY_START, start)
        while self._position < followed.high:
            packets = await self._hub.read_after(followed, self._position)
            if not packets:  # Deleted meanwhile; the hub is about to notice.
                raise Ended("not_found", NO_SUCH_DEBATE)
            for burst in bursts(packets):
                await self._send(burst)
                self._position = burst.packets[-1].seq or self._position
        # Nothing waits from here on, so no event can come between the last one and the live ones.
        if self._controls:
            end = ReplayEnd(debate_id=followed.key, last_seq=self._position)
            text = control_text(
                ControlType.REPLAY_END, end, debate_id=followed.key, epoch=followed.epoch
            )
            self._outlet.write(Packet(text, type=ControlType.REPLAY_END))
        self._hub.go_live(followed, self)

    async def _send(self, burst: Burst) -> None:
        if not await self._outlet.send(burst):
            raise asyncio.CancelledError  # The reader is gone; its consumer clears up.

    async def _control(
        self, type: ControlType, data: Mapping[str, Any], *, seq: int | None = None
    ) -> None:
        epoch = self._followed.epoch if self._followed else ""
        text = control_text(type, data, debate_id=str(self.debate_id), epoch=epoch, seq=seq)
        await self._send(Burst([Packet(text, type=type, seq=seq, epoch=epoch)]))

    # --- Endings -------------------------------------------------------------------------------

    async def _check_permission(self) -> None:
        try:
            if not await self._may_read(self.debate_id):
                self._fail(Ended("not_found", NO_SUCH_DEBATE))
        except Exception as error:  # In doubt against the reader: who may read has changed.
            self._give_up(error)
        finally:
            self._check = None

    def _give_up(self, error: Exception) -> None:
        """Something is wrong here, not with the reader, who may come back in a while."""
        log.error(
            "stream_subscription_failed",
            debate_id=str(self.debate_id),
            error=type(error).__name__,
            exc_info=None if isinstance(error, LogUnreadable) else error,
        )
        self._hub.leave(self.debate_id, self)
        self._outlet.close(TRY_AGAIN_LATER, "This instance cannot read the log; connect again.")

    def _fail(self, error: Ended) -> None:
        self._hub.leave(self.debate_id, self)
        debate_id = str(self.debate_id)
        data = Failed(error=str(error), message=str(error), code=error.code, debate_id=debate_id)
        text = control_text(ControlType.ERROR, data, debate_id=debate_id)
        self._outlet.write(Packet(text, type=ControlType.ERROR))
        self._ended(self)
