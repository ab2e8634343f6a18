"""`manage.py check_capacity` measures, judges, and fails where the settings ask for too much."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.processes import ROOT, free_port, server_environment


def check(
    folder: Path, *options: str, files: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, which may have `files` open."""

    def lower() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The lower of the two does not matter: a server raises it by itself.
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), files or hard))

    return subprocess.run(
        [sys.executable, "manage.py", "check_capacity", *options],
        cwd=ROOT,
        env=server_environment(folder, **variables),
        preexec_fn=lower,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert not done.stderr, done.stderr
    return {found["limit"]: found for found in json.loads(done.stdout)["findings"]}


def test_what_can_be_carried_is_measured_and_found_fit(tmp_path: Path) -> None:
    done = check(tmp_path, "--json", ARAGORA_MAX_WEBSOCKET_CONNECTIONS="100")
    found = findings(done)
    assert done.returncode == 0
    assert json.loads(done.stdout)["carries"]
    assert set(found) == {
        *("CPU", "memory", "open files", "somaxconn", "SYN backlog"),
        *("database round trip", "fsync"),
    }
    for limit in ("CPU", "memory", "open files", "database round trip", "fsync"):
        assert found[limit]["carries"] >= found[limit]["needs"] > 0
    assert list(tmp_path.glob("**/*tmp*")) == []


def test_too_few_files_for_the_sockets_fail_it_and_the_remedy_is_named(tmp_path: Path) -> None:
    done = check(tmp_path, files=600)
    assert done.returncode == 1
    assert "open files (short)" in done.stdout
    words = " ".join(done.stdout.split())
    assert "LimitNOFILE=65535" in words
    assert "ARAGORA_MAX_WEBSOCKET_CONNECTIONS" in words


def test_more_debates_than_a_core_carries_fail_it(tmp_path: Path) -> None:
    done = check(tmp_path, "--json", ARAGORA_MAX_CONCURRENT_DEBATES="1000")
    assert done.returncode == 1
    assert findings(done)["CPU"]["status"] == "short"


@pytest.mark.postgres
@pytest.mark.redis
def test_pools_that_do_not_fit_fail_it(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    done = check(
        tmp_path,
        "--json",
        DATABASE_URL=postgres_url,
        ARAGORA_REDIS_URL=redis_url,
        ARAGORA_INSTANCES="7",
    )
    found = findings(done)
    assert done.returncode == 1
    assert (found["max_connections"]["carries"], found["max_connections"]["needs"]) == (6, 7)
    assert "PgBouncer" in found["max_connections"]["change"]
    others = {limit: one["status"] for limit, one in found.items() if limit != "max_connections"}
    assert "short" not in others.values(), others
    assert found["commit"]["carries"] > 0
    assert found["Redis round trip"]["carries"] > 0


def test_what_does_not_answer_is_said_with_everything_else(tmp_path: Path) -> None:
    nowhere = free_port()
    done = check(
        tmp_path,
        "--json",
        DATABASE_URL=f"postgresql://aragora:secret@127.0.0.1:{nowhere}/aragora",
        ARAGORA_REDIS_URL=f"redis://127.0.0.1:{nowhere}/0",
    )
    found = findings(done)
    assert done.returncode == 1
    away = {limit for limit, one in found.items() if one["measured"] == "no answer"}
    assert away == {"database round trip", "commit", "max_connections", "Redis round trip"}
    assert "Start it" in found["commit"]["change"]
    assert "secret" not in done.stdout
    assert found["CPU"]["status"] == "ok"


def told(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    call_command("check_capacity", *options)
    return capsys.readouterr().out


def test_a_plan_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    small = told(capsys, "--plan", "3", "--sockets", "50")
    assert "the instance runs the debates itself" in small
    assert "SQLite is enough" in small
    large = told(capsys, "--plan", "100", "--sockets", "5000")
    assert "PostgreSQL, behind PgBouncer" in large
    document = json.loads(told(capsys, "--plan", "100", "--sockets", "5000", "--json"))
    assert document["plan"]["workers"] == 13
    assert document["plan"]["instances"] == 7
    assert document["plan"]["guide_megabytes"] == 200 + 100 * 500 + 10 * 50


@pytest.mark.parametrize(
    "options", [("--plan", "-1"), ("--plan", "many"), ("--plan", "1000001"), ("--sockets", "5")]
)
def test_what_makes_no_sense_is_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("check_capacity", *options)
