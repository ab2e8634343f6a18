"""A server that owns no table of its database: a debate from question to verdict, and
`check_tenancy` on a database that keeps tenants apart and on ones that do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from websockets.sync.client import connect

from tests.support.processes import Server, aragora, manage, server_environment
from tests.support.roles import APP, OWNER, as_role, prepare_as_owner

pytestmark = pytest.mark.postgres

SIGN_IN = """
from django.contrib.auth.models import User
from django.test import Client
for name in ("alice", "charlie"):
    client = Client()
    client.force_login(User.objects.create(username=name))
    print("session", client.cookies["sessionid"].value)
"""
CSRF = "c" * 32


@dataclass
class Site:
    url: str
    """As the superuser."""
    directory: Path
    server: Server
    sessions: dict[str, str]

    def client(self, name: str = "") -> httpx.Client:
        cookies = {"csrftoken": CSRF}
        if name:
            cookies["sessionid"] = self.sessions[name]
        return httpx.Client(
            base_url=self.server.url, cookies=cookies, headers={"X-CSRFToken": CSRF}, timeout=30
        )

    def check(self, role: str) -> tuple[int, dict[str, Any]]:
        """The exit code of `check_tenancy --json`, and what fails by table."""
        env = server_environment(self.directory, DATABASE_URL=as_role(self.url, role))
        done = manage("check_tenancy", "--json", env=env)
        document = json.loads(done.stdout)
        failed: dict[str, Any] = {}
        for finding in document["findings"]:
            if not finding["ok"]:
                failed.setdefault(finding["subject"], []).append(finding["check"])
        assert document["ok"] == (not failed)
        return done.returncode, failed

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def site(postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("tenancy")
    url = postgres_server_url.rpartition("/")[0] + "/tenancy"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE tenancy")
    prepare_as_owner(directory, url)
    app = as_role(url, APP)
    signed_in = manage("shell", "-c", SIGN_IN, env=server_environment(directory, DATABASE_URL=app))
    sessions = [line.split()[1] for line in signed_in.stdout.splitlines() if "session" in line]
    with aragora(directory, DATABASE_URL=app, ARAGORA_DRAIN_SECONDS="0") as server:
        yield Site(url, directory, server, dict(zip(("alice", "charlie"), sessions, strict=True)))
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE tenancy WITH (FORCE)")


def start(client: httpx.Client, visibility: str, **options: Any) -> str:
    body = {"task": "Should the town build the tram?", "visibility": visibility, **options}
    answer = client.post("/api/v1/debates", json=body, headers={"Idempotency-Key": visibility})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["debate_id"])


def follow(site: Site, debate_id: str, name: str) -> list[dict[str, Any]]:
    """What somebody is sent from the beginning to the end, or to the first refusal."""
    frames: list[dict[str, Any]] = []
    headers = {"Cookie": f"sessionid={site.sessions[name]}"}
    with connect(site.server.ws_url, additional_headers=headers, proxy=None) as socket:
        socket.send(json.dumps({"type": "subscribe", "debate_id": debate_id, "since_seq": 0}))
        while not frames or frames[-1]["type"] not in {"debate_end", "error"}:
            frames.append(json.loads(socket.recv(timeout=30)))
    return frames


def test_a_private_debate_from_question_to_verdict(site: Site) -> None:
    with site.client("alice") as alice, site.client("charlie") as charlie, site.client() as nobody:
        debate_id = start(alice, "private")
        assert start(alice, "private") == debate_id, "a request that is sent again"
        frames = follow(site, debate_id, "alice")
        seqs = [frame["seq"] for frame in frames if frame.get("seq") and "debate_id" in frame]
        assert seqs[-1] == max(seqs)
        assert frames[-1]["type"] == "debate_end"
        assert [frame["type"] for frame in follow(site, debate_id, "charlie")][-1] == "error"

        path = f"/api/v1/debates/{debate_id}"
        found = alice.get(path).raise_for_status().json()
        assert found["status"] == "completed"
        events = alice.get(f"{path}/events?limit=500").raise_for_status().json()["events"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert len(alice.get("/api/v1/debates").json()["debates"]) == 1
        for other in (charlie, nobody):
            assert other.get(path).status_code == 404
            assert other.get(f"{path}/events").status_code == 404
            assert other.get("/api/v1/debates").json()["debates"] == []
        assert alice.delete(path).is_success
    stored = [site.run(f"SELECT COUNT(*) FROM debates_{name}") for name in ("debate", "turn")]  # noqa: S608
    assert stored == [[(0,)], [(0,)]]


def test_the_audience_of_a_public_debate_is_heard(site: Site) -> None:
    with site.client("alice") as alice, site.client("charlie") as charlie:
        debate_id = start(alice, "public", autostart=False)
        path = f"/api/v1/debates/{debate_id}"
        said = charlie.post(f"{path}/suggest", json={"suggestion": "Ask the drivers."})
        assert said.is_success, said.text
        # He may not steer it, and is told so: it is no secret that there is one.
        assert charlie.post(f"{path}/start").status_code == 403
        words = {"type": "challenge", "content": "Who pays?"}
        assert charlie.post(f"{path}/intervene", json=words).status_code == 403
        assert alice.post(f"{path}/intervene", json=words).is_success
        assert alice.post(f"{path}/start").is_success
        frames = follow(site, debate_id, "charlie")
        told = {frame["type"] for frame in frames}
        assert {"audience_suggestion", "intervention", "debate_end"} <= told


def test_check_tenancy_passes_for_the_program_and_for_an_owner(site: Site) -> None:
    rows = "SELECT COUNT(*) FROM debates_debate"
    before = site.run(rows)
    assert site.check(APP) == (0, {})
    assert site.check(OWNER) == (0, {})  # FORCE: one role that does both is kept in bounds, too.
    assert site.run(rows) == before


def test_check_tenancy_tells_a_superuser(site: Site) -> None:
    status, failed = site.check("aragora")
    assert status == 1
    assert failed["role"] == ["is no superuser", "has no BYPASSRLS"]
    assert "another tenant does not see it" in failed["debates_debate"]


HOLES = {
    "debates_turn": "ALTER TABLE debates_turn DISABLE ROW LEVEL SECURITY",
    "debates_round": "ALTER TABLE debates_round NO FORCE ROW LEVEL SECURITY",
    "debates_verdict": "CREATE POLICY extra ON debates_verdict USING (true)",
    "debates_debateevent": "ALTER POLICY tenancy_insert ON debates_debateevent WITH CHECK (true)",
}


def test_check_tenancy_finds_what_is_open(site: Site) -> None:
    """The last test here: the database is not mended."""
    for statement in HOLES.values():
        site.run(statement)
    status, failed = site.check(APP)
    assert (status, failed.keys()) == (1, HOLES.keys())
    for table, check in (
        ("debates_turn", "another tenant does not see it"),
        ("debates_turn", "no tenant cannot delete it"),
        ("debates_round", "also for the owner (FORCE)"),
        ("debates_verdict", "another tenant cannot change it"),
        ("debates_debateevent", "another tenant cannot add to it"),
    ):
        assert check in failed[table]


def test_check_tenancy_says_that_sqlite_has_no_policies(tmp_path: Path) -> None:
    done = manage("check_tenancy", env=server_environment(tmp_path))
    assert done.returncode == 2
    assert "not PostgreSQL" in done.stderr
