"""How far long work is, for a person at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from aragora_site.persistence.archive import Report, Stage


@contextmanager
def stages() -> Iterator[Stage]:
    """A bar for each stage, on the error output; where that is no terminal, nothing."""
    columns = (SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(), DownloadColumn())
    console = Console(file=sys.stderr)
    shown = console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not shown) as bars:

        def begin(description: str, size: int | None) -> Report:
            bar = bars.add_task(description, total=size)

            def report(more: int) -> None:
                bars.update(bar, advance=more)

            return report

        yield begin
