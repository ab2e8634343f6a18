#!/usr/bin/env python3
"""Sets everything up and does one job: `python3 dev.py run` or `python3 dev.py test`.

Standard library only, so that it works on a machine that has Python 3.11 and nothing else.
It keeps to this folder: the environment is made in .venv, data in var.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
RUN_PINS = ROOT / "requirements.txt"
TEST_PINS = ROOT / "requirements-test.txt"
UV_PINS = ROOT / "requirements-uv.txt"
PIP_INSTALL: list[Path | str] = [
    *(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
    *("--require-hashes", "-r"),
]

POSTGRESQL_TESTS = (
    *("tests/services", "tests/ranking", "tests/running", "tests/api", "tests/admin"),
    *("tests/tenancy", "tests/memory", "tests/interventions", "tests/exports/test_receipts.py"),
)
STREAM_TESTS = ("tests/streaming", "tests/audience", "tests/properties/test_stream_over_sockets.py")
SYSTEM_PACKAGES = {
    # Debian's package: the program that shows that it is there.
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "redis-server": ("redis-server", "valkey-server"),
    "pgbouncer": ("pgbouncer", "/usr/sbin/pgbouncer"),
    "nginx-light": ("nginx", "/usr/sbin/nginx"),
}
UNPACKED = {"prometheus": "promtool", "prometheus-alertmanager": "amtool"}
"""Debian's packages of which one program is wanted, and not the service that they would start."""


def main(arguments: Sequence[str] | None = None) -> int:
    if sys.version_info < (3, 11):
        return fail(
            f"Aragora needs Python 3.11 or newer; this is {sys.version.split()[0]}.",
            "Install a newer Python and call it by name, as in: python3.11 dev.py run",
        )
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="set up and start the server; options are manage.py serve's")
    commands.add_parser(
        "test", help="set up, run the checks and all tests; or, given pytest's options, those"
    )
    commands.add_parser("check", help="ruff, mypy, import contracts, migrations, generated files")
    commands.add_parser("lock", help="pin requirements*.in anew")
    options, passed_on = parser.parse_known_args(arguments)
    # What is not kept is compiled again at every start, which takes longer than all the rest of it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    passed_on = [option for option in passed_on if option != "--"]
    if passed_on and options.command not in {"run", "test"}:
        parser.error(f"unknown options: {' '.join(passed_on)}")
    try:
        if options.command == "run":
            return run_server(passed_on)
        if options.command == "test":
            return run_tests(passed_on)
        if options.command == "check":
            install(TEST_PINS)
            return run_checks()
        return lock()
    except subprocess.CalledProcessError as error:
        return fail(f"This command failed: {' '.join(map(str, error.cmd))}")
    except KeyboardInterrupt:
        return 130


def run_server(serve_options: Sequence[str]) -> int:
    """Set up, then become the server, so that a signal to this process reaches it."""
    fresh = install(RUN_PINS)
    if fresh:
        say("Preparing the database and starting")
    command = [str(PYTHON), str(ROOT / "manage.py"), "serve", "--prepare", *serve_options]
    os.chdir(ROOT)
    os.execv(command[0], command)  # noqa: S606 (our own interpreter)


def run_tests(pytest_options: Sequence[str]) -> int:
    """Everything that has to hold: the checks, then all tests, or those that were named."""
    install(TEST_PINS)
    if pytest_options:
        return pytest(*pytest_options)
    install_system_packages()
    unpack_programs()
    started = time.monotonic()
    failed = {"checks": run_checks()}
    parallel = ("-n", str(max(2, min(8, os.cpu_count() or 2))))
    in_process = (*parallel, "-m", "not browser and not faults")
    for name, options in (
        ("tests", in_process),
        # The tests of what reads and writes rows once more, on the other database.
        (
            "tests on PostgreSQL",
            (*in_process, "-p", "tests.support.on_postgresql", *POSTGRESQL_TESTS),
        ),
        # Those of the stream once more, on the development server.
        (
            "stream tests on daphne",
            (*in_process, "-p", "tests.support.on_daphne", *STREAM_TESTS),
        ),
        # The browser's driver keeps an event loop of its own, which other tests cannot share.
        ("browser tests", (*parallel, "-m", "browser and not faults")),
        # Each ends and pauses processes of its own.
        ("fault tests", (*parallel, "--dist", "worksteal", "-m", "faults and not alone")),
        ("fault tests that measure", ("-m", "faults and alone")),
    ):
        say(f"{name[0].upper()}{name[1:]}")
        failed[name] = pytest(*options)
    wrong = [name for name, status in failed.items() if status]
    minutes = (time.monotonic() - started) / 60
    say(f"{'FAILED: ' + ', '.join(wrong) if wrong else 'Everything passed'} ({minutes:.0f} min)")
    return int(bool(wrong))


def pytest(*options: str) -> int:
    return call([PYTHON, "-m", "pytest", "-q", *options])


def run_checks() -> int:
    """What needs no running server. All of them run, also when one fails."""
    manage = [PYTHON, ROOT / "manage.py"]
    checks: list[tuple[str, list[Path | str]]] = [
        ("ruff", [BIN / "ruff", "check", "--quiet"]),
        ("ruff format", [BIN / "ruff", "format", "--check", "--quiet"]),
        ("mypy", [BIN / "mypy", "--no-error-summary"]),
        ("import contracts", [BIN / "lint-imports", "--no-cache"]),
        ("migrations", [*manage, "makemigrations", "--check", "--dry-run", "--verbosity", "0"]),
        ("OpenAPI file", [*manage, "export_openapi", "--check"]),
        ("docs/ENVIRONMENT.md", [*manage, "export_environment", "--check"]),
    ]
    failed = 0
    for name, command in checks:
        started = time.monotonic()
        result = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, env=check_environment()
        )
        failed |= result.returncode != 0
        word = "ok" if result.returncode == 0 else "FAILED"
        say(f"{name:<22}{word} ({time.monotonic() - started:.1f} s)")
        if result.returncode:
            print(result.stdout, result.stderr, sep="\n")
    return failed


def check_environment() -> dict[str, str]:
    """The environment without this installation's own settings, so that checks agree anywhere."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ARAGORA_", "DATABASE_URL"))}
    return kept | {"ARAGORA_ENV_FILE": os.devnull}


def lock() -> int:
    """Pin every requirements file, with hashes, for all systems."""
    ensure_venv()
    install_uv()
    for source, constraint in (
        ("requirements-uv", None),
        ("requirements", None),
        ("requirements-test", "requirements.txt"),
    ):
        say(f"Pinning {source}.in")
        command: list[Path | str] = [BIN / "uv", "pip", "compile", "--quiet", "--upgrade"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
        command += ["-c", constraint] if constraint else []
        subprocess.run([*command, f"{source}.in", "-o", f"{source}.txt"], cwd=ROOT, check=True)
    return 0


# --- Set-up ------------------------------------------------------------------------------------


def install(pins: Path) -> bool:
    """Make .venv hold exactly `pins`; true when there was something to do."""
    stamp = VENV / "installed"
    wanted = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    have = stamp.read_text().split() if stamp.exists() else []
    # The test environment holds all that the server needs, so `run` after `test` is content.
    if wanted in have:
        return False
    ensure_venv()
    started = time.monotonic()
    count = sum(1 for line in pins.read_text().splitlines() if line[:1].isalnum())
    say(f"Installing {count} pinned packages from {pins.name}")
    uv = install_uv()
    command: list[Path | str] = (
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", PYTHON, pins]
        if uv
        else [*PIP_INSTALL, pins]
    )
    if status := wait_for(command, since=started):
        raise subprocess.CalledProcessError(status, command)
    hashes = [wanted]
    if pins == TEST_PINS:
        hashes.append(hashlib.sha256(RUN_PINS.read_bytes() + sys.version.encode()).hexdigest())
    stamp.write_text("\n".join(hashes))
    say(f"Installed in {time.monotonic() - started:.0f} s")
    return True


def ensure_venv() -> None:
    if PYTHON.exists():
        return
    say(f"Making a virtual environment in {VENV.name}")
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", VENV], check=True, capture_output=True, text=True
        )
    except subprocess.CalledProcessError as error:
        shutil.rmtree(VENV, ignore_errors=True)
        print(error.stdout, error.stderr)
        sys.exit(
            fail(
                "Python could not make a virtual environment.",
                "On Debian and Ubuntu its module is a package: apt install python3-venv",
            )
        )


def install_uv() -> Path | None:
    """uv, which installs several times faster than pip; None where it cannot be had."""
    uv = BIN / "uv"
    if not uv.exists():
        subprocess.run([*PIP_INSTALL, UV_PINS], cwd=ROOT, check=False)
    return uv if uv.exists() else None


def install_system_packages() -> None:
    """Install the servers and the browser that the tests use, or say in one line how."""
    missing = [
        package
        for package, programs in SYSTEM_PACKAGES.items()
        if not any(shutil.which(program) for program in programs)
    ]
    if not missing:
        return
    line = f"apt-get install --yes --no-install-recommends {' '.join(missing)}"
    if shutil.which("apt-get") and os.name == "posix" and os.geteuid() == 0:
        say(f"Installing {', '.join(missing)} (tests only)")
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in ("apt-get update --quiet", line):
            subprocess.run(command.split(), check=True, env=quiet, stdout=subprocess.DEVNULL)
        return
    say(f"For the tests that need {', '.join(missing)}: sudo {line}")


def unpack_programs() -> None:
    """Put the programs of `UNPACKED` beside Python, or say in one line how to get them."""
    missing = {
        package: program
        for package, program in UNPACKED.items()
        if not shutil.which(program) and not (BIN / program).exists()
    }
    if not missing:
        return
    wanted = ", ".join(missing.values())
    say(f"Unpacking {wanted} (tests only)")
    try:
        if os.geteuid() == 0:
            subprocess.run(["apt-get", "update", "--quiet"], check=True, capture_output=True)
        with tempfile.TemporaryDirectory() as folder:
            command = ["apt-get", "download", "--quiet", *missing]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            for package, program in missing.items():
                [file] = Path(folder).glob(f"{package}_*.deb")
                subprocess.run(["dpkg-deb", "--extract", file, folder], check=True)
                shutil.copy2(Path(folder) / "usr" / "bin" / program, BIN / program)
    except (OSError, subprocess.CalledProcessError):
        say(f"For the tests that need {wanted}: sudo apt-get install {' '.join(missing)}")


# --- Words -------------------------------------------------------------------------------------


def call(command: Sequence[Path | str]) -> int:
    return subprocess.run(list(command), cwd=ROOT, check=False).returncode


def wait_for(command: Sequence[Path | str], *, since: float) -> int:
    """Run what takes a while; meanwhile a terminal sees how long it has been."""
    process = subprocess.Popen(list(command), cwd=ROOT)
    ticking = sys.stdout.isatty()
    while True:
        try:
            status = process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if ticking:
                print(f"\r  {time.monotonic() - since:.0f} s", end="", flush=True)
        else:
            if ticking:
                print("\r\033[K", end="", flush=True)
            return status


def say(text: str) -> None:
    print(f"\033[2m·\033[0m {text}" if sys.stdout.isatty() else f"· {text}", flush=True)


def fail(text: str, hint: str = "") -> int:
    print(f"dev.py: {text}", hint, sep="\n" if hint else "", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
