"""A connection to Redis that looks well and carries nothing is noticed and replaced."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from channels_redis.pubsub import RedisPubSubChannelLayer
from structlog.testing import capture_logs

from debates.models import Debate
from debates.streaming import hub as hub_module
from debates.streaming import listener
from debates.streaming.envelope import ephemeral_frame
from debates.streaming.events import EphemeralType
from debates.streaming.hub import Hub
from tests.factories import make_debate
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.hubs import Ear
from tests.support.wires import Wire

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what arrives has come over the layer."""
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 3600.0)
    for name in ("ECHO_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(listener, name, 0.1)
    monkeypatch.setattr(listener, "LAYER_SECONDS", 0.5)


def thinking(debate: Debate) -> list[object]:
    data = {"debate_id": str(debate.pk), "agent": "ada", "turn_id": "0:vote:ada"}
    return [ephemeral_frame(debate_id=str(debate.pk), type=EphemeralType.AGENT_THINKING, data=data)]


async def until_heard(ear: Ear, speaker: Hub, debate: Debate) -> None:
    """Speak until a frame gets through."""
    before = len(ear.frames)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(ear.frames) == before:
            speaker.put(thinking(debate))  # type: ignore[arg-type]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("trouble", ["silence", "cut"])
async def test_a_lost_connection_to_redis_is_replaced(redis_url: str, trouble: str) -> None:
    debate = await sync_to_async(make_debate)()
    async with Wire(urlsplit(redis_url).port or 0) as wire:
        through = f"redis://127.0.0.1:{wire.port}/0"
        layers = [
            RedisPubSubChannelLayer(hosts=[url], prefix="deaf") for url in (redis_url, through)
        ]
        speaker, hearer = (Hub(layer) for layer in layers)
        with capture_logs() as logs:
            await speaker.start()
            await hearer.start()
            ear = Ear(hearer, debate.pk)
            await ear.until_type("replay_end")
            await until_heard(ear, speaker, debate)
            getattr(wire, trouble)()
            await until_heard(ear, speaker, debate)
            await hearer.stop()
            await speaker.stop()
        troubles = {line["event"] for line in logs if line["log_level"] != "info"}
        assert troubles <= {"stream_layer_unreachable"}
        for layer in layers:
            await layer.flush()
