"""A real Aragora in a process of its own, on either database, with models that can be held."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from debates.mock_llm.server import Behaviour, Fault, ModelServer, Options, Seen
from tests.support.processes import Process, Server, aragora, free_port
from tests.support.roles import APP, as_role, prepare_as_owner

PATIENCE_SECONDS = 30.0
MODELS = ("alpha-large", "beta-small", "gamma-contrary")
"""Models, and the agents that a server makes of them. Alpha says yes, beta gives way in the first
exchange, gamma never does: so there are two exchanges and a vote."""
TURNS = 12
TERMINAL = {"completed", "failed", "cancelled"}

Query = Callable[[str], list[tuple[Any, ...]]]


def wait_until(found: Callable[[], Any]) -> Any:
    """Look again and again until `found()` is true; its answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := found()):
        assert time.monotonic() < deadline, "never came"
        time.sleep(0.02)
    return answer


@dataclass
class Site:
    """A server, its models and its database."""

    server: Server
    models: ModelServer
    query: Query
    """Runs a statement on a connection of its own."""

    # --- Processes -----------------------------------------------------------------------------

    def kill(self) -> None:
        """kill -9; returns when the models know that nobody listens any more."""
        self.server.process.kill()
        wait_until(lambda: not self.under_way())

    @contextlib.contextmanager
    def another_server(self) -> Iterator[Site]:
        """A second server on the same database."""
        port = free_port()
        env = {**self.server.env, "ARAGORA_PORT": str(port)}
        server = Server(env=env, port=port, process=Process([]))
        server.start()
        try:
            yield replace(self, server=server)
        finally:
            server.process.stop()

    # --- Over HTTP -----------------------------------------------------------------------------

    def post(self, path: str, **body: Any) -> httpx.Response:
        return httpx.post(f"{self.server.url}{path}", json=body, timeout=30)

    def steer(self, debate_id: str, how: str) -> None:
        """start, pause, resume, stop or cancel."""
        answer = self.post(f"/api/v1/debates/{debate_id}/{how}")
        assert answer.status_code == 200, answer.text

    def start_debate(self, **options: Any) -> str:
        """Queue a debate of the three models; its id."""
        body = {
            "task": "Should the town build the tram?",
            "agents": list(MODELS),
            "consensus": "plurality",
            **options,
        }
        answer = self.post("/api/v1/debates", **body)
        assert answer.status_code == 201, answer.text
        debate_id: str = answer.json()["debate_id"]
        return debate_id

    def debate(self, debate_id: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.server.url}/api/v1/debates/{debate_id}", timeout=30)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def wait_for_end(self, debate_id: str) -> dict[str, Any]:
        """The debate once it is over."""

        def over() -> dict[str, Any] | None:
            debate = self.debate(debate_id)
            return debate if debate["status"] in TERMINAL else None

        found: dict[str, Any] = wait_until(over)
        return found

    # --- Models --------------------------------------------------------------------------------

    def hold(self, models: tuple[str, ...], *, after: int = 0) -> None:
        """Hold the answers of these models, once `after` requests have been answered."""
        self.models.script(
            *[Behaviour() for _ in range(after)],
            *[Behaviour(fault=Fault.HOLD, model=model) for model in models],
        )

    def under_way(self) -> list[Seen]:
        """The requests whose answers have neither been sent to the end nor been cut off."""
        return [
            seen
            for seen in self.models.seen
            if not seen.finished.is_set() and not seen.disconnected.is_set()
        ]

    def wait_for_held(self, count: int) -> list[Seen]:
        """The requests whose answers are begun and held, once there are so many."""

        def held() -> list[Seen]:
            found = [seen for seen in self.under_way() if seen.started.is_set()]
            return found if len(found) >= count else []

        found: list[Seen] = wait_until(held)
        return found

    @property
    def finished_calls(self) -> int:
        return sum(seen.finished.is_set() for seen in self.models.seen)

    # --- The database --------------------------------------------------------------------------

    def turns(self) -> int:
        return int(self.query("SELECT COUNT(*) FROM debates_turn")[0][0])

    def wait_for_turns(self, count: int) -> None:
        wait_until(lambda: self.turns() >= count)

    def wait_for_seq(self, seq: int) -> None:
        """Until the log of the one debate has so many events, or the debate is over."""
        rows = "SELECT last_seq, status FROM debates_debate"
        wait_until(lambda: [r for r in self.query(rows) if r[0] >= seq or r[1] in TERMINAL])

    def assert_whole(self) -> None:
        """What holds for every debate that is over, however often its workers died."""
        for debate_id, status, last_seq, *used, holder in self.query(
            "SELECT id, status, last_seq, input_tokens, output_tokens, cost_usd, lease_holder "
            "FROM debates_debate"
        ):
            assert (status in TERMINAL, holder) == (True, "")
            events = self._rows("seq, type", "debates_debateevent", debate_id)
            assert sorted(seq for seq, _ in events) == list(range(1, last_seq + 1))
            types = Counter(type for _, type in events)
            assert types["debate_start"] == types["debate_end"] == 1
            turns = self._rows('"index", round, phase, agent, part', "debates_turn", debate_id)
            assert sorted(index for index, *_ in turns) == list(range(len(turns)))
            calls = Counter(tuple(call) for _, *call in turns)
            assert set(calls.values()) <= {1}
            records = self._rows(
                "input_tokens, output_tokens, cost_usd", "debates_usagerecord", debate_id
            )
            sums = [sum(map(float, column)) for column in zip(*records, strict=True)]
            assert [float(figure) for figure in used] == pytest.approx(sums or [0, 0, 0])

    def _rows(self, columns: str, table: str, debate_id: object) -> list[tuple[Any, ...]]:
        return self.query(f"SELECT {columns} FROM {table} WHERE debate_id = '{debate_id}'")  # noqa: S608


@contextlib.contextmanager
def site_on_sqlite(directory: Path, **variables: str) -> Iterator[Site]:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(directory / "aragora.sqlite3", timeout=20)) as connection:
            return connection.execute(statement).fetchall()

    with _site(directory, run, **variables) as site:
        yield site


@contextlib.contextmanager
def site_on_postgres(directory: Path, url: str, **variables: str) -> Iterator[Site]:
    """The server is the role that owns no table, and goes to `url` unless `variables` say
    otherwise; `query` goes there and sees everything."""
    import psycopg

    def run(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    prepare_as_owner(directory, url)
    with _site(directory, run, **{"DATABASE_URL": as_role(url, APP), **variables}) as site:
        yield site


@contextlib.contextmanager
def _site(directory: Path, query: Query, **variables: str) -> Iterator[Site]:
    with (
        ModelServer(Options(models=MODELS, piece_length=60)) as models,
        aragora(
            directory,
            OPENAI_BASE_URL=models.openai_url,
            ARAGORA_OPENAI_MODELS=",".join(MODELS),
            ARAGORA_DRAIN_SECONDS="20",
            **variables,
        ) as server,
    ):
        yield Site(server, models, query)
