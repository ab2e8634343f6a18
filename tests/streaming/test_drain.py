"""An instance that goes away sends its readers to the others."""

from __future__ import annotations

import contextlib
import threading
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from debates.models import Debate
from tests.support.streams import StreamServer, add_events, reader


def test_sockets_are_closed_with_1012_over_the_time_given(
    stream: StreamServer, debate: Debate
) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(reader(stream, debate.pk)) for _ in range(10)]
        for client in clients:
            client.until("replay_end")
        add_events(debate)
        closed_at: list[float] = []

        def watch(client: object) -> None:
            assert clients[clients.index(client)].until_closed() == 1012  # type: ignore[arg-type]
            closed_at.append(time.monotonic())

        watchers = [threading.Thread(target=watch, args=(client,)) for client in clients]
        for watcher in watchers:
            watcher.start()
        stream.call(lambda: stream.hub.drain(0.5))
        for watcher in watchers:
            watcher.join()
        assert len(closed_at) == 10
        assert all(client.seqs == [1] for client in clients)
        assert max(closed_at) - min(closed_at) > 0.3
        assert not stream.hub.outlets


def test_nobody_new_is_let_in(stream: StreamServer, debate: Debate) -> None:
    stream.call(lambda: stream.hub.drain(0))
    with pytest.raises(InvalidStatus) as refused:
        connect(stream.ws_url, proxy=None)
    assert refused.value.response.status_code == 503
    answer = httpx.get(f"{stream.url}/api/v1/debates/{debate.pk}/events/stream", timeout=5)
    assert answer.status_code == 503
    assert answer.json()["code"] == "draining"


def test_readers_resume_elsewhere_without_loss(stream: StreamServer, debate: Debate) -> None:
    add_events(debate, 3)
    with reader(stream, debate.pk) as client:
        client.until_seq(3)
        threading.Thread(target=lambda: stream.call(lambda: stream.hub.drain(0))).start()
        assert client.until_closed() == 1012
        last = client.seqs[-1]
    add_events(debate, 2)
    stream.call(stream.hub.stop)
    stream.call(stream.hub.start)
    with reader(stream, debate.pk, since_seq=last, epoch=debate.epoch) as again:
        assert again.until_seq(5) == [4, 5]
