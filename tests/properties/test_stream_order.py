"""Whatever way durable frames come, those that get through do so once each and in order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debates.streaming.coalescing import Coalescer
from debates.streaming.envelope import Frame
from debates.streaming.events import EphemeralType
from debates.streaming.feed import MAX_RECENT, RecentPackets, Sequencer
from debates.streaming.open_turns import OpenTurns
from debates.streaming.packets import BURST_CHARACTERS, Packet, bursts

NOW = "2025-01-01T00:00:00.000000Z"


def durable(seq: int) -> Frame:
    return Frame("d", "propose", {}, NOW, seq=seq)


@given(
    high=st.integers(0, 5),
    arrivals=st.lists(st.integers(1, 30), max_size=120),
)
def test_a_sequencer_lets_through_an_unbroken_run(high: int, arrivals: list[int]) -> None:
    sequencer = Sequencer(high)
    through = [frame.seq for seq in arrivals for frame in sequencer.accept(durable(seq))]
    assert through == list(range(high + 1, high + 1 + len(through)))
    assert sequencer.high == high + len(through)
    assert sequencer.missing == any(seq > sequencer.high for seq in arrivals)


@given(st.permutations(range(1, 25)), st.data())
def test_what_the_log_fills_in_completes_it(order: list[int], data: st.DataObject) -> None:
    """Frames are lost, doubled and reordered; now and then the rest is read from the log."""
    sequencer, through = Sequencer(0), []
    for seq in order:
        for _ in range(data.draw(st.integers(0, 2))):
            through += sequencer.accept(durable(seq))
        if sequencer.missing and data.draw(st.booleans()):
            for missed in range(sequencer.high + 1, max(order) + 1):
                through += sequencer.accept(durable(missed))
    for seq in range(sequencer.high + 1, 25):
        through += sequencer.accept(durable(seq))
    assert [frame.seq for frame in through] == list(range(1, 25))
    assert not sequencer.missing


@given(
    high=st.integers(0, 40),
    older=st.lists(st.integers(1, 40), max_size=60),
    newer=st.lists(st.integers(0, 5), max_size=5),
    since=st.integers(0, 60),
)
def test_recent_packets_are_a_whole_end_of_the_log(
    high: int, older: list[int], newer: list[int], since: int
) -> None:
    recent, last = RecentPackets(high), high
    recent.extend_back(Packet("", type="propose", seq=seq) for seq in older if seq <= high)
    for together in newer:
        recent.extend(log(last, last + together))
        last += together
    since = min(since, last)
    if recent.covers(since):
        assert [packet.seq for packet in recent.after(since)] == list(range(since + 1, last + 1))
    else:
        assert since < high


@pytest.mark.parametrize("together", [1, 7, 300])
def test_recent_packets_are_bounded(together: int) -> None:
    recent, last = RecentPackets(0), MAX_RECENT + 100
    for first in range(0, last, together):
        recent.extend(log(first, min(first + together, last)))
    assert not recent.covers(99)
    assert recent.covers(100)
    assert len(recent.after(100)) == MAX_RECENT


def log(after: int, last: int) -> list[Packet]:
    return [Packet("", type="propose", seq=seq) for seq in range(after + 1, last + 1)]


@given(st.lists(st.integers(0, 2 * BURST_CHARACTERS), max_size=12))
def test_bursts_are_the_packets_in_their_order_and_bounded(sizes: list[int]) -> None:
    packets = [Packet("x" * size, type="propose", seq=seq) for seq, size in enumerate(sizes)]
    together = list(bursts(packets))
    assert [packet for burst in together for packet in burst.packets] == packets
    assert b"".join(burst.wire for burst in together) == b"".join(one.wire for one in packets)
    for burst in together:
        characters = sum(packet.size for packet in burst.packets)
        assert characters <= BURST_CHARACTERS or len(burst.packets) == 1
    for burst, following in pairwise(together):
        characters = sum(packet.size for packet in burst.packets)
        assert characters + following.packets[0].size > BURST_CHARACTERS


# --- Tokens ------------------------------------------------------------------------------------


def token(debate: str, turn: str, offset: int, text: str) -> Frame:
    data = {"debate_id": debate, "turn_id": turn, "offset": offset, "text": text}
    return Frame(debate, EphemeralType.TOKEN_DELTA, data, NOW)


def start(debate: str, turn: str) -> Frame:
    return Frame(debate, EphemeralType.TOKEN_START, {"turn_id": turn}, NOW)


@st.composite
def speeches(draw: st.DrawFn) -> list[Frame]:
    """Turns of two debates, spoken piece by piece, in any interleaving that keeps each's order."""
    queues = []
    for debate in ("a", "b"):
        for turn in ("1", "2"):
            pieces = draw(st.lists(st.text(min_size=1, max_size=4), max_size=6))
            queue, offset = [start(debate, turn)], 0
            for piece in pieces:
                queue.append(token(debate, turn, offset, piece))
                offset += len(piece)
            queues.append(queue)
    order = draw(st.permutations([number for number, q in enumerate(queues) for _ in q]))
    return [queues[number].pop(0) for number in order]


def texts(frames: list[Frame]) -> dict[tuple[str, str], str]:
    """The text of every turn, put together as a client does it."""
    spoken: dict[tuple[str, str], str] = {}
    for frame in frames:
        turn = (frame.debate_id, frame.data["turn_id"])
        if frame.type == EphemeralType.TOKEN_START:
            spoken[turn] = ""
        else:
            assert frame.data["offset"] == len(spoken[turn])
            spoken[turn] += frame.data["text"]
    return spoken


@given(speeches(), st.data())
def test_coalescing_changes_no_text_and_mixes_no_turns(
    frames: list[Frame], data: st.DataObject
) -> None:
    coalescer, sent = Coalescer(), []
    for frame in frames:
        sent += coalescer.put(frame)
        if data.draw(st.booleans()):
            sent += coalescer.flush()
    sent += coalescer.flush()
    assert not coalescer
    assert texts(sent) == texts(frames)
    assert len(sent) <= len(frames)


@given(speeches())
def test_the_text_so_far_is_what_was_spoken(frames: list[Frame]) -> None:
    turns, heard = OpenTurns(), []
    for frame in frames:
        turns.observe(frame)
        heard.append(frame)
        so_far = texts(turns.so_far("a") + turns.so_far("b"))
        assert so_far == texts(heard)


@given(speeches(), st.data())
def test_a_text_with_a_hole_is_not_passed_on(frames: list[Frame], data: st.DataObject) -> None:
    kept = [frame for frame in frames if data.draw(st.booleans())]
    turns = OpenTurns()
    for frame in kept:
        turns.observe(frame)
    whole = texts(frames)
    for turn, text in texts(turns.so_far("a") + turns.so_far("b")).items():
        assert whole[turn].startswith(text)
