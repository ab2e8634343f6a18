"""The same stream for clients without WebSockets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth.models import User

from debates.choices import Visibility
from debates.models import Debate
from tests.factories import make_debate
from tests.streaming.test_privacy import cookie_of
from tests.support.asgi import PATIENCE_SECONDS
from tests.support.streams import StreamServer, add_events

Event = dict[str, Any]


@contextlib.contextmanager
def listening(
    server: StreamServer, debate: Debate, headers: dict[str, str] | None = None, **query: Any
) -> Iterator[Iterator[Event]]:
    url = f"{server.url}/api/v1/debates/{debate.pk}/events/stream"
    with httpx.stream(
        "GET", url, params=query, headers=headers, timeout=PATIENCE_SECONDS
    ) as response:
        response.read() if response.status_code != 200 else None
        response.raise_for_status()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield parsed(response.iter_lines())


def parsed(lines: Iterator[str]) -> Iterator[Event]:
    event: Event = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            event[name] = json.loads(value) if name == "data" else value
        elif event:
            if "data" in event:
                yield event
            event = {}


def take(events: Iterator[Event], count: int) -> list[Event]:
    return [next(events) for _ in range(count)]


def test_the_log_and_then_what_happens(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 2)
    with listening(stream, debate) as events:
        first, second = take(events, 2)
        add_events(debate)
        third = next(events)
    assert [event["data"]["seq"] for event in (first, second, third)] == [1, 2, 3]
    assert first["event"] == first["data"]["type"] == "agent_message"
    assert first["id"] == f"{debate.epoch}:1"


@pytest.mark.parametrize("with_epoch", [True, False])
def test_it_resumes_after_the_last_event(
    stream: StreamServer, debate: Debate, with_epoch: bool
) -> None:
    add_events(debate, 5)
    last = f"{debate.epoch}:3" if with_epoch else "3"
    with listening(stream, debate, {"Last-Event-ID": last}) as events:
        assert [event["data"]["seq"] for event in take(events, 2)] == [4, 5]
    with listening(stream, debate, since=4) as events:
        assert next(events)["data"]["seq"] == 5


def test_another_numbering_is_announced_with_a_snapshot(
    stream: StreamServer, debate: Debate
) -> None:
    add_events(debate, 2)
    with listening(stream, debate, {"Last-Event-ID": f"{uuid4()}:1"}) as events:
        sync = next(events)
        assert sync["event"] == "sync"
        assert sync["id"] == f"{debate.epoch}:2"
        add_events(debate)
        assert next(events)["data"]["seq"] == 3


def test_a_long_log_is_replayed_in_full(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 1500, content="x" * 500)
    with listening(stream, debate) as events:
        assert [event["data"]["seq"] for event in take(events, 1500)] == list(range(1, 1501))


@pytest.mark.parametrize("bad", ["x", "-1", "00000000-0000-4000-8000-000000000000:x"])
def test_a_bad_number_is_400(stream: StreamServer, debate: Debate, bad: str) -> None:
    with (
        pytest.raises(httpx.HTTPStatusError) as refused,
        listening(stream, debate, {"Last-Event-ID": bad}),
    ):
        pass
    assert refused.value.response.status_code == 400
    assert refused.value.response.json()["errors"][0]["field"] == "since"


def test_a_private_debate_is_its_owners(stream: StreamServer, alice: User) -> None:
    private = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    add_events(private)
    with listening(stream, private, cookie_of(alice)) as events:
        assert next(events)["data"]["seq"] == 1
    with pytest.raises(httpx.HTTPStatusError) as refused, listening(stream, private):
        pass
    assert refused.value.response.status_code == 404


def test_a_key_that_is_nobodys_is_401(stream: StreamServer, debate: Debate) -> None:
    headers = {"Authorization": "Bearer ara_nobody"}
    with pytest.raises(httpx.HTTPStatusError) as refused, listening(stream, debate, headers):
        pass
    assert refused.value.response.status_code == 401


def test_a_reader_that_leaves_is_forgotten(stream: StreamServer, debate: Debate) -> None:
    add_events(debate)
    with listening(stream, debate) as events:
        next(events)
        assert len(stream.hub.outlets) == 1
    stream.call(lambda: stream.hub.all_left(PATIENCE_SECONDS))
    assert not stream.hub.outlets
