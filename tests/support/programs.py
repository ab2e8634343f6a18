"""Programs that check what is shipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = Path(sys.executable).parent
"""Where `dev.py` puts what it unpacks."""


def run_program(name: str, *arguments: str, cwd: Path = ROOT) -> str:
    """Have a program look at something, and pass its judgement on; what it says. Where it is not
    installed, the test is skipped, but not in CI."""
    program = shutil.which(name, path=f"{OURS}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        if os.environ.get("CI"):
            raise FileNotFoundError(name)
        pytest.skip(f"needs {name}")
    found = subprocess.run(
        [program, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    output = found.stdout + found.stderr
    assert found.returncode == 0, output
    return output
