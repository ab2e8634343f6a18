"""A debate that somebody here follows, and who that is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from debates.selectors.queue import QueuePlace
from debates.streaming.envelope import Frame
from debates.streaming.feed import RecentPackets, Sequencer
from debates.streaming.outlet import Outlet
from debates.streaming.packets import Packet, bursts
from debates.streaming.queries import LogState


class LogUnreadable(Exception):
    """The database does not answer."""


class Interruption(Enum):
    """Why a subscription cannot simply go on."""

    RESET = auto()
    """The numbering of the log is another one: the client's `seq` means nothing any more."""
    GONE = auto()
    """The debate was deleted."""
    ACCESS = auto()
    """Who may read the debate has changed."""


class Subscriber(Protocol):
    """A reader's interest in one debate."""

    @property
    def outlet(self) -> Outlet: ...

    def interrupt(self, why: Interruption) -> None:
        """Called on the loop; must not wait."""


class Followed:
    """A debate that somebody here follows."""

    def __init__(self, debate_id: UUID) -> None:
        self.debate_id = debate_id
        self.key = str(debate_id)
        self.epoch = ""
        self.access: tuple[object, ...] = ()
        self.sequencer = Sequencer(0)
        self.recent = RecentPackets(0)
        self.opened: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        """Whether the debate exists, once that is known; None when the log cannot be read."""
        self.is_open = False
        """Whether that is known, and it does."""
        self.early: list[Frame] = []
        """Durable frames that came before it was."""
        self.subscribers: set[Subscriber] = set()
        self.live: dict[Subscriber, Outlet] = {}
        """Those who have everything up to `high`, with the way to them."""
        self.filling = asyncio.Lock()
        self.repair: asyncio.Task[None] | None = None
        self.grouped = False
        self.place: QueuePlace | None = None
        """In the queue, as the readers were told last."""

    @property
    def high(self) -> int:
        """The seq up to which events have gone to the live readers."""
        return self.sequencer.high

    def open(self, state: LogState) -> None:
        """Begin where the log stands."""
        self.epoch, self.access = state.epoch, state.access
        self.sequencer, self.recent = Sequencer(state.last_seq), RecentPackets(state.last_seq)
        self.is_open = True
        self.opened.set_result(True)

    def broadcast(self, packets: Sequence[Packet]) -> None:
        """Send packets, which follow each other, to all who are live."""
        if len(packets) == 1:  # To a thousand readers, most often.
            (packet,) = packets
            for outlet in self.live.values():
                outlet.write(packet)
            return
        for burst in bursts(packets):
            for outlet in self.live.values():
                outlet.write_burst(burst)
