"""What is wrong with the configuration, as Django system checks.

`python manage.py check` prints them, every command runs them first, `check --deploy` adds those
that matter only on the internet.
"""

import difflib
import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from aragora_site.databases import DEFAULT, REPLICA, is_postgresql, parse
from aragora_site.environment import Environment, dotenv_file, is_loopback, known_variables
from monitoring.capacity.services import connections_allowed
from monitoring.checks import CONFIGURATION

MODEL_VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
OTHER_NAMES = {
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_API_URL": "OPENAI_BASE_URL",
    "OPENAI_URL": "OPENAI_BASE_URL",
    "ANTHROPIC_URL": "ANTHROPIC_BASE_URL",
}
"""What these go by elsewhere."""
CLOSE = 0.83


@register(CONFIGURATION)
def environment_is_readable(
    app_configs: Sequence[Any] | None, **kwargs: object
) -> list[CheckMessage]:
    """Every variable parses (aragora.E001)."""
    return [
        Error(
            f"{problem.variable} cannot be used: {problem.message}.",
            hint="docs/ENVIRONMENT.md lists every variable with its default.",
            id="aragora.E001",
        )
        for problem in settings.ARAGORA_PROBLEMS
    ]


@register(CONFIGURATION)
def variables_are_known(app_configs: Sequence[Any] | None, **kwargs: object) -> list[CheckMessage]:
    """No variable is misspelt (aragora.W001)."""
    known = {*known_variables(), "ARAGORA_ENV_FILE"}
    found: list[CheckMessage] = []
    for variable in sorted(os.environ):
        if variable.startswith("ARAGORA_") and variable not in known:
            close = difflib.get_close_matches(variable, known, n=1)
            found.append(
                Warning(
                    f"{variable} is not a variable of Aragora; it does nothing.",
                    hint=f"Did you mean {close[0]}?" if close else "See docs/ENVIRONMENT.md.",
                    id="aragora.W001",
                )
            )
            continue
        meant = _model_variable(variable)
        if meant and meant not in os.environ:
            found.append(
                Warning(
                    f"{variable} is not a variable that Aragora reads by itself.",
                    hint=f"Did you mean {meant}?",
                    id="aragora.W001",
                )
            )
    return found


def _model_variable(variable: str) -> str:
    """The variable of a model server that somebody may have meant by another name; empty for a
    name that is right, or far from all of them."""
    if variable in MODEL_VARIABLES or not variable.startswith(("OPEN", "ANTHRO")):
        return ""
    if variable in OTHER_NAMES:
        return OTHER_NAMES[variable]
    close = difflib.get_close_matches(variable, MODEL_VARIABLES, n=1, cutoff=CLOSE)
    return close[0] if close else ""


@register(CONFIGURATION)
def dotenv_file_is_readable(
    app_configs: Sequence[Any] | None, **kwargs: object
) -> list[CheckMessage]:
    """Every line of `.env` is an assignment or a comment (aragora.W003)."""
    from dotenv.parser import parse_stream

    file = dotenv_file()
    try:
        with file.open(encoding="utf-8") as stream:
            wrong = [binding.original.line for binding in parse_stream(stream) if binding.error]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        return [Warning(f"{file} cannot be read.", hint="It does nothing.", id="aragora.W003")]
    return [
        Warning(
            f"{file}, line {line}, cannot be read as NAME=value; it does nothing.",
            hint="Look for a quotation mark that is not closed.",
            id="aragora.W003",
        )
        for line in wrong
    ]


@register(CONFIGURATION)
def reachable_servers_are_configured(
    app_configs: Sequence[Any] | None, **kwargs: object
) -> list[CheckMessage]:
    """A server that others can reach knows its own name (aragora.W002)."""
    environment = settings.ARAGORA
    if is_loopback(environment.host) or set(environment.allowed_hosts) - {
        "localhost",
        "127.0.0.1",
        "[::1]",
    }:
        return []
    return [
        Warning(
            f"ARAGORA_HOST is {environment.host}, but only requests to localhost are answered.",
            hint="Set ARAGORA_ALLOWED_HOSTS to the names that people type.",
            id="aragora.W002",
        )
    ]


@register(CONFIGURATION)
def databases_fit_together(
    app_configs: Sequence[Any] | None, **kwargs: object
) -> list[CheckMessage]:
    """The replica and the direct way belong to the database in use (aragora.E002, E003), and the
    threads that answer requests find a connection each (aragora.W004)."""
    environment = settings.ARAGORA
    found: list[CheckMessage] = []
    if not is_postgresql(environment.database_url):
        further = {
            "aragora.E002": ("ARAGORA_REPLICA_DATABASE_URL", environment.replica_database_url),
            "aragora.E003": ("ARAGORA_DIRECT_DATABASE_URL", environment.direct_database_url),
        }
        return [
            Error(
                f"{variable} names a PostgreSQL, but the database in use is SQLite.",
                hint="Set DATABASE_URL to the PostgreSQL that it belongs to, or unset it.",
                id=identifier,
            )
            for identifier, (variable, value) in further.items()
            if value
        ]
    if REPLICA in settings.DATABASES and _place(REPLICA) == _place(DEFAULT):
        found.append(
            Error(
                "ARAGORA_REPLICA_DATABASE_URL names the same database as DATABASE_URL.",
                hint="Name a standby of it, or unset ARAGORA_REPLICA_DATABASE_URL.",
                id="aragora.E002",
            )
        )
    connections_of_instance = environment.db_pool_size + environment.db_pool_overflow
    if environment.web_threads > connections_of_instance:
        found.append(
            Warning(
                f"{environment.web_threads} threads answer requests, with "
                f"{connections_of_instance} database connections between them.",
                hint="Raise ARAGORA_DB_POOL_SIZE or ARAGORA_DB_POOL_OVERFLOW, or lower "
                "ARAGORA_WEB_THREADS.",
                id="aragora.W004",
            )
        )
    return found


def _place(alias: str) -> tuple[object, ...]:
    return tuple(settings.DATABASES[alias][part] for part in ("HOST", "PORT", "NAME"))


@register(Tags.database)
def pools_fit_the_server(
    app_configs: Sequence[Any] | None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """The pools of all instances fit into what PostgreSQL allows (aragora.W005).

    With a pooler in between, which is known by `ARAGORA_DIRECT_DATABASE_URL` being elsewhere, its
    own limits count."""
    environment = settings.ARAGORA
    if (
        DEFAULT not in (databases or ())
        or not is_postgresql(environment.database_url)
        or goes_through_a_pooler(environment)
    ):
        return []
    try:
        allowed = connections_allowed()
    except DatabaseError:
        return []  # Whoever needs the database says so.
    wanted = environment.instances * (environment.db_pool_size + environment.db_pool_overflow)
    if wanted <= allowed:
        return []
    return [
        Warning(
            f"The pools of {environment.instances} instances may ask for {wanted} connections; "
            f"PostgreSQL allows {allowed}.",
            hint="Lower ARAGORA_DB_POOL_SIZE and ARAGORA_DB_POOL_OVERFLOW, raise max_connections, "
            "or put PgBouncer in between and set ARAGORA_DIRECT_DATABASE_URL.",
            id="aragora.W005",
        )
    ]


def goes_through_a_pooler(environment: Environment) -> bool:
    """Whether the direct way leads to another place; another role alone does not."""
    if not environment.direct_database_url:
        return False
    usual, direct = parse(environment.database_url), parse(environment.direct_database_url)
    return (usual["HOST"], usual["PORT"]) != (direct["HOST"], direct["PORT"])


@register(Tags.security, deploy=True)
def deployment_is_closed(app_configs: Sequence[Any] | None, **kwargs: object) -> list[CheckMessage]:
    """Nothing that is convenient on a laptop is left on (aragora.W010 to W016)."""
    environment = settings.ARAGORA
    found: list[CheckMessage] = []
    if environment.allow_anonymous_debates:
        found.append(
            Warning(
                "People who are not signed in may start debates, at your expense.",
                hint="Set ARAGORA_ALLOW_ANONYMOUS_DEBATES=false.",
                id="aragora.W010",
            )
        )
    if not environment.secret_key:
        found.append(
            Warning(
                "The secret key was generated on this machine; other instances have another one.",
                hint="Set ARAGORA_SECRET_KEY to the same long random text on every instance.",
                id="aragora.W011",
            )
        )
    if not environment.database_url:
        found.append(
            Warning(
                "The embedded SQLite database serves one machine.",
                hint="Set DATABASE_URL to a PostgreSQL database to run several instances.",
                id="aragora.W012",
            )
        )
    if environment.secure_cookies and not environment.trusted_proxies:
        found.append(
            Warning(
                "HTTPS is ended by a proxy, and no proxy is trusted: its address counts for all.",
                hint="Set ARAGORA_TRUSTED_PROXIES to its address, or its visitors share one limit.",
                id="aragora.W013",
            )
        )
    if "*" in environment.allowed_hosts:
        found.append(
            Warning(
                "Requests to any host name are answered, and links in messages lead to that name.",
                hint="Set ARAGORA_ALLOWED_HOSTS to the names that people type.",
                id="aragora.W014",
            )
        )
    if not environment.email_url:
        found.append(
            Warning(
                "E-mail is written to standard output, with its links to set a new password.",
                hint="Set ARAGORA_EMAIL_URL to a server that sends it.",
                id="aragora.W015",
            )
        )
    if environment.instances > 1 and not environment.redis_url:
        found.append(
            Warning(
                f"{environment.instances} instances share no Redis: each counts requests alone, "
                "and words of agents reach only the readers at the instance that runs the debate.",
                hint="Set ARAGORA_REDIS_URL to the same Redis on every instance.",
                id="aragora.W016",
            )
        )
    return found


@register(CONFIGURATION)
def processes_are_scraped_one_by_one(
    app_configs: Sequence[Any] | None, **kwargs: object
) -> list[CheckMessage]:
    """The Prometheus library keeps its figures in this process (aragora.W017)."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return []
    return [
        Warning(
            "PROMETHEUS_MULTIPROC_DIR is set: figures that are read on demand would be missing.",
            hint="Unset it. Every process shows its own figures; see docs/MONITORING.md.",
            id="aragora.W017",
        )
    ]
