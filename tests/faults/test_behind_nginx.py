"""Two instances behind the shipped nginx configuration: any of them serves anything, and when one
dies its readers go on at the other."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from debates.mock_llm.server import ModelServer, Options
from tests.support.followers import Crowd, Follower, assert_complete, start_debate
from tests.support.processes import Server, aragora, free_port, nginx
from tests.support.sites import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.redis, pytest.mark.postgres]

PANEL = ["mill-large", "hume-small", "cleo-contrary"]
FOLLOWERS = 6


@dataclass
class Site:
    """Two instances on one database and one Redis, and nginx before them."""

    first: Server
    second: Server
    balancer: Server

    def start_debate(self, crowd: Crowd) -> list[Follower]:
        """A debate that is followed through nginx. Returns when everybody hears agents speak."""
        debate = start_debate(self.balancer, agents=PANEL)
        new = crowd.follow(debate, [self.balancer], count=FOLLOWERS)
        crowd.wait_until(lambda: all(one.others["token_delta"] > 3 for one in new), what="words")
        return new


@pytest.fixture
def site(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Site]:
    options = Options(models=tuple(PANEL), latency=0.05, piece_length=12, piece_seconds=0.02)
    with contextlib.ExitStack() as stack:
        models = stack.enter_context(ModelServer(options))
        variables = {
            "DATABASE_URL": postgres_url,
            "ARAGORA_SECRET_KEY": "the same on every instance of a site, as the guide says",
            "ARAGORA_REDIS_URL": redis_url,
            "ARAGORA_TRUSTED_PROXIES": "127.0.0.1",
            "ARAGORA_LIMIT_LOOPBACK": "false",
            "OPENAI_BASE_URL": models.openai_url,
            "ARAGORA_DRAIN_SECONDS": "1",
        }
        first = stack.enter_context(aragora(tmp_path / "one", **variables))
        port = free_port()
        second = Server(
            env={**first.env, "ARAGORA_PORT": str(port)}, port=port, process=first.process
        )
        second.start()
        stack.callback(second.process.stop)
        try:
            balancer = stack.enter_context(nginx([first, second]))
        except FileNotFoundError as missing:
            pytest.skip(f"needs {missing}")
        yield Site(first, second, balancer)


@dataclass
class Visitors:
    """Ask for pages and for the API through nginx, again and again, until they are told to stop."""

    balancer: Server
    answers: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def _visit(self) -> None:
        with httpx.Client(base_url=self.balancer.url, timeout=30) as client:
            while not self.stop.is_set():
                for path in ("/debates/", "/api/v1/debates", "/api/health"):
                    self.answers.append(client.get(path).status_code)

    @contextlib.contextmanager
    def visiting(self) -> Iterator[None]:
        thread = threading.Thread(target=self._visit)
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join(60)


def sockets_of(server: Server) -> int:
    return int(httpx.get(f"{server.url}/api/health", timeout=10).json()["websocket_connections"])


def is_reached(server: Server, *, through: Server) -> bool:
    """Whether the balancer sends a new socket there, where there is least."""
    with connect(through.ws_url, proxy=None):
        return sockets_of(server) > 0


def assert_any_instance_serves_anything(site: Site) -> None:
    """Sockets are spread evenly, a form that one instance gave is taken by another, and events
    come over SSE as they happen."""
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(connect(site.balancer.ws_url, proxy=None))
        wait_until(lambda: [sockets_of(one) for one in (site.first, site.second)] == [3, 3])
    with httpx.Client(base_url=site.balancer.url, timeout=30) as browser:
        for _ in range(4):
            page = browser.get("/sign-in/").text
            token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
            form = {"csrfmiddlewaretoken": token, "username": "nobody", "password": "wrong"}
            answer = browser.post("/sign-in/", data=form, headers={"Origin": site.balancer.url})
            assert answer.status_code == 200
            assert "csrfmiddlewaretoken" in answer.text
    debate = start_debate(site.balancer, agents=PANEL)
    types = []
    with httpx.stream(
        "GET",
        f"{site.balancer.url}/api/v1/debates/{debate}/events",
        headers={"Accept": "text/event-stream"},
        timeout=30,
    ) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                types.append(json.loads(line[5:])["type"])
            if types and types[-1] == "debate_end":
                break
    assert "token_delta" in types


def test_an_instance_dies_and_another_leaves_and_nobody_notices(site: Site) -> None:
    assert_any_instance_serves_anything(site)
    visitors = Visitors(site.balancer)
    with visitors.visiting(), Crowd() as crowd:
        site.start_debate(crowd)
        site.start_debate(crowd)
        wait_until(lambda: sockets_of(site.first) > 0 and sockets_of(site.second) > 0)
        site.first.process.kill()
        crowd.wait_for_the_end()
        assert_complete(crowd.followers, site.second)
        assert any(one.closed for one in crowd.followers)
        assert not all(one.closed for one in crowd.followers)

        site.first.start()
        wait_until(lambda: is_reached(site.first, through=site.balancer))
        # Now the other one leaves, as in a deployment: it sends its readers away one by one.
        new = site.start_debate(crowd)
        site.second.process.signal(signal.SIGTERM)
        assert site.second.process.child.wait(30) == 0
        crowd.wait_for_the_end()
        assert_complete(new, site.first)
        assert {code for one in new for code in one.closed} <= {1012}
    assert len(visitors.answers) > 10
    health, others = visitors.answers[2::3], set(visitors.answers[0::3] + visitors.answers[1::3])
    # What a dead instance does not answer the other one does. One that leaves says so, by 503 for
    # its health, and answers everything else.
    assert (others, set(health) <= {200, 503}) == ({200}, True), site.balancer.process.output
    assert health[-1] == 200
