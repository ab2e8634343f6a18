"""The hub: what connects this process's readers with the debates that they follow.

There is one in each process that serves sockets, on the server's event loop. For every debate that
somebody here follows it holds one subscription of the channel layer, encodes each frame once and
hands it to the readers. The log in the database is the truth: the hub lets durable events through
in the order of their `seq`, fills gaps from the log, and asks the log once a second whether it has
grown unheard (another process without a common channel layer, a layer that was down).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings

from debates.streaming import publisher
from debates.streaming.credentials import credentials
from debates.streaming.envelope import Frame, control_text
from debates.streaming.events import ControlType
from debates.streaming.feed import RecentPackets
from debates.streaming.followed import Followed, Interruption, LogUnreadable, Subscriber
from debates.streaming.intake import Intake
from debates.streaming.listener import Listener
from debates.streaming.open_turns import OpenTurns
from debates.streaming.outage import Outage
from debates.streaming.outbox import REMINDER_TYPE, Outbox, group_name, shared_layer
from debates.streaming.outlet import SERVICE_RESTART, Outlet
from debates.streaming.packets import Packet
from debates.streaming.queries import REPLAY_BATCH, read_frames, read_log_states, run_query
from debates.streaming.waiting import tell_places
from debates.streaming.whereabouts import whereabouts

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
MAX_EARLY = 1000
CLOSING_SECONDS = 2.0


class Hub:
    """See the module. All methods but `put` belong to the event loop it was started on."""

    def __init__(self, layer: Any | None = None) -> None:
        """`layer`: a channel layer other than the one from the settings."""
        self.outlets: set[Outlet] = set()
        """Every open socket and event stream of this process."""
        self.draining = False
        self._given_layer = layer
        self._id = uuid4().hex
        self._followed: dict[str, Followed] = {}
        self._spoken_here = OpenTurns()
        self._spoken_elsewhere = OpenTurns()
        self._intake: Intake | None = None
        self._outbox: Outbox | None = None
        self._listener: Listener | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_left = asyncio.Event()
        self._unreadable = False

    @property
    def following(self) -> int:
        """How many debates are followed here."""
        return len(self._followed)

    # --- Life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin on the running loop: frames published in this process now come here."""
        if self._intake is not None:
            return
        self.draining = False
        self._all_left = asyncio.Event()
        self._all_left.set()
        self._intake = Intake(asyncio.get_running_loop(), self._publish)
        layer = self._given_layer or shared_layer()
        if layer is not None:
            outage = Outage()
            self._outbox = Outbox(layer, origin=self._id, outage=outage)
            self._listener = Listener(
                layer, outage=outage, on_message=self._receive, on_channel=self._join_anew
            )
            self._spawn(self._listener.run(), "stream-listen")
            await self._listener.tried.wait()
        self._spawn(self._poll(), "stream-poll")
        self._spawn(self._beat(), "stream-heartbeat")
        self._spawn(credentials.watch(), "stream-credentials")
        whereabouts.begin()
        self._spawn(whereabouts.run(), "stream-whereabouts")
        if self._given_layer is None:
            publisher.attach(self)

    async def drain(self, seconds: float) -> None:
        """Refuse new readers, and send those that are here away, one by one in random order.

        Spread over `seconds`, so that not all of them knock at the other instances at once."""
        self.draining = True
        leaving = list(self.outlets)
        random.shuffle(leaving)
        log.info("stream_draining", readers=len(leaving), seconds=seconds)
        for outlet in leaving:
            outlet.close(SERVICE_RESTART, "This instance is going away; connect again.")
            await asyncio.sleep(seconds / len(leaving))
        await self.all_left(CLOSING_SECONDS)

    async def stop(self) -> None:
        """End everything; `start` may follow."""
        if self._intake is None:
            return
        self.draining = True
        publisher.detach(self)
        self._intake.close()
        self._intake = None
        if self._outbox is not None:
            await self._outbox.stop()
            self._outbox = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._followed.clear()
        self._listener = None

    def put(self, frames: Sequence[Frame]) -> None:
        """Take frames that this process publishes; callable from any thread."""
        if self._intake is not None:
            self._intake.put(frames)

    # --- For readers ---------------------------------------------------------------------

    def admit(self, outlet: Outlet) -> None:
        """A socket or event stream was opened."""
        self.outlets.add(outlet)
        self._all_left.clear()

    def dismiss(self, outlet: Outlet) -> None:
        """It has ended."""
        self.outlets.discard(outlet)
        if not self.outlets:
            self._all_left.set()

    async def all_left(self, within_seconds: float) -> None:
        """Wait until nobody is here, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._all_left.wait()

    async def enter(self, debate_id: UUID, subscriber: Subscriber) -> Followed | None:
        """Follow a debate on behalf of a subscriber; None when there is no such debate.

        `leave` has to follow in any case. Raises `LogUnreadable`."""
        followed = self._followed.get(str(debate_id))
        if followed is None:
            followed = self._followed[str(debate_id)] = Followed(debate_id)
            self._spawn(self._open(followed), "stream-open")
        followed.subscribers.add(subscriber)
        exists = await asyncio.shield(followed.opened)
        if exists is None:
            raise LogUnreadable
        return followed if exists else None

    def leave(self, debate_id: UUID, subscriber: Subscriber) -> None:
        """The subscriber has lost interest."""
        followed = self._followed.get(str(debate_id))
        if followed is None or subscriber not in followed.subscribers:
            return
        followed.live.pop(subscriber, None)
        followed.subscribers.discard(subscriber)
        if not followed.subscribers:
            self._forget(followed)

    async def read_after(self, followed: Followed, seq: int) -> list[Packet]:
        """What the readers got after `seq`, or the beginning of it."""
        if not followed.recent.covers(seq):
            async with followed.filling:
                if not followed.recent.covers(seq):
                    packets = await self._read_packets(followed, seq)
                    followed.recent.extend_back(packets)
                    return packets
        return followed.recent.after(seq)

    async def reaches(self, followed: Followed, seq: int) -> bool:
        """Whether the log has an event `seq`, or 0; afterwards this hub knows of it too.

        A reader may have heard from another instance what has not come here yet."""
        if seq > followed.high:
            states = await run_query(read_log_states, [followed.debate_id])
            if state := states.get(followed.debate_id):
                followed.sequencer.expect(state.last_seq)
            self._repair_if_missing(followed)
            if followed.repair is not None:
                await asyncio.shield(followed.repair)
        return seq <= followed.high

    def go_live(self, followed: Followed, subscriber: Subscriber) -> None:
        """From now on send everything, to a subscriber who has all up to `followed.high`.

        First the text so far of the turns that are being spoken."""
        followed.live[subscriber] = outlet = subscriber.outlet
        for turns in (self._spoken_here, self._spoken_elsewhere):
            for frame in turns.so_far(followed.key):
                outlet.write(Packet.of_frame(frame, followed.epoch))

    # --- Frames in -----------------------------------------------------------------------------

    def _publish(self, frames: Sequence[Frame]) -> None:
        """Frames of this process, on the loop."""
        if self._outbox is not None:
            self._outbox.put(frames)
        for frame in frames:
            self._spoken_here.observe(frame)
        self._pass_on(frames)

    def _receive(self, message: Mapping[str, Any]) -> None:
        """Frames of another process, or our own come back."""
        if message["origin"] == self._id:
            return
        frames = [Frame.from_body(body) for body in message["frames"]]
        if message["type"] == REMINDER_TYPE:
            frames = self._spoken_elsewhere.news(frames)
        for frame in frames:
            if frame.debate_id in self._followed:
                self._spoken_elsewhere.observe(frame)
        self._pass_on(frames)

    def _pass_on(self, frames: Sequence[Frame]) -> None:
        """To those who follow the debates. What a debate has to say at one moment goes out to each
        of its readers in one piece."""
        leaving: dict[str, list[Packet]] = {}
        for frame in frames:
            if followed := self._followed.get(frame.debate_id):
                leaving.setdefault(frame.debate_id, []).extend(self._take(followed, frame))
        for key, packets in leaving.items():
            self._followed[key].broadcast(packets)

    def _take(self, followed: Followed, frame: Frame) -> list[Packet]:
        """What may leave now that there is this frame, too."""
        if not followed.is_open:
            early = frame.seq is not None and not followed.opened.done()
            if early and len(followed.early) < MAX_EARLY:
                followed.early.append(frame)
            return []
        if frame.seq is None:
            return [Packet.of_frame(frame, followed.epoch)] if followed.live else []
        packets = self._advance(followed, frame)
        self._repair_if_missing(followed)
        return packets

    def _advance(self, followed: Followed, frame: Frame) -> list[Packet]:
        ready = followed.sequencer.accept(frame)
        packets = [Packet.of_frame(one, followed.epoch) for one in ready]
        followed.recent.extend(packets)
        return packets

    # --- The log -------------------------------------------------------------------------------

    async def _open(self, followed: Followed) -> None:
        """Subscribe first, then read: what is committed in between arrives twice, not never."""
        await self._join_group(followed)
        try:
            states = await run_query(read_log_states, [followed.debate_id])
        except Exception as error:
            self._note_unreadable(error)
            followed.opened.set_result(None)
            return
        state = states.get(followed.debate_id)
        if state is None:
            followed.opened.set_result(False)
            return
        followed.open(state)
        for frame in followed.early:
            followed.broadcast(self._advance(followed, frame))
        followed.early.clear()
        self._repair_if_missing(followed)

    def _repair_if_missing(self, followed: Followed) -> None:
        if followed.sequencer.missing and followed.repair is None:
            followed.repair = self._spawn(self._repair(followed), "stream-repair")

    async def _repair(self, followed: Followed) -> None:
        """Fill a gap from the log."""
        try:
            while followed.sequencer.missing and followed.subscribers:
                frames = await run_query(read_frames, followed.debate_id, after=followed.high)
                if not frames:
                    break
                followed.broadcast(
                    [one for frame in frames for one in self._advance(followed, frame)]
                )
        except Exception as error:  # The next frame, or the next poll, tries again.
            self._note_unreadable(error)
        finally:
            followed.repair = None

    async def _read_packets(self, followed: Followed, after: int) -> list[Packet]:
        limit = min(REPLAY_BATCH, followed.high - after)
        frames = await run_query(read_frames, followed.debate_id, after=after, limit=limit)
        return [Packet.of_frame(frame, followed.epoch) for frame in frames]

    async def _poll(self) -> None:
        """Ask the log for what nobody told."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._regroup()
                await self._compare_with_log()
            except Exception as error:
                self._note_unreadable(error)
            else:
                self._unreadable = False

    def _note_unreadable(self, error: Exception) -> None:
        """Say once that the log cannot be read; it is tried again and again."""
        if not self._unreadable:
            log.error("stream_log_unreadable", error=type(error).__name__, exc_info=error)
        self._unreadable = True

    async def _compare_with_log(self) -> None:
        before = {f.debate_id: (f, f.high) for f in self._followed.values() if f.is_open}
        if not before:
            return
        states = await run_query(read_log_states, list(before))
        waiting = []
        for debate_id, (followed, high) in before.items():
            state = states.get(debate_id)
            if state is None:
                self._interrupt(followed, Interruption.GONE)
            elif state.epoch != followed.epoch or state.last_seq < high:
                self._interrupt(followed, Interruption.RESET)
            else:
                if state.access != followed.access:
                    followed.access = state.access
                    # What others may read of the log now may be less.
                    followed.recent = RecentPackets(followed.high)
                    self._interrupt(followed, Interruption.ACCESS)
                followed.sequencer.expect(state.last_seq)
                self._repair_if_missing(followed)
                if state.waits:
                    waiting.append(followed)
        await tell_places(waiting)

    def _interrupt(self, followed: Followed, why: Interruption) -> None:
        if why is not Interruption.ACCESS:
            self._forget(followed)
            followed.live.clear()
        for subscriber in list(followed.subscribers):
            subscriber.interrupt(why)

    # --- The channel layer ---------------------------------------------------------------------

    async def _join_group(self, followed: Followed) -> None:
        if self._listener is not None and not followed.grouped:
            followed.grouped = await self._listener.join(group_name(followed.key))

    async def _leave_group(self, followed: Followed) -> None:
        if self._listener is None or not followed.grouped or followed.key in self._followed:
            return
        await self._listener.leave(group_name(followed.key))
        if again := self._followed.get(followed.key):
            again.grouped = False

    async def _join_anew(self) -> None:
        for followed in self._followed.values():
            followed.grouped = False
        await self._regroup()

    async def _regroup(self) -> None:
        """Join the groups that could not be joined when they should have been."""
        for followed in list(self._followed.values()):
            if not followed.grouped:
                await self._join_group(followed)
                if not followed.grouped:
                    return

    # --- Small things --------------------------------------------------------------------------

    def _forget(self, followed: Followed) -> None:
        if self._followed.get(followed.key) is followed:
            del self._followed[followed.key]
            self._spoken_elsewhere.forget(followed.key)
            self._spawn(self._leave_group(followed), "stream-leave")

    async def _beat(self) -> None:
        interval = settings.ARAGORA.websocket_ping_interval
        while True:
            await asyncio.sleep(interval)
            text = control_text(ControlType.HEARTBEAT, {"interval_seconds": interval})
            packet = Packet(text, type=ControlType.HEARTBEAT)
            for outlet in list(self.outlets):
                outlet.write(packet)

    def _spawn(self, work: Any, name: str) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


_hub = Hub()


def get_hub() -> Hub:
    """The hub of this process."""
    return _hub
