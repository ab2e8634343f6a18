"""Reading the environment: typed, with defaults, and with every mistake reported at once."""

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aragora_site.environment import Environment, is_loopback, known_variables
from aragora_site.management.commands.export_environment import FILE, render

GUIDE = {
    # The names and defaults that operators know from the scaling guide.
    "ARAGORA_MAX_CONCURRENT_DEBATES": ("max_concurrent_debates", 10),
    "ARAGORA_DB_POOL_SIZE": ("db_pool_size", 20),
    "ARAGORA_DB_POOL_OVERFLOW": ("db_pool_overflow", 10),
    "ARAGORA_DB_POOL_TIMEOUT": ("db_pool_timeout", 30.0),
    "ARAGORA_IP_RATE_LIMIT": ("ip_rate_limit", 120),
    "ARAGORA_RATE_LIMIT": ("rate_limit", 60),
    "ARAGORA_BURST_MULTIPLIER": ("burst_multiplier", 2.0),
    "ARAGORA_MAX_AGENTS_PER_DEBATE": ("max_agents_per_debate", 10),
    "ARAGORA_REDIS_URL": ("redis_url", ""),
    "ARAGORA_REDIS_KEY_PREFIX": ("redis_key_prefix", "aragora:ratelimit:"),
    "ARAGORA_REDIS_TTL": ("redis_ttl", 120),
    "ARAGORA_CACHE_TTL": ("cache_ttl", 300),
    "ARAGORA_EMBEDDING_CACHE_SIZE": ("embedding_cache_size", 1000),
    "ARAGORA_EMBEDDING_CACHE_TTL": ("embedding_cache_ttl", 86400),
    "ARAGORA_ENABLE_TELEMETRY": ("enable_telemetry", False),
    "ARAGORA_MEMORY_PROFILING": ("memory_profiling", False),
    "DATABASE_URL": ("database_url", ""),
}


@pytest.mark.parametrize("variable", sorted(GUIDE))
def test_the_guides_variables_have_the_guides_defaults(variable: str) -> None:
    field, default = GUIDE[variable]
    environment, problems = Environment.read({})
    assert variable in known_variables()
    assert getattr(environment, field) == default
    assert not problems


def test_the_reference_says_which_variables_have_no_effect_yet() -> None:
    """A variable is read somewhere, or the page says that it is not."""
    code = "\n".join(
        file.read_text()
        for package in ("aragora_site", "debates", "memory", "monitoring", "ratelimit")
        for file in (FILE.parent.parent / package).glob("**/*.py")
    )
    for spec in fields(Environment):
        read = re.search(rf"(?:ARAGORA|environment)\.{spec.name}\b", code) is not None
        assert read == spec.metadata["used"], spec.metadata["variable"]


def test_values_are_parsed() -> None:
    environment, problems = Environment.read(
        {
            "ARAGORA_MAX_CONCURRENT_DEBATES": " 25 ",
            "ARAGORA_ENABLE_TELEMETRY": "Yes",
            "ARAGORA_ALLOWED_HOSTS": "a.example, b.example,",
            "ARAGORA_TRUSTED_PROXIES": "10.0.0.0/8,::1",
        }
    )
    assert problems == ()
    assert environment.max_concurrent_debates == 25
    assert environment.enable_telemetry is True
    assert environment.allowed_hosts == ("a.example", "b.example")
    assert environment.trusted_proxies == ("10.0.0.0/8", "::1")


def test_every_mistake_is_reported_at_once_and_without_its_value() -> None:
    wrong = {
        "ARAGORA_PORT": "http",
        "ARAGORA_BURST_MULTIPLIER": "nan",
        "ARAGORA_DEBUG": "perhaps",
        "ARAGORA_LOG_LEVEL": "loud",
        "DATABASE_URL": "mysql://user:hunter2@host/db",
        "ARAGORA_TRUSTED_PROXIES": "everyone",
    }
    environment, problems = Environment.read(wrong)
    assert {problem.variable for problem in problems} == set(wrong)
    assert environment.port == 8080
    assert "hunter2" not in str(problems)


@pytest.mark.parametrize(
    ("host", "setting", "allowed"),
    [
        ("127.0.0.1", "", True),
        ("::1", "", True),
        ("0.0.0.0", "", False),  # noqa: S104 (that this is not loopback is the point)
        ("0.0.0.0", "true", True),  # noqa: S104
        ("127.0.0.1", "false", False),
        ("aragora.example", "auto", False),
    ],
)
def test_strangers_may_debate_only_on_loopback_unless_told(
    host: str, setting: str, allowed: bool
) -> None:
    environment, _ = Environment.read(
        {"ARAGORA_HOST": host, "ARAGORA_ALLOW_ANONYMOUS_DEBATES": setting}
    )
    assert environment.allow_anonymous_debates is allowed


@given(st.dictionaries(st.sampled_from(known_variables()), st.text(max_size=20)))
def test_reading_never_raises(values: dict[str, str]) -> None:
    environment, problems = Environment.read(values)
    assert isinstance(environment.port, int)
    assert {problem.variable for problem in problems} <= set(values)


def test_a_host_name_is_not_loopback() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example")


def test_the_reference_page_is_up_to_date() -> None:
    assert FILE.read_text() == render(), "run manage.py export_environment"


def test_the_example_file_names_only_known_variables() -> None:
    example = (FILE.parent.parent / ".env.example").read_text()
    named = {
        line.lstrip("# ").split("=")[0]
        for line in example.splitlines()
        if "=" in line and line.lstrip("# ").split("=")[0].isupper()
    }
    assert named
    assert named <= set(known_variables())
