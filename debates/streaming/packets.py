"""A frame ready for readers, encoded once however many there are, and the queue of a slow one."""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from debates.streaming.envelope import Frame
from debates.streaming.events import ControlType, EphemeralType

_DROPPABLE = frozenset({*EphemeralType, ControlType.HEARTBEAT})
MAX_QUEUED_CHARACTERS = 64 * 1024
"""The guide's "WebSocket buffer, 64 KB max per connection"."""
BURST_CHARACTERS = MAX_QUEUED_CHARACTERS // 2
"""What may come together on top of what is queued, for which there has to be room."""
_FIN_TEXT = 0x81
_TWO_BYTE_LENGTH, _EIGHT_BYTE_LENGTH = 126, 127


class Packet:
    """The text of a frame, the RFC 6455 frame and the server-sent event around it."""

    __slots__ = ("_event", "_wire", "droppable", "epoch", "seq", "size", "text", "type")

    def __init__(self, text: str, *, type: str, seq: int | None = None, epoch: str = "") -> None:
        self.text = text
        self.type = type
        self.seq = seq
        self.epoch = epoch
        self.size = len(text)
        """Characters, as a measure of what a queue holds."""
        self.droppable = type in _DROPPABLE
        self._wire: bytes | None = None
        self._event: bytes | None = None

    @classmethod
    def of_frame(cls, frame: Frame, epoch: str) -> Packet:
        return cls(frame.text(epoch), type=frame.type, seq=frame.seq, epoch=epoch)

    @property
    def debate_id(self) -> UUID:
        """Of a frame of a debate. Read from the text: this is asked for rarely."""
        return UUID(json.loads(self.text)["debate_id"])

    @property
    def wire(self) -> bytes:
        """The frame as a server sends it: final, text, unmasked, uncompressed. Also valid on a
        connection that negotiated compression (RFC 7692 §6, RSV1 is 0)."""
        if self._wire is None:
            self._wire = websocket_text_frame(self.text.encode())
        return self._wire

    @property
    def event(self) -> bytes:
        """The frame as a server-sent event; its id is what a client resumes from."""
        if self._event is None:
            identifier = "" if self.seq is None else f"id: {self.epoch}:{self.seq}\n"
            self._event = f"{identifier}event: {self.type}\ndata: {self.text}\n\n".encode()
        return self._event


class Burst:
    """Packets that go out together, one after the other."""

    __slots__ = ("_wire", "packets")

    def __init__(self, packets: Sequence[Packet]) -> None:
        self.packets = packets
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """Their frames, as a server sends them."""
        if self._wire is None:
            self._wire = b"".join([packet.wire for packet in self.packets])
        return self._wire


def bursts(packets: Iterable[Packet]) -> Iterator[Burst]:
    """Packets in their order, as many together as a slow reader may be sent before anybody looks
    whether it reads."""
    together: list[Packet] = []
    size = 0
    for packet in packets:
        if together and size + packet.size > BURST_CHARACTERS:
            yield Burst(together)
            together, size = [], 0
        together.append(packet)
        size += packet.size
    if together:
        yield Burst(together)


class PacketQueue:
    """What waits for a reader that is slow: bounded, and droppable packets leave first."""

    __slots__ = ("_characters", "_packets")

    def __init__(self) -> None:
        self._packets: deque[Packet] = deque()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._packets)

    def __iter__(self) -> Iterator[Packet]:
        return iter(self._packets)

    @property
    def crowded(self) -> bool:
        """Whether whoever can wait should."""
        return self._characters > MAX_QUEUED_CHARACTERS - BURST_CHARACTERS

    def put(self, packet: Packet) -> bool:
        """Queue a packet; False when even without the droppable ones there is no room for it.

        A single packet always has room, however long it is."""
        self._packets.append(packet)
        self._characters += packet.size
        if self._fits():
            return True
        self._packets = deque(waiting for waiting in self._packets if not waiting.droppable)
        self._characters = sum(waiting.size for waiting in self._packets)
        return self._fits()

    def pop(self) -> Packet:
        """The packet that has waited longest."""
        packet = self._packets.popleft()
        self._characters -= packet.size
        return packet

    def clear(self) -> None:
        self._packets.clear()
        self._characters = 0

    def _fits(self) -> bool:
        return self._characters <= MAX_QUEUED_CHARACTERS or len(self._packets) <= 1


def websocket_text_frame(payload: bytes) -> bytes:
    """RFC 6455 §5.2."""
    length = len(payload)
    if length < _TWO_BYTE_LENGTH:
        header = struct.pack("!BB", _FIN_TEXT, length)
    elif length < 1 << 16:
        header = struct.pack("!BBH", _FIN_TEXT, _TWO_BYTE_LENGTH, length)
    else:
        header = struct.pack("!BBQ", _FIN_TEXT, _EIGHT_BYTE_LENGTH, length)
    return header + payload
