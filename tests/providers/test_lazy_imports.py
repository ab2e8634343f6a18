"""A process that only serves pages does not carry the libraries of language models."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pydantic_ai", "openai", "anthropic", "genai_prices", "opentelemetry", "numpy")


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
    program = (
        "import os, sys, importlib\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'aragora_site.settings'\n"
        "import django; django.setup()\n"
        f"importlib.import_module({module!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout.strip() == "[]", run.stderr
