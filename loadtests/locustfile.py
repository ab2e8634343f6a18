"""The load of a site, for Locust; scripts/load_test.js is the same for k6.

Of ten users seven are visitors, who read over HTTP, two follow debates on a socket, and one starts
debates and follows them to their end. Besides there is one stranger without a key, who asks more
often than strangers may and has to be told so. Each user comes from an address of its own, if the
server believes this machine's `X-Forwarded-For` (ARAGORA_TRUSTED_PROXIES).

    locust -f loadtests/locustfile.py --headless --host http://127.0.0.1:8080 -u 10 -t 1m

Environment: LOAD_API_KEY (an internal one, see `manage.py create_internal_key`), LOAD_AGENTS (names
of a panel, by commas), LOAD_RESULTS (the file for `python -m monitoring.slo`), LOAD_PAUSE (seconds
between requests of a visitor, 1 unless set). `python -m loadtests.scenario` sets all of it up.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gevent
import websocket
from locust import constant_pacing, events, task
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

from monitoring.slo import results_of

KEY = os.environ.get("LOAD_API_KEY", "")
AGENTS = [name for name in os.environ.get("LOAD_AGENTS", "").split(",") if name]
PAUSE_SECONDS = float(os.environ.get("LOAD_PAUSE", "1"))
FOLLOW_SECONDS, PING_SECONDS = 10.0, 1.0
LONGEST_DEBATE_SECONDS = 60.0
REFUSED = 429
TERMINAL = {"debate_end"}
HTTP = {"GET", "POST"}
SOCKET, DEBATE, LIMIT = "SOCKET", "DEBATE", "LIMIT"
"""What is counted beside requests: pings there and back, whole debates, refusals in good form."""

_numbers = count(1)


class Recorder:
    """What the gate judges: every request of the scenario, as it came."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.counts: dict[str, int] = dict.fromkeys((SOCKET, DEBATE, LIMIT), 0)
        self.errors = 0
        self.began = self.ended = time.monotonic()

    def note(
        self, request_type: str, response_time: float, exception: BaseException | None, **_: Any
    ) -> None:
        self.ended = time.monotonic()
        if exception is not None:
            self.errors += 1
        elif request_type in HTTP:
            self.milliseconds.append(response_time)
        else:
            self.counts[request_type] += 1

    def results(self) -> dict[str, float | None]:
        return results_of(
            self.milliseconds,
            seconds=self.ended - self.began,
            errors=self.errors,
            sockets=self.counts[SOCKET],
            debates=self.counts[DEBATE],
            limited=self.counts[LIMIT],
        )


@events.test_start.add_listener
def record(environment: Environment, **_: Any) -> None:
    """From the start of a test to its end; then its figures are written."""
    recorder = Recorder()
    environment.events.request.add_listener(recorder.note)

    @environment.events.test_stopping.add_listener
    def tell(**_: Any) -> None:
        if file := os.environ.get("LOAD_RESULTS"):
            Path(file).write_text(json.dumps(recorder.results(), indent=2))


class Person(FastHttpUser):
    """A user at an address of its own."""

    abstract = True

    def on_start(self) -> None:
        number = next(_numbers)
        self.headers = {"X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}
        if KEY:
            self.headers["Authorization"] = f"Bearer {KEY}"

    def read(self, path: str, name: str) -> Any:
        """The JSON, or the text, of a GET; None for a failure."""
        with self.client.get(path, name=name, headers=self.headers, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}")
                return None
            if "json" in (answer.headers or {}).get("Content-Type", ""):
                return answer.json()
            return answer.text

    def fire(self, kind: str, name: str, began: float, error: BaseException | None = None) -> None:
        """Tell Locust of what is no HTTP request."""
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=error,
            context={},
        )

    @contextmanager
    def socket(self, debate_id: str) -> Iterator[websocket.WebSocket]:
        """An open socket that follows a debate from its beginning."""
        query = {"debate_id": debate_id, "since_seq": 0}
        if KEY:
            query["token"] = KEY
        url = f"{self.host.replace('http', 'ws', 1)}/ws?{urlencode(query)}"
        forwarded = [f"X-Forwarded-For: {self.headers['X-Forwarded-For']}"]
        opened = websocket.create_connection(url, header=forwarded, timeout=10)
        try:
            yield opened
        finally:
            opened.close()


class Follow:
    """The frames of one debate, checked: every event once, in order."""

    def __init__(self, opened: websocket.WebSocket) -> None:
        self._socket = opened
        self.seq = 0
        self.status = ""

    def next(self) -> str:
        """The type of the next frame; raises what the socket raises, and ValueError for a gap."""
        frame = json.loads(self._socket.recv())
        seq = frame.get("seq")
        if seq is not None and frame["type"] != "sync":
            if seq != self.seq + 1:
                raise ValueError(f"event {seq} after {self.seq}")
            self.seq = seq
        if frame["type"] in TERMINAL:
            self.status = frame["data"]["status"]
        return str(frame["type"])


class Visitor(Person):
    """Reads: the page, its styles, lists, a debate, the leaderboard, health."""

    weight = 7

    def wait_time(self) -> float:
        return random.uniform(0.5, 1.5) * PAUSE_SECONDS

    @task
    def look_around(self) -> None:
        for path, name in (
            ("/", "the first page"),
            ("/static/css/base.css", "a static file"),
            ("/api/health", "health"),
            ("/api/v1/leaderboard", "leaderboard"),
        ):
            self.read(path, name)
            gevent.sleep(self.wait_time())
        found = self.read("/api/v1/debates?limit=20", "list of debates")
        for debate in random.sample(found["debates"], 1) if found and found["debates"] else []:
            for part in ("", "/messages", "/events"):
                gevent.sleep(self.wait_time())
                self.read(f"/api/v1/debates/{debate['id']}{part}", f"a debate{part}")


class Follower(Person):
    """Follows a debate on a socket for a while, and says something now and then."""

    weight = 2
    wait_time = constant_pacing(FOLLOW_SECONDS + PING_SECONDS)

    @task
    def follow(self) -> None:
        found = self.read("/api/v1/debates?limit=20", "list of debates")
        if not found or not found["debates"]:
            return
        began = time.perf_counter()
        try:
            with self.socket(random.choice(found["debates"])["id"]) as opened:
                self._listen(opened)
        except (OSError, ValueError, websocket.WebSocketException) as error:
            self.fire(SOCKET, "a debate followed", began, error)

    def _listen(self, opened: websocket.WebSocket) -> None:
        follow = Follow(opened)
        until = time.perf_counter() + FOLLOW_SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            opened.send(json.dumps({"type": "ping", "ts": began}))
            while follow.next() != "pong":
                pass
            self.fire(SOCKET, "ping and pong", began)
            gevent.sleep(PING_SECONDS)


class Starter(Person):
    """Starts a debate and follows it to its end, and then another one."""

    weight = 1
    wait_time = constant_pacing(1.0)

    @task
    def debate(self) -> None:
        body = {
            "task": f"Should town number {next(_numbers)} build the tram?",
            "visibility": "public",
            **({"agents": AGENTS} if AGENTS else {}),
        }
        with self.client.post(
            "/api/v1/debates",
            json=body,
            name="start a debate",
            headers=self.headers,
            catch_response=True,
        ) as answer:
            if answer.status_code != 201:
                answer.failure(f"{answer.status_code}: {answer.text}")
                return
            debate_id = answer.json()["id"]
        began = time.perf_counter()
        error: Exception | None = None
        try:
            with (
                gevent.Timeout(LONGEST_DEBATE_SECONDS, TimeoutError),
                self.socket(debate_id) as opened,
            ):
                follow = Follow(opened)
                while follow.next() not in TERMINAL:
                    pass
            if follow.status != "completed":
                error = RuntimeError(f"the debate is {follow.status}")
        except (OSError, ValueError, websocket.WebSocketException) as raised:
            error = raised
        self.fire(DEBATE, "a whole debate", began, error)


class Stranger(Person):
    """Asks without a key, faster than strangers may, and has to be refused in good form."""

    fixed_count = 1
    wait_time = constant_pacing(0.1)

    @task
    def ask(self) -> None:
        headers = {"X-Forwarded-For": "192.0.2.1"}
        began = time.perf_counter()
        with self.client.get(
            "/api/v1/agents", name="a stranger", headers=headers, catch_response=True
        ) as answer:
            if answer.status_code == REFUSED:
                answer.request_meta["request_type"] = LIMIT
                with suppress(TypeError, ValueError):
                    if int(answer.headers.get("Retry-After")) > 0:
                        answer.success()
                        return
                answer.failure(f"refused without Retry-After after {time.perf_counter() - began} s")
