"""Several instances on one database, over a channel layer that carries hints between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from pytest_django.fixtures import Settings

from debates.models import Debate
from debates.services.events import EventRow
from debates.streaming import hub as hub_module
from debates.streaming import publisher
from debates.streaming.client_frames import Since
from debates.streaming.envelope import ephemeral_frame, frame_of_event
from debates.streaming.events import EphemeralType
from debates.streaming.hub import Hub
from tests.factories import make_debate
from tests.support.hubs import Ear
from tests.support.streams import add_events

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def layer(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield InMemoryChannelLayer()
        return
    redis = RedisPubSubChannelLayer(hosts=[request.getfixturevalue("redis_url")], prefix="test")
    yield redis
    await redis.flush()


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives has come over the channel layer."""
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 3600.0)


@contextlib.asynccontextmanager
async def instances(layer: Any, count: int) -> AsyncIterator[list[Hub]]:
    hubs = [Hub(layer) for _ in range(count)]
    for hub in hubs:
        await hub.start()
    await asyncio.sleep(0)
    try:
        yield hubs
    finally:
        for hub in hubs:
            await hub.stop()


async def write(hub: Hub | None, debate: Debate, count: int = 1) -> list[EventRow]:
    """Events committed by an instance, and published there; by nobody's, unheard."""
    rows = await sync_to_async(add_events)(debate, count, published=False)
    if hub is not None:
        hub.put([frame_of_event(row) for row in rows])
    return rows


async def test_readers_of_every_instance_get_everything(layer: Any, no_poll: None) -> None:
    debate = await sync_to_async(make_debate)()
    async with instances(layer, 3) as hubs:
        ears = [Ear(hub, debate.pk) for hub in hubs for _ in range(2)]
        for ear in ears:
            await ear.until_type("replay_end")
        for turn in range(6):
            await write(hubs[turn % 3], debate, 5)
        for ear in ears:
            assert await ear.until_seq(30) == list(range(1, 31))


async def test_tokens_cross_from_instance_to_instance(layer: Any, no_poll: None) -> None:
    debate = await sync_to_async(make_debate)()
    async with instances(layer, 2) as (here, there):
        ear = Ear(there, debate.pk)
        await ear.until_type("replay_end")
        for offset, letter in enumerate("tram"):
            data = {"turn_id": "1:draft:ada", "offset": offset, "text": letter}
            here.put(
                [
                    ephemeral_frame(
                        debate_id=str(debate.pk),
                        type=EphemeralType.TOKEN_DELTA,
                        data=data,
                        agent="ada",
                    )
                ]
            )
        await ear.until(lambda: "".join(spoken(ear)) == "tram")
        [delta] = [frame for frame in ear.frames if frame["type"] == "token_delta"]
        assert delta["epoch"] == str(debate.epoch)


async def test_who_joins_late_at_another_instance_gets_the_text_so_far(
    layer: Any, no_poll: None
) -> None:
    debate = await sync_to_async(make_debate)()
    head = {"turn_id": "1:draft:ada", "agent": "ada"}

    def say(type: EphemeralType, **data: Any) -> None:
        data |= head
        here.put([ephemeral_frame(debate_id=str(debate.pk), type=type, data=data, agent="ada")])

    async with instances(layer, 2) as (here, there):
        say(EphemeralType.TOKEN_START)
        say(EphemeralType.TOKEN_DELTA, offset=0, text="the tram ")
        near = Ear(here, debate.pk)
        await near.until(lambda: spoken(near) == ["the tram "])
        far = Ear(there, debate.pk)
        await far.until(lambda: spoken(far) == ["the tram "])
        say(EphemeralType.TOKEN_DELTA, offset=9, text="runs")
        await far.until(lambda: spoken(far) == ["the tram ", "runs"])
        second = Ear(there, debate.pk)
        await second.until(lambda: spoken(second) == ["the tram runs"])
        assert [frame["type"] for frame in far.frames].count("token_start") == 1


def spoken(ear: Ear) -> list[str]:
    return [frame["data"]["text"] for frame in ear.frames if frame["type"] == "token_delta"]


async def test_a_reader_moves_between_instances_without_loss(layer: Any) -> None:
    debate = await sync_to_async(make_debate)()
    async with instances(layer, 2) as hubs:
        heard: list[int] = []
        since = Since()
        for turn in range(8):
            ear = Ear(hubs[turn % 2], debate.pk, since)
            await write(hubs[(turn + 1) % 2], debate, 3)
            heard += await ear.until_seq(3 * (turn + 1))
            ear.leave()
            epoch, seq = ear.frames[-1]["epoch"], heard[-1]
            since = Since(seq=seq, epoch=epoch)
        assert heard == list(range(1, 25))


async def test_an_instance_that_nobody_told_finds_out(layer: Any) -> None:
    debate = await sync_to_async(make_debate)()
    async with instances(layer, 1) as (hub,):
        ear = Ear(hub, debate.pk)
        await ear.until_type("replay_end")
        await write(None, debate, 4)
        assert await ear.until_seq(4) == [1, 2, 3, 4]


async def test_a_debate_that_nobody_follows_any_more_is_let_go(layer: Any) -> None:
    debate = await sync_to_async(make_debate)()
    async with instances(layer, 2) as (here, there):
        for _ in range(3):
            ear = Ear(here, debate.pk)
            await ear.until_type("replay_end")
            ear.leave()
        assert here.following == 0
        last = Ear(here, debate.pk)
        await last.until_type("replay_end")
        await write(there, debate)
        assert await last.until_seq(1) == [1]


@pytest.mark.redis
async def test_a_process_without_a_hub_reaches_those_with_one(
    redis_url: str, settings: Settings, no_poll: None
) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [redis_url], "prefix": "relay"},
        }
    }
    debate = await sync_to_async(make_debate)()
    layer = RedisPubSubChannelLayer(hosts=[redis_url], prefix="relay")
    async with instances(layer, 1) as (hub,):
        ear = Ear(hub, debate.pk)
        await ear.until_type("replay_end")
        await sync_to_async(add_events)(debate, 3, published=True)
        assert await ear.until_seq(3) == [1, 2, 3]
    await layer.flush()
    await asyncio.to_thread(publisher.close)
