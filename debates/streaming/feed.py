"""What a process knows of one debate that somebody follows. Pure: no Django, no event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from debates.streaming.envelope import Frame
from debates.streaming.packets import Packet

MAX_RECENT = 1000
MAX_AHEAD = 500


class Sequencer:
    """Lets durable frames through once each and in order, and knows when some are missing."""

    def __init__(self, high: int) -> None:
        self.high = high
        """The seq of the last frame that was let through."""
        self._ahead: dict[int, Frame] = {}
        self._known = high

    @property
    def missing(self) -> bool:
        """Whether the log holds events that have not come through."""
        return self._known > self.high

    def expect(self, seq: int) -> None:
        """Somebody says that the log has grown to `seq`."""
        self._known = max(self._known, seq)

    def accept(self, frame: Frame) -> list[Frame]:
        """Take a durable frame, in whatever order it comes; those whose turn it now is."""
        seq = frame.seq or 0
        if seq <= self.high:
            return []
        self.expect(seq)
        if seq > self.high + 1:
            if len(self._ahead) < MAX_AHEAD:
                self._ahead[seq] = frame
            return []
        ready = [frame]
        while (following := self._ahead.pop(self.high + len(ready) + 1, None)) is not None:
            ready.append(following)
        self.high += len(ready)
        if self._ahead:
            self._ahead = {s: ahead for s, ahead in self._ahead.items() if s > self.high}
        return ready


class RecentPackets:
    """The newest packets of a debate's log, without a gap, for those who come back."""

    def __init__(self, high: int) -> None:
        self._packets: deque[Packet] = deque(maxlen=MAX_RECENT)
        self._first = high + 1
        """The seq of the oldest packet held, or of the next to come."""

    def extend(self, packets: Sequence[Packet]) -> None:
        """Add the next packets of the log."""
        self._first += max(0, len(self._packets) + len(packets) - MAX_RECENT)
        self._packets.extend(packets)

    def extend_back(self, packets: Iterable[Packet]) -> None:
        """Add older packets, as many as there is room for. Those that would not join are left."""
        for packet in sorted(packets, key=lambda older: older.seq or 0, reverse=True):
            if packet.seq == self._first - 1 and len(self._packets) < MAX_RECENT:
                self._packets.appendleft(packet)
                self._first -= 1

    def covers(self, seq: int) -> bool:
        """Whether everything after `seq` is here."""
        return seq >= self._first - 1

    def after(self, seq: int) -> list[Packet]:
        """The packets after `seq`, which must be covered."""
        return list(islice(self._packets, seq - self._first + 1, None))
