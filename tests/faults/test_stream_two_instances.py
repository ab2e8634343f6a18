"""Two instances, one of which dies, and a Redis that does: every reader ends with everything."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from debates.mock_llm.server import Behaviour, Fault, ModelServer, Options
from tests.support.followers import Crowd, Follower, assert_complete, start_debate
from tests.support.processes import Server, aragora, free_port, redis_process

pytestmark = [pytest.mark.faults, pytest.mark.redis]

PANEL = ["mill-large", "hume-small", "cleo-contrary"]
FOLLOWERS = 5
"""Of each debate, at each instance."""
OUTAGE = ["stream_layer_unreachable", "stream_layer_reachable"]


class Redis:
    """A Redis that can die, hang, and come back at its address."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        self.process = redis_process(self._port)
        self.process.start()
        self.process.wait_for_line("eady to accept connections")

    def die(self) -> None:
        self.process.kill()

    def hang(self) -> None:
        self.process.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.signal(signal.SIGCONT)

    def stop(self) -> None:
        self.process.stop()


@dataclass
class Site:
    """Two instances on one database and one Redis, and models that speak slowly."""

    first: Server
    second: Server
    redis: Redis
    models: ModelServer

    @property
    def instances(self) -> tuple[Server, Server]:
        return self.first, self.second


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[Site]:
    """`redis_url` is asked for because it skips where there is no Redis; the site has its own."""
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    options = Options(
        models=tuple(PANEL),
        latency=0.05,
        piece_length=12,
        piece_seconds=0.02,
    )
    redis = Redis()
    with contextlib.ExitStack() as stack:
        redis.start()
        stack.callback(redis.stop)
        models = stack.enter_context(ModelServer(options))
        variables = {
            "DATABASE_URL": url,
            "ARAGORA_SECRET_KEY": "the same on every instance of a site, as the guide says",
            "ARAGORA_REDIS_URL": redis.url,
            "OPENAI_BASE_URL": models.openai_url,
            "ARAGORA_DRAIN_SECONDS": "1",
        }
        first, second = (
            stack.enter_context(aragora(tmp_path / name, **variables)) for name in ("one", "two")
        )
        yield Site(first, second, redis, models)


def start_everywhere(site: Site, crowd: Crowd, *, holds: int = 1) -> None:
    """A debate from each instance, followed at both. Returns when everybody has heard agents speak,
    wherever the debate is run, and both have come to an answer that is held; so are the next ones
    of the same agent, `holds` in all. No other debate may be under way."""
    debates = len(site.instances)
    # Nobody speaks before everybody listens, and no debate is over before it is released.
    site.models.script(
        *[Behaviour(fault=Fault.HOLD, after_pieces=0)] * (debates * len(PANEL)),
        *[Behaviour(fault=Fault.HOLD, model=PANEL[-1])] * (holds * debates),
    )
    new: list[Follower] = []
    for instance in site.instances:
        debate = start_debate(instance, agents=PANEL)
        new += crowd.follow(debate, (site.first, site.second), count=FOLLOWERS)
        new += crowd.follow(debate, (site.second, site.first), count=FOLLOWERS)
    until_held(site, crowd, debates * len(PANEL))
    crowd.wait_until(lambda: all(one.others["replay_end"] for one in new), what="readers")
    site.models.release()
    crowd.wait_until(
        lambda: all(one.others["token_delta"] > 3 for one in new), what="words at both instances"
    )
    until_held(site, crowd, debates)


def until_held(site: Site, crowd: Crowd, count: int) -> None:
    """Until so many answers are held, and none is being spoken."""

    def held() -> bool:
        spoken = [seen for seen in site.models.seen if not seen.finished.is_set()]
        return len(spoken) == site.models.held == count

    crowd.wait_until(held, what="answers to be held")


def test_readers_of_an_instance_that_is_killed_go_on_at_the_other(site: Site) -> None:
    with Crowd() as crowd:
        start_everywhere(site, crowd)
        at_the_first = [one for one in crowd.followers if one.connected_to is site.first]
        assert len(at_the_first) == 2 * FOLLOWERS
        site.first.process.kill()
        site.models.release()
        crowd.wait_for_the_end()
        assert_complete(crowd.followers, site.second)
    assert all(one.closed == [1006] for one in at_the_first)
    assert all(not one.closed for one in crowd.followers if one not in at_the_first)
    assert "Traceback" not in site.second.process.output


def health(server: Server) -> str:
    answer = httpx.get(f"{server.url}/api/health", timeout=10)
    assert answer.status_code == 200
    status: str = answer.json()["status"]
    return status


@pytest.mark.parametrize(("break_", "mend"), [("die", "start"), ("hang", "go_on")])
def test_readers_miss_nothing_while_redis_is_away(site: Site, break_: str, mend: str) -> None:
    with Crowd() as crowd:
        start_everywhere(site, crowd, holds=2)
        assert [health(one) for one in site.instances] == ["healthy", "healthy"]
        reached = max(one.last_seq for one in crowd.followers)
        getattr(site.redis, break_)()
        crowd.wait_until(
            lambda: all(health(one) == "degraded" for one in site.instances), what="health"
        )
        site.models.release()
        crowd.wait_until(
            lambda: all(one.last_seq > reached + 3 for one in crowd.followers),
            what="events without Redis",
        )
        # Events pass without Redis long before a silent one is noticed.
        for instance in site.instances:
            instance.process.wait_for_line(OUTAGE[0])
        assert not any(one.is_over for one in crowd.followers)
        getattr(site.redis, mend)()
        crowd.wait_until(
            lambda: all(health(one) == "healthy" for one in site.instances), what="health"
        )
        for instance in site.instances:
            instance.process.wait_for_line(OUTAGE[1])
        site.models.release()
        crowd.wait_for_the_end()
        start_everywhere(site, crowd)
        site.models.release()
        crowd.wait_for_the_end()
        assert_complete(crowd.followers, site.second)
    assert all(not one.closed for one in crowd.followers)
    for instance in site.instances:
        assert_one_outage_was_told(instance)


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_an_instance_that_starts_without_redis_finds_it_later(site: Site) -> None:
    site.redis.die()
    site.second.restart()
    assert health(site.second) == "degraded"
    with Crowd() as crowd:
        debate = start_debate(site.first, agents=PANEL)
        apart = crowd.follow(debate, [site.second], count=1)
        crowd.wait_until(lambda: apart[0].last_seq > 2, what="events without Redis")
        crowd.wait_for_the_end()
        site.redis.start()
        for instance in site.instances:
            instance.process.wait_for_line(OUTAGE[1])
        start_everywhere(site, crowd)
        site.models.release()
        crowd.wait_for_the_end()
        assert_complete(crowd.followers, site.second)
    assert_one_outage_was_told(site.second)


def assert_one_outage_was_told(instance: Server) -> None:
    """When it began and when it ended, and no other trouble but what the health checks, the limiter
    and the cache, which have connections of their own, say of it."""
    told = [json.loads(line) for line in instance.process.lines if line.startswith("{")]
    changes = [line["event"] for line in told if line["event"] in OUTAGE]
    assert changes == OUTAGE
    expected = {OUTAGE[0], "health_probe_failed", "health_probe_timed_out"}
    expected |= {"ratelimit_redis_lost", "ratelimit_redis_found", "cache_unreachable"}
    assert {line["condition"] for line in told if line["event"] == "condition_began"} <= {"redis"}
    expected |= {"condition_began"}
    others = [x for x in told if x["level"] != "info" and x["event"] not in expected]
    assert not others, json.dumps(others)
