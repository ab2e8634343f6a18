"""What stops every command is said in one line that tells what to do."""

from pathlib import Path

import pytest

from aragora_site.startup import NOT_PREPARED
from debates.models import Agent
from tests.support.processes import manage, server_environment

NOBODYS_PORT = 1


@pytest.mark.parametrize("command", ["prepare", "agents", "debate", "serve"])
def test_a_database_that_is_away(tmp_path: Path, command: str) -> None:
    url = f"postgresql://aragora:hunter2hunter2@127.0.0.1:{NOBODYS_PORT}/aragora"
    arguments = {"debate": ["debate", "Why?"], "serve": ["serve", "--port", "0"]}
    env = server_environment(tmp_path, DATABASE_URL=url)

    run = manage(*arguments.get(command, [command]), env=env)

    assert run.returncode == 1
    (line,) = run.stderr.strip().splitlines()
    assert "127.0.0.1:1/aragora cannot be reached" in line
    assert "DATABASE_URL" in line
    assert "hunter2" not in run.stdout + run.stderr


@pytest.mark.parametrize("command", [["agents"], ["debate", "Why?"], ["serve", "--port", "0"]])
def test_a_database_without_tables(tmp_path: Path, command: list[str]) -> None:
    run = manage(*command, env=server_environment(tmp_path))

    assert run.returncode == 1
    (line,) = run.stderr.strip().splitlines()
    assert "manage.py prepare" in line


@pytest.mark.postgres
def test_a_postgresql_without_tables(tmp_path: Path, postgres_url: str) -> None:
    run = manage(
        "serve", "--port", "0", env=server_environment(tmp_path, DATABASE_URL=postgres_url)
    )

    assert run.returncode == 1
    assert run.stderr.strip() == NOT_PREPARED


@pytest.mark.parametrize("command", ["prepare", "check"])
def test_a_folder_that_cannot_be_written_to(tmp_path: Path, command: str) -> None:
    occupied = tmp_path / "file"
    occupied.touch()

    run = manage(command, env=server_environment(occupied / "data"))

    assert run.returncode == 1
    (line,) = run.stderr.strip().splitlines()
    assert "ARAGORA_DATA_DIR" in line
    assert str(occupied) in line


def test_a_second_start_speaks_of_what_is_new_alone(tmp_path: Path) -> None:
    env = server_environment(tmp_path)
    assert "Demo corpus: " in manage("prepare", env=env).stdout
    assert "Demo corpus" not in manage("prepare", env=env).stdout
    assert "0 added" in manage("load_demo", "--verbosity", "2", env=env).stdout


@pytest.mark.django_db
def test_a_key_that_has_gone_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.management import call_command

    monkeypatch.delenv("LUNA_API_KEY", raising=False)
    for name in ("luna", "nova"):
        Agent.objects.create(
            name=name, provider="openai_compatible", model=name, api_key_variable="LUNA_API_KEY"
        )

    call_command("setup_agents", offline=True)

    output = capsys.readouterr().out
    assert "There is no key in LUNA_API_KEY: luna, nova cannot be asked." in output
    assert "The panel: extractive agents." in output
