"""The law of the stream: whatever is lost on the way, every client ends with the whole log, once,
in order; and a snapshot with the events after it is the state that the API shows.
"""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import InMemoryChannelLayer
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debates import selectors
from debates.choices import EventType
from debates.models import Debate
from debates.selectors.transcript import LoggedEvent, apply
from debates.services.events import NewEvent, append_events
from debates.streaming import hub as hub_module
from debates.streaming.client_frames import Since
from debates.streaming.envelope import Frame, frame_of_event
from debates.streaming.hub import Hub
from tests.factories import make_debate
from tests.support.hubs import Ear
from tests.support.streams import add_events

pytestmark = pytest.mark.django_db(transaction=True)

slow = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def quick_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 0.02)


class LossyLayer(InMemoryChannelLayer):  # type: ignore[misc]
    """Drops, doubles and holds back messages as it is told."""

    def __init__(self, fates: list[str]) -> None:
        super().__init__()
        self._fates = fates
        self._held: list[tuple[str, Any]] = []

    async def group_send(self, group: str, message: Any) -> None:
        fate = self._fates.pop() if self._fates else "send"
        if fate == "hold":
            self._held.append((group, message))
            return
        if fate != "drop":
            await super().group_send(group, message)
        if fate == "double":
            await super().group_send(group, message)
        while self._held and fate == "release":
            await super().group_send(*self._held.pop())


fates = st.lists(st.sampled_from(["send", "drop", "double", "hold", "release"]), max_size=30)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4)),
        st.tuples(st.just("unheard"), st.integers(1, 3)),
        st.tuples(st.just("reconnect"), st.integers(0, 1)),
        st.tuples(st.just("forget"), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=14,
)


@slow
@given(fates=fates, steps=steps, shuffle=st.randoms(use_true_random=False))
def test_every_client_ends_with_the_whole_log(
    fates: list[str], steps: list[tuple[str, int]], shuffle: Any
) -> None:
    debate = make_debate()
    asyncio.run(_follow(debate, fates, steps, shuffle))


async def _follow(
    debate: Debate, fates: list[str], steps: list[tuple[str, int]], shuffle: Any
) -> None:
    """One instance writes, another one is listened to; the client moves between the two."""
    layer = LossyLayer(list(fates))
    writer, listener = Hub(layer), Hub(layer)
    await writer.start()
    await listener.start()
    try:
        steady = Ear(listener, debate.pk)
        roaming = Ear(listener, debate.pk)
        has: list[int] = []
        written = 0
        for what, number in steps:
            if what in ("write", "unheard"):
                written += number
                rows = await sync_to_async(add_events)(debate, number, published=False)
                frames = [frame_of_event(row) for row in rows]
                if what == "write":
                    shuffle.shuffle(frames)
                    writer.put(frames)
            elif what == "reconnect":
                has += roaming.seqs
                roaming.leave()
                since = Since(seq=len(has), epoch=str(debate.epoch))
                roaming = Ear((writer, listener)[number], debate.pk, since)
            else:  # The last frames were lost between the server and the client.
                has = (has + roaming.seqs)[:-number]
                roaming.leave()
                roaming = Ear(listener, debate.pk, Since(seq=len(has), epoch=str(debate.epoch)))
            await asyncio.sleep(0)
        whole = list(range(1, written + 1))
        await steady.until(lambda: len(steady.seqs) >= written)
        await roaming.until(lambda: len(has) + len(roaming.seqs) >= written)
        assert steady.seqs == whole
        assert has + roaming.seqs == whole
    finally:
        await writer.stop()
        await listener.stop()


AGENTS = ("ada", "ben", "cleo")
TYPES = {
    EventType.PROPOSE: {"content": "p", "answer": "Yes"},
    EventType.REVISION: {"content": "r", "answer": "No"},
    EventType.CRITIQUE: {"target_agent": "ben", "content": "c"},
    EventType.VOTE: {"choice": "Yes"},
    EventType.AGENT_ERROR: {"code": "timed_out"},
    EventType.ROUND_START: {},
    EventType.CONVERGENCE: {"agreement": 0.5, "stability": None},
    EventType.ROUND_END: {"duration_seconds": 1.5},
    EventType.PHASE_CHANGE: {"to_phase": "exchange"},
    EventType.DEBATE_PAUSED: {"reason": "asked"},
    EventType.AGENT_MESSAGE: {"content": "And the cost?"},
}


@st.composite
def new_events(draw: st.DrawFn) -> NewEvent:
    type = draw(st.sampled_from(sorted(TYPES)))
    round_number, agent = draw(st.integers(0, 2)), draw(st.sampled_from(AGENTS))
    data = {"agent": agent, "round_number": round_number, **TYPES[type]}
    return NewEvent(type, data, round=round_number, agent=agent)


events = new_events()


@slow
@given(before=st.lists(events, max_size=12), after=st.lists(events, max_size=12))
def test_a_snapshot_and_the_events_after_it_are_the_state(
    before: list[NewEvent], after: list[NewEvent]
) -> None:
    debate = make_debate()
    asyncio.run(_snapshot_and_events(debate, before, after))


async def _snapshot_and_events(
    debate: Debate, before: list[NewEvent], after: list[NewEvent]
) -> None:
    hub = Hub(InMemoryChannelLayer())
    await hub.start()
    try:
        hub.put(await sync_to_async(_append)(debate, before))
        ear = Ear(hub, debate.pk, Since(snapshot=True))
        hub.put(await sync_to_async(_append)(debate, after))
        last = len(before) + len(after)
        await ear.until_type("replay_end")
        sync = next(frame for frame in ear.frames if frame["type"] == "sync")
        await ear.until(lambda: not last or last in (sync["seq"], *ear.seqs))
        transcript = copy.deepcopy(sync["data"]["snapshot"]["transcript"])
        assert ear.seqs == list(range(sync["seq"] + 1, last + 1))
        for frame in ear.frames:
            if frame["type"] in EventType.values:
                apply(transcript, _logged(frame))
        assert transcript == await sync_to_async(_fresh_transcript)(debate)
    finally:
        await hub.stop()


def _append(debate: Debate, events: list[NewEvent]) -> list[Frame]:
    if not events:
        return []
    with transaction.atomic():
        rows = append_events(debate_id=debate.pk, events=events, now=timezone.now())
    return [frame_of_event(row) for row in rows]


def _logged(frame: dict[str, Any]) -> LoggedEvent:
    return LoggedEvent(
        seq=frame["seq"],
        type=frame["type"],
        data=frame["data"],
        timestamp=frame["timestamp"],
        round=frame["round"],
        agent=frame["agent"],
    )


def _fresh_transcript(debate: Debate) -> Any:
    return selectors.debate_snapshot(Debate.objects.get(pk=debate.pk))["transcript"]
