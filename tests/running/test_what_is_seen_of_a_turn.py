"""What a reader sees of a turn that has no words yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import uuid4

import pytest

from debates.engine.types import CallKey, Phase
from debates.providers.base import ServerUnreachable
from debates.running.voice import Voice
from debates.streaming import publisher
from debates.streaming.envelope import Frame
from debates.streaming.events import EphemeralType


class Window:
    """Everything that this process publishes."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def put(self, frames: Sequence[Frame]) -> None:
        self.frames += frames


@pytest.fixture
def window() -> Iterator[Window]:
    window = Window()
    publisher.attach(window)
    yield window
    publisher.detach(window)


def test_an_agent_that_cannot_be_asked_is_seen_to_wait(window: Window) -> None:
    key = CallKey(0, Phase.DRAFT, "ada")

    Voice(str(uuid4()), key).wait(ServerUnreachable("Nothing answers at all."))

    (frame,) = window.frames
    assert frame.type == EphemeralType.AGENT_THINKING
    assert (frame.agent, frame.data["turn_id"]) == ("ada", str(key))
    assert frame.data["message"] == "waits to be asked again: Nothing answers at all"
