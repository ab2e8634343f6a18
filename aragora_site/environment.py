"""Every environment variable that the project reads, typed, in one place.

`Environment.read(os.environ)` never raises: a value that does not parse is replaced by its default
and reported as a `Problem`, which `aragora_site.checks` turns into a system check, so that a
command says all that is wrong at once. docs/ENVIRONMENT.md is generated from this module.

Imports no Django: settings are made from it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent

Reader = Callable[[str], Any]
"""Parses a value; raises ValueError with a sentence that names what is allowed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A variable that could not be read. The value itself is kept out: it may be a secret."""

    variable: str
    message: str


def setting(
    variable: str, default: object, reader: Reader, doc: str, *, group: str, used: bool = True
) -> Any:
    """A field of `Environment` that is read from `variable`.

    `used` is False for a variable that operators may set already and that has no effect yet; the
    reference page says so."""
    return field(
        default=default,
        metadata={
            "variable": variable,
            "reader": reader,
            "doc": doc if used else f"{doc} *Has no effect yet.*",
            "group": group,
            "used": used,
        },
    )


# --- Readers -----------------------------------------------------------------------------------


def text(value: str) -> str:
    return value


def boolean(value: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False}
    try:
        return words[value.lower()]
    except KeyError:
        raise ValueError("use true or false") from None


def optional_boolean(value: str) -> bool | None:
    return None if value.lower() == "auto" else boolean(value)


def integer(low: int, high: int | None = None) -> Reader:
    def read(value: str) -> int:
        allowed = f"a whole number from {low}" + (f" to {high}" if high is not None else " up")
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"use {allowed}") from None
        if number < low or (high is not None and number > high):
            raise ValueError(f"use {allowed}")
        return number

    return read


def number(low: float, high: float | None = None) -> Reader:
    def read(value: str) -> float:
        allowed = f"a number from {low:g}" + (f" to {high:g}" if high is not None else " up")
        try:
            parsed = float(value)
        except ValueError:
            raise ValueError(f"use {allowed}") from None
        if not low <= parsed <= (float("inf") if high is None else high) or parsed == float("inf"):
            raise ValueError(f"use {allowed}")
        return parsed

    return read


def words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def one_of(*allowed: str) -> Reader:
    def read(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError("use one of " + ", ".join(allowed))
        return value.lower()

    return read


def url(*schemes: str) -> Reader:
    def read(value: str) -> str:
        parts = urlsplit(value)
        try:
            _ = parts.port
        except ValueError:
            raise ValueError("use a URL with a number from 0 to 65535 as its port") from None
        if parts.scheme not in schemes or (parts.scheme != "sqlite" and not parts.hostname):
            raise ValueError(
                "use a URL that starts with " + " or ".join(f"{s}://" for s in schemes)
            )
        return value

    return read


def networks(value: str) -> tuple[str, ...]:
    for word in words(value):
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise ValueError("use IP addresses or networks, separated by commas") from None
    return words(value)


def path(value: str) -> Path:
    return Path(value).expanduser().resolve()


# --- The variables -----------------------------------------------------------------------------

SERVER, DATABASE, REDIS = "Server", "Database", "Redis and caches"
DEBATES, MODELS, STREAM = "Debates", "Models", "Stream"
LIMITS, MEMORY, OPERATIONS = "Rate limits", "Memory", "Operations"
ACCOUNTS = "Accounts"


FOR_OTHERS = frozenset(
    {"rate_limit", "ip_rate_limit", "burst_multiplier", "redis_url"}
    | {"allowed_hosts", "trusted_proxies", "secure_cookies"}
)
"""Whoever sets one of these does not run the server for themselves alone."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The configuration of this process."""

    host: str = setting(
        "ARAGORA_HOST", "127.0.0.1", text, "Address that `serve` listens on.", group=SERVER
    )
    port: int = setting(
        "ARAGORA_PORT", 8080, integer(0, 65535), "Port that `serve` listens on.", group=SERVER
    )
    debug: bool = setting(
        "ARAGORA_DEBUG",
        False,
        boolean,
        "Django's debug pages. Never on the internet.",
        group=SERVER,
    )
    secret_key: str = setting(
        "ARAGORA_SECRET_KEY",
        "",
        text,
        "Signs sessions, forms and receipts; the same on every instance. Empty: one is made on the "
        "first start and kept in the data directory.",
        group=SERVER,
    )
    allowed_hosts: tuple[str, ...] = setting(
        "ARAGORA_ALLOWED_HOSTS",
        ("localhost", "127.0.0.1", "[::1]"),
        words,
        "Host names that requests may be addressed to, separated by commas.",
        group=SERVER,
    )
    csrf_trusted_origins: tuple[str, ...] = setting(
        "ARAGORA_CSRF_TRUSTED_ORIGINS",
        (),
        words,
        "Further origins (`https://…`) whose forms and sockets are accepted.",
        group=SERVER,
    )
    secure_cookies: bool = setting(
        "ARAGORA_SECURE_COOKIES",
        False,
        boolean,
        "Cookies only over HTTPS, redirect to HTTPS, HSTS. Turn on behind a TLS proxy.",
        group=SERVER,
    )
    data_dir: Path = setting(
        "ARAGORA_DATA_DIR",
        BASE_DIR / "var",
        path,
        "Where the embedded database and the generated secret live.",
        group=SERVER,
    )
    web_threads: int = setting(
        "ARAGORA_WEB_THREADS",
        8,
        integer(1, 256),
        "Threads that answer requests; each may hold one database connection.",
        group=SERVER,
    )
    web_queue: int = setting(
        "ARAGORA_WEB_QUEUE",
        256,
        integer(0),
        "Requests that may wait for a thread; the next one is answered 503.",
        group=SERVER,
    )
    drain_seconds: float = setting(
        "ARAGORA_DRAIN_SECONDS",
        10.0,
        number(0, 600),
        "After SIGTERM: how long sockets are closed over and running turns may finish.",
        group=SERVER,
    )
    trusted_proxies: tuple[str, ...] = setting(
        "ARAGORA_TRUSTED_PROXIES",
        (),
        networks,
        "Proxies whose X-Forwarded-For is believed: addresses or networks, by commas.",
        group=SERVER,
    )

    database_url: str = setting(
        "DATABASE_URL",
        "",
        url("postgresql", "postgres", "sqlite"),
        "`postgresql://user:password@host:5432/name`. Empty: SQLite in the data directory.",
        group=DATABASE,
    )
    direct_database_url: str = setting(
        "ARAGORA_DIRECT_DATABASE_URL",
        "",
        url("postgresql", "postgres"),
        "PostgreSQL past the pooler, for migrations and for listening to the queue.",
        group=DATABASE,
    )
    replica_database_url: str = setting(
        "ARAGORA_REPLICA_DATABASE_URL",
        "",
        url("postgresql", "postgres"),
        "Read replica (a streaming standby) for analytics queries. When it is away or late, the "
        "primary answers.",
        group=DATABASE,
    )
    replica_max_lag: float = setting(
        "ARAGORA_REPLICA_MAX_LAG",
        5.0,
        number(0.1, 3600),
        "How many seconds behind the replica may be; a later one is not asked.",
        group=DATABASE,
    )
    db_pool_size: int = setting(
        "ARAGORA_DB_POOL_SIZE",
        20,
        integer(1, 1000),
        "PostgreSQL connections of an instance; it opens four and the others as they are needed.",
        group=DATABASE,
    )
    db_pool_overflow: int = setting(
        "ARAGORA_DB_POOL_OVERFLOW",
        10,
        integer(0, 1000),
        "Further connections under load.",
        group=DATABASE,
    )
    db_pool_timeout: float = setting(
        "ARAGORA_DB_POOL_TIMEOUT",
        30.0,
        number(0.1, 600),
        "Seconds to wait for a connection before the request is answered 503. As many requests may "
        "wait as there are connections; the next is answered 503 at once.",
        group=DATABASE,
    )
    instances: int = setting(
        "ARAGORA_INSTANCES",
        1,
        integer(1, 1000),
        "Instances that share the database. Only checks go by it: whether the pools of all fit, "
        "and whether Redis is missing.",
        group=DATABASE,
    )
    strict_tenancy: bool = setting(
        "ARAGORA_STRICT_TENANCY",
        False,
        boolean,
        "Whether it is an error to ask for rows of tenants without saying for whom. Otherwise only "
        "what is public is found, and the log says where. Tests set it.",
        group=DATABASE,
    )

    redis_url: str = setting(
        "ARAGORA_REDIS_URL",
        "",
        url("redis", "rediss", "unix"),
        "Redis for the channel layer, the cache and the limiter. Empty: in process.",
        group=REDIS,
    )
    redis_key_prefix: str = setting(
        "ARAGORA_REDIS_KEY_PREFIX",
        "aragora:ratelimit:",
        text,
        "Prefix of the limiter's keys.",
        group=REDIS,
    )
    redis_ttl: int = setting(
        "ARAGORA_REDIS_TTL",
        120,
        integer(1),
        "Seconds until an idle limiter key goes; longer where its limit takes longer to recover.",
        group=REDIS,
    )
    cache_ttl: int = setting(
        "ARAGORA_CACHE_TTL",
        300,
        integer(0),
        "Default lifetime of a cached answer, s; 0: no answers are kept.",
        group=REDIS,
    )

    max_concurrent_debates: int = setting(
        "ARAGORA_MAX_CONCURRENT_DEBATES",
        10,
        integer(1, 1000),
        "Debates that run at once in a process; the others wait.",
        group=DEBATES,
    )
    max_queued_debates: int = setting(
        "ARAGORA_MAX_QUEUED_DEBATES",
        1000,
        integer(1),
        "Debates that may wait, over all instances; the next one is refused with 429.",
        group=DEBATES,
    )
    max_running_debates_per_workspace: int = setting(
        "ARAGORA_MAX_RUNNING_DEBATES_PER_WORKSPACE",
        0,
        integer(0),
        "Debates of one workspace that run at once, over all instances; 0: no limit, only turns.",
        group=DEBATES,
    )
    server_runs_debates: bool | None = setting(
        "ARAGORA_SERVER_RUNS_DEBATES",
        None,
        optional_boolean,
        "Whether `serve` runs debates itself. `auto`: with SQLite always, with PostgreSQL while no "
        "`worker` is alive.",
        group=DEBATES,
    )
    lease_seconds: float = setting(
        "ARAGORA_LEASE_SECONDS",
        20.0,
        number(2, 600),
        "How long a process that runs debates may be silent before others take them over; the "
        "same on every instance.",
        group=DEBATES,
    )
    max_agents_per_debate: int = setting(
        "ARAGORA_MAX_AGENTS_PER_DEBATE", 10, integer(2, 50), "Largest panel.", group=DEBATES
    )
    allow_anonymous_debates: bool | None = setting(
        "ARAGORA_ALLOW_ANONYMOUS_DEBATES",
        None,
        optional_boolean,
        "Whether people who are not signed in may start debates. `auto`: yes while "
        "`ARAGORA_HOST` is a loopback address, otherwise no.",
        group=DEBATES,
    )
    turn_timeout_seconds: float = setting(
        "ARAGORA_TURN_TIMEOUT_SECONDS",
        120.0,
        number(1, 3600),
        "Deadline of one turn, retries included.",
        group=DEBATES,
    )
    max_upload_bytes: int = setting(
        "ARAGORA_MAX_UPLOAD_BYTES",
        1_000_000,
        integer(1024),
        "Largest request body, documents included; a larger one is answered 413.",
        group=DEBATES,
    )
    extractive_words_per_second: float = setting(
        "ARAGORA_EXTRACTIVE_WORDS_PER_SECOND",
        90.0,
        number(0),
        "Pace at which extractive agents speak, so that a person can follow; 0: at once.",
        group=DEBATES,
    )

    allow_registration: bool | None = setting(
        "ARAGORA_ALLOW_REGISTRATION",
        None,
        optional_boolean,
        "Whether people may make accounts for themselves. `auto`: yes while `ARAGORA_HOST` is a "
        "loopback address, otherwise no: an operator makes them in the admin.",
        group=ACCOUNTS,
    )
    email_url: str = setting(
        "ARAGORA_EMAIL_URL",
        "",
        url("smtp", "smtps"),
        "Server for e-mail: `smtp://user:password@host:587` (STARTTLS, where there is a user) or "
        "`smtps://…:465`. Empty: messages are written to standard output.",
        group=ACCOUNTS,
    )
    email_from: str = setting(
        "ARAGORA_EMAIL_FROM",
        "aragora@localhost",
        text,
        "Sender of e-mail.",
        group=ACCOUNTS,
    )

    openai_api_key: str = setting(
        "OPENAI_API_KEY",
        "",
        text,
        "Key of OpenAI, or of the OpenAI-compatible server at OPENAI_BASE_URL.",
        group=MODELS,
    )
    openai_base_url: str = setting(
        "OPENAI_BASE_URL",
        "",
        url("http", "https"),
        "Address of an OpenAI-compatible server, ending in /v1. Empty: OpenAI.",
        group=MODELS,
    )
    openai_models: tuple[str, ...] = setting(
        "ARAGORA_OPENAI_MODELS",
        (),
        words,
        "Models to make agents from. Empty: what the server at OPENAI_BASE_URL lists.",
        group=MODELS,
    )
    anthropic_api_key: str = setting(
        "ANTHROPIC_API_KEY", "", text, "Key of Anthropic.", group=MODELS
    )
    anthropic_base_url: str = setting(
        "ANTHROPIC_BASE_URL",
        "",
        url("http", "https"),
        "Address of an Anthropic-compatible server. Empty: Anthropic.",
        group=MODELS,
    )
    anthropic_models: tuple[str, ...] = setting(
        "ARAGORA_ANTHROPIC_MODELS", (), words, "Models to make agents from.", group=MODELS
    )
    model_networks: tuple[str, ...] = setting(
        "ARAGORA_MODEL_NETWORKS",
        (),
        networks,
        "Private networks that model servers may be in, by commas (`172.16.0.0/12`). Without one, "
        "models are asked on the internet and on this machine alone; link-local and metadata "
        "addresses are never asked.",
        group=MODELS,
    )
    discover_local_models: bool = setting(
        "ARAGORA_DISCOVER_LOCAL_MODELS",
        True,
        boolean,
        "Look for model servers on the usual ports of this machine when starting.",
        group=MODELS,
    )

    max_websocket_connections: int = setting(
        "ARAGORA_MAX_WEBSOCKET_CONNECTIONS",
        1000,
        integer(1),
        "WebSockets that an instance holds; the next one is refused.",
        group=STREAM,
    )
    websocket_connections_per_address: int = setting(
        "ARAGORA_WEBSOCKET_CONNECTIONS_PER_ADDRESS",
        200,
        integer(0),
        "WebSockets and event streams that one client address may hold; 0: no limit. Connections "
        "from this machine itself are not limited.",
        group=STREAM,
    )
    websocket_payload_limit: int = setting(
        "ARAGORA_WEBSOCKET_PAYLOAD_LIMIT",
        64 * 1024,
        integer(1024),
        "Largest message of a client, bytes; a larger one closes the socket with 1009.",
        group=STREAM,
    )
    websocket_ping_interval: float = setting(
        "ARAGORA_WEBSOCKET_PING_INTERVAL", 30.0, number(1), "Seconds between pings.", group=STREAM
    )
    websocket_ping_timeout: float = setting(
        "ARAGORA_WEBSOCKET_PING_TIMEOUT", 10.0, number(1), "Seconds to answer one.", group=STREAM
    )

    rate_limit: int = setting(
        "ARAGORA_RATE_LIMIT",
        60,
        integer(1, 10_000_000),
        "Requests a minute, signed in. Half of it without an account, five times of it premium.",
        group=LIMITS,
    )
    ip_rate_limit: int = setting(
        "ARAGORA_IP_RATE_LIMIT",
        120,
        integer(1, 10_000_000),
        "Requests a minute from an address.",
        group=LIMITS,
    )
    burst_multiplier: float = setting(
        "ARAGORA_BURST_MULTIPLIER",
        2.0,
        number(1, 100),
        "How much of a limit may be used at once, as a multiple of it.",
        group=LIMITS,
    )
    limit_loopback: bool | None = setting(
        "ARAGORA_LIMIT_LOOPBACK",
        None,
        optional_boolean,
        "Whether clients on this machine itself are limited. `auto`: not while `ARAGORA_HOST` is a "
        "loopback address and nothing says that the server is for others, or is to have limits: "
        "docs/RATE_LIMITING.md.",
        group=LIMITS,
    )

    memory_fast_ttl: int = setting(
        "ARAGORA_MEMORY_FAST_TTL",
        60,
        integer(1),
        "Seconds that an entry of the fast tier lives after its last use.",
        group=MEMORY,
    )
    memory_fast_bytes: int = setting(
        "ARAGORA_MEMORY_FAST_BYTES",
        10 * 1024,
        integer(1024),
        "Bytes of the fast tier, for each scope.",
        group=MEMORY,
    )
    memory_medium_ttl: int = setting(
        "ARAGORA_MEMORY_MEDIUM_TTL",
        3600,
        integer(1),
        "The same for the medium tier, s.",
        group=MEMORY,
    )
    memory_medium_bytes: int = setting(
        "ARAGORA_MEMORY_MEDIUM_BYTES",
        100 * 1024,
        integer(1024),
        "The same for the medium tier.",
        group=MEMORY,
    )
    memory_slow_ttl: int = setting(
        "ARAGORA_MEMORY_SLOW_TTL",
        86_400,
        integer(1),
        "The same for the slow tier, s.",
        group=MEMORY,
    )
    memory_slow_bytes: int = setting(
        "ARAGORA_MEMORY_SLOW_BYTES",
        1024 * 1024,
        integer(1024),
        "The same for the slow tier.",
        group=MEMORY,
    )
    memory_glacial_ttl: int = setting(
        "ARAGORA_MEMORY_GLACIAL_TTL",
        604_800,
        integer(1),
        "The same for the glacial tier, s.",
        group=MEMORY,
    )
    memory_glacial_bytes: int = setting(
        "ARAGORA_MEMORY_GLACIAL_BYTES",
        10 * 1024 * 1024,
        integer(1024),
        "The same for the glacial tier.",
        group=MEMORY,
    )
    memory_recall_tokens: int = setting(
        "ARAGORA_MEMORY_RECALL_TOKENS",
        800,
        integer(0, 100_000),
        "Most tokens of memory that a debate is shown when it begins; 0: none is.",
        group=MEMORY,
    )
    embedder: str = setting(
        "ARAGORA_EMBEDDER",
        "wordllama",
        one_of("wordllama", "hash", "provider"),
        "What makes embeddings: `wordllama` in this process, `hash` vectors, which need nothing, "
        "or the `provider` at OPENAI_BASE_URL, which is sent what is remembered and searched.",
        group=MEMORY,
    )
    embedding_model: str = setting(
        "ARAGORA_EMBEDDING_MODEL",
        "text-embedding-3-small",
        text,
        "The provider's model, where that makes the embeddings.",
        group=MEMORY,
    )
    embedding_cache_size: int = setting(
        "ARAGORA_EMBEDDING_CACHE_SIZE",
        1000,
        integer(0, 1_000_000),
        "Embeddings kept in a process; about 1.5 KB each.",
        group=MEMORY,
    )
    embedding_cache_ttl: int = setting(
        "ARAGORA_EMBEDDING_CACHE_TTL",
        86400,
        integer(1),
        "Seconds they are kept.",
        group=MEMORY,
    )

    enable_telemetry: bool = setting(
        "ARAGORA_ENABLE_TELEMETRY",
        False,
        boolean,
        "Prometheus metrics: of `serve` at /metrics, of `worker` at a port of its own; and traces, "
        "where OTEL_EXPORTER_OTLP_ENDPOINT names a collector.",
        group=OPERATIONS,
    )
    worker_metrics_port: int = setting(
        "ARAGORA_WORKER_METRICS_PORT",
        9464,
        integer(0, 65535),
        "Port at which a `worker` shows its metrics, on `ARAGORA_HOST`; 0: a free one, which it "
        "names. Each worker of a machine needs one of its own.",
        group=OPERATIONS,
    )
    memory_profiling: bool = setting(
        "ARAGORA_MEMORY_PROFILING",
        False,
        boolean,
        "Trace where memory is allocated, and show it to staff at `/admin/memory-profile/`. Only "
        "while looking for a leak: requests take five times the CPU time.",
        group=OPERATIONS,
    )
    log_requests: str = setting(
        "ARAGORA_LOG_REQUESTS",
        "slow",
        one_of("none", "slow", "all"),
        "Which requests have a line in the log: `slow` are those of a second and more.",
        group=OPERATIONS,
    )
    log_format: str = setting(
        "ARAGORA_LOG_FORMAT",
        "auto",
        one_of("auto", "json", "console"),
        "`auto`: readable on a terminal, JSON lines elsewhere.",
        group=OPERATIONS,
    )
    log_level: str = setting(
        "ARAGORA_LOG_LEVEL",
        "auto",
        one_of("auto", "debug", "info", "warning", "error"),
        "Least important level that is logged. `auto`: `warning` on a terminal, where the command "
        "itself says what it does, `info` elsewhere.",
        group=OPERATIONS,
    )

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> tuple[Environment, tuple[Problem, ...]]:
        """The configuration in `environ`, and what could not be read of it.

        A variable that is unset or empty has its default."""
        values: dict[str, Any] = {}
        problems = []
        for spec in fields(cls):
            variable = spec.metadata["variable"]
            raw = environ.get(variable, "").strip()
            if not raw:
                continue
            try:
                values[spec.name] = spec.metadata["reader"](raw)
            except ValueError as error:
                problems.append(Problem(variable, str(error)))
        read = cls(**values)
        for name in ("allow_anonymous_debates", "allow_registration"):
            if getattr(read, name) is None:
                values[name] = is_loopback(read.host)
        if read.limit_loopback is None:
            shared = not is_loopback(read.host) or values.keys() & FOR_OTHERS
            values["limit_loopback"] = bool(shared)
        return cls(**values), tuple(problems)


def is_loopback(host: str) -> bool:
    """Whether a listening address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def known_variables() -> tuple[str, ...]:
    return tuple(spec.metadata["variable"] for spec in fields(Environment))


def load_dotenv_file() -> None:
    """Read `.env` beside manage.py; what is already in the environment wins."""
    from dotenv import load_dotenv

    load_dotenv(dotenv_file(), override=False)


def dotenv_file() -> Path:
    return Path(os.environ.get("ARAGORA_ENV_FILE", BASE_DIR / ".env"))
