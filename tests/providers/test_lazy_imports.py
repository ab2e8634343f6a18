"""A process that only serves pages does not carry the libraries of language models."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pydantic_ai", "openai", "anthropic", "genai_prices", "opentelemetry", "numpy")
UNUSED = ("rich", "twisted")
OF_PAGES = ("markdown_it", "ninja", "uvicorn")


@pytest.mark.parametrize(
    "module",
    [
        "aragora_site.asgi",
        "aragora_site.urls",
        "debates.services.panels",
        "debates.services.agents",
        "debates.providers.gateway",
        "debates.providers.discovery",
    ],
)
def test_importing_does_not_load_them(module: str) -> None:
    assert loaded_by(f"importlib.import_module({module!r})", HEAVY + UNUSED) == "[]"


def test_a_worker_does_not_load_what_pages_are_made_with() -> None:
    start = (
        "from debates.management.commands.worker import Command\n"
        "from django.core.checks import run_checks\n"
        "import debates.running.worker\n"
        "assert Command.requires_system_checks\n"
        "run_checks(tags=Command.requires_system_checks)"
    )
    assert loaded_by(start, HEAVY + UNUSED + OF_PAGES) == "[]"


def loaded_by(statements: str, names: tuple[str, ...]) -> str:
    """Which of the modules a process has after these."""
    program = (
        "import os, sys, importlib\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'aragora_site.settings'\n"
        "import django; django.setup()\n"
        f"{statements}\n"
        f"print([name for name in {names!r} if name in sys.modules])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert not run.returncode, run.stderr
    return run.stdout.strip()
