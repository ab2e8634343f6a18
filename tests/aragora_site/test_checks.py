"""Misconfiguration is a system check with an id and a hint, seen by every command."""

from pathlib import Path

import pytest

from tests.support.processes import manage, server_environment


def check(directory: Path, *flags: str, **variables: str) -> tuple[int, str]:
    result = manage("check", *flags, env=server_environment(directory, **variables))
    return result.returncode, result.stdout + result.stderr


def test_the_default_configuration_is_sound(tmp_path: Path) -> None:
    status, output = check(tmp_path)
    assert status == 0
    assert "no issues" in output


def test_an_unusable_value_stops_the_command_and_says_what_is_allowed(tmp_path: Path) -> None:
    status, output = check(tmp_path, ARAGORA_MAX_CONCURRENT_DEBATES="many")
    assert status == 1
    assert "aragora.E001" in output
    assert "ARAGORA_MAX_CONCURRENT_DEBATES" in output
    assert "a whole number from 1 to 1000" in output


def test_a_misspelt_variable_is_pointed_out(tmp_path: Path) -> None:
    status, output = check(tmp_path, ARAGORA_MAX_CONCURENT_DEBATES="3")
    assert status == 0
    assert "Did you mean ARAGORA_MAX_CONCURRENT_DEBATES?" in output


def test_a_public_server_that_answers_only_localhost_is_pointed_out(tmp_path: Path) -> None:
    _, output = check(tmp_path, ARAGORA_HOST="0.0.0.0")  # noqa: S104
    assert "aragora.W002" in output


def test_deploying_the_laptop_default_is_warned_of(tmp_path: Path) -> None:
    _, output = check(tmp_path, "--deploy", ARAGORA_ALLOWED_HOSTS="*")
    for number in (10, 11, 12, 14, 15):
        assert f"aragora.W0{number}" in output


def test_a_proxy_that_nobody_trusts_is_warned_of(tmp_path: Path) -> None:
    _, output = check(tmp_path, "--deploy", ARAGORA_SECURE_COOKIES="true")
    assert "aragora.W013" in output


def test_a_configured_deployment_is_clean(tmp_path: Path) -> None:
    status, output = check(
        tmp_path,
        "--deploy",
        "--fail-level=WARNING",
        ARAGORA_SECRET_KEY="k" * 25 + "0123456789abcdefghijklmnopqrstuvwxyz",
        ARAGORA_HOST="0.0.0.0",  # noqa: S104
        ARAGORA_ALLOWED_HOSTS="aragora.example.com",
        ARAGORA_SECURE_COOKIES="true",
        ARAGORA_TRUSTED_PROXIES="10.0.0.0/8",
        ARAGORA_EMAIL_URL="smtp://user:pass%40word@mail.example.com:587",
        DATABASE_URL="postgresql://aragora@127.0.0.1:1/aragora",
    )
    assert (status, "no issues" in output) == (0, True), output


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OPENAI_API_KEYY", "OPENAI_API_KEY"),
        ("OPENAI_KEY", "OPENAI_API_KEY"),
        ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
        ("ANTHROPIC_APIKEY", "ANTHROPIC_API_KEY"),
    ],
)
def test_a_misspelt_variable_of_a_model_server_is_pointed_out(
    tmp_path: Path, name: str, meant: str
) -> None:
    status, output = check(tmp_path, **{name: "anything"})
    assert status == 0
    assert "aragora.W001" in output
    assert f"Did you mean {meant}?" in output


def test_other_variables_of_such_servers_are_left_alone(tmp_path: Path) -> None:
    variables = {"OPENAI_API_KEY": "k", "OPENAI_API_KEY_2": "k", "OPENAI_ORG_ID": "o"}
    _, output = check(tmp_path, **variables)
    assert "no issues" in output


def test_a_line_of_the_env_file_that_means_nothing_is_pointed_out(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text('# A comment\nARAGORA_PORT=8123\nOPENAI_API_KEY="open\n')
    _, output = check(tmp_path, ARAGORA_ENV_FILE=str(file))
    assert f"{file}, line 3," in output
    assert "aragora.W003" in output


POSTGRESQL = "postgresql://aragora@127.0.0.1:1/aragora"


@pytest.mark.parametrize(
    ("variable", "identifier"),
    [
        ("ARAGORA_REPLICA_DATABASE_URL", "aragora.E002"),
        ("ARAGORA_DIRECT_DATABASE_URL", "aragora.E003"),
    ],
)
def test_a_way_to_another_database_stops_the_command(
    tmp_path: Path, variable: str, identifier: str
) -> None:
    status, output = check(tmp_path, **{variable: POSTGRESQL})
    assert (status, identifier in output, variable in output) == (1, True, True)


def test_a_replica_that_is_the_primary_stops_the_command(tmp_path: Path) -> None:
    urls = {"DATABASE_URL": POSTGRESQL, "ARAGORA_REPLICA_DATABASE_URL": POSTGRESQL}
    status, output = check(tmp_path, **urls)
    assert (status, "aragora.E002" in output) == (1, True)


def test_more_threads_than_connections_are_pointed_out(tmp_path: Path) -> None:
    pool = {"ARAGORA_DB_POOL_SIZE": "2", "ARAGORA_DB_POOL_OVERFLOW": "1"}
    _, output = check(tmp_path, DATABASE_URL=POSTGRESQL, **pool)
    assert "aragora.W004" in output
    assert "aragora.W004" not in check(tmp_path, **pool)[1]


def test_several_instances_without_redis_are_warned_of(tmp_path: Path) -> None:
    _, output = check(tmp_path, "--deploy", ARAGORA_INSTANCES="3")
    assert "aragora.W016" in output
    assert "3 instances share no Redis" in output


@pytest.mark.postgres
def test_pools_that_ask_for_more_than_the_server_has_are_pointed_out(
    tmp_path: Path, postgres_url: str
) -> None:
    flags = ("--database", "default")
    for instances, wanted in (("6", False), ("7", True)):
        variables = {"DATABASE_URL": postgres_url, "ARAGORA_INSTANCES": instances}
        _, output = check(tmp_path, *flags, **variables)
        assert ("aragora.W005" in output) == wanted, output
    for direct, wanted in ((postgres_url, True), (POSTGRESQL, False)):
        _, output = check(tmp_path, *flags, ARAGORA_DIRECT_DATABASE_URL=direct, **variables)
        assert ("aragora.W005" in output) == wanted, output


def test_figures_shared_by_files_are_pointed_out(tmp_path: Path) -> None:
    shared = tmp_path / "figures"
    shared.mkdir()
    _, output = check(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(shared))
    assert "aragora.W017" in output
