"""A day of automatic scaling, simulated."""

from __future__ import annotations

import dataclasses
import json
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from monitoring.scaling.day import DAY_SECONDS, Day
from monitoring.scaling.measured import INSTANCE
from monitoring.scaling.simulation import Course, Moment, simulate
from monitoring.scaling.triggers import Policy

HOUR_SECONDS = 3600


class Command(BaseCommand):
    help = (
        "Simulates a day's load on instances that are added and taken away by the scaling guide's "
        "triggers. Changes nothing, and asks nobody: what an instance can do are constants, listed "
        "with the commands that measured them by --json."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--peak-debates", type=int, default=100, help="at once at the busiest time; default 100"
        )
        parser.add_argument(
            "--readers", type=float, default=20.0, help="of a debate, on average; default 20"
        )
        parser.add_argument("--surge", type=float, default=2.5, help="default 2.5; 1 for none")
        parser.add_argument("--seed", type=int, default=1, help="default 1")
        parser.add_argument("--min-instances", type=int, default=2, help="default 2")
        parser.add_argument("--max-instances", type=int, default=1000, help="default 1000")
        parser.add_argument("--json", action="store_true", help="one document for other programs")

    def handle(self, *args: Any, **options: Any) -> None:
        least, most = options["min_instances"], options["max_instances"]
        if not 1 <= least <= most <= 1000:
            raise CommandError("Use 1 to 1000 instances, and not fewer at most than at least.")
        if options["peak_debates"] < 1 or options["readers"] < 0 or options["surge"] < 1:
            raise CommandError("Use at least 1 debate, 0 readers and a surge of 1.")
        day = Day(
            seed=options["seed"],
            peak_debates=options["peak_debates"],
            debate_seconds=INSTANCE.debate_seconds.value,
            readers=options["readers"],
            surge=options["surge"],
        )
        course = simulate(day, policy=Policy(least=least, most=most))
        if options["json"]:
            self.stdout.write(json.dumps(_document(day, course), indent=2))
        else:
            _print(course, Console(file=cast(IO[str], self.stdout)))


def summary(course: Course) -> dict[str, float | int]:
    """The figures of a whole day."""
    most = max(moment.serving for moment in course.moments)
    return {
        "debates": course.arrived,
        "most_instances": most,
        "mean_instances": round(course.instance_seconds / DAY_SECONDS, 2),
        "instance_hours": round(course.instance_seconds / HOUR_SECONDS, 1),
        "instance_hours_without_scaling": most * 24,
        "wait_p50_seconds": course.wait_at(0.5),
        "wait_p95_seconds": course.wait_at(0.95),
        "wait_longest_seconds": course.wait_at(1.0),
        "added": sum(change.decision.after > change.decision.before for change in course.changes),
        "removed": sum(change.decision.after < change.decision.before for change in course.changes),
        "sockets_moved": course.moved_sockets,
        "sockets_refused_at_most": max(moment.refused_sockets for moment in course.moments),
    }


def _hours(course: Course) -> list[list[Moment]]:
    hours: list[list[Moment]] = [[] for _ in range(24)]
    for moment in course.moments:
        hours[int(moment.at // HOUR_SECONDS)].append(moment)
    return hours


def _document(day: Day, course: Course) -> dict[str, Any]:
    return {
        "day": dataclasses.asdict(day),
        "constants": dataclasses.asdict(INSTANCE),
        "summary": summary(course),
        "changes": [
            {"at": change.at, **dataclasses.asdict(change.decision)} for change in course.changes
        ],
        "moments": [dataclasses.asdict(moment) for moment in course.moments],
    }


def _print(course: Course, console: Console) -> None:
    table = Table(title="A day, hour by hour: the most in each")
    for name in ("hour", "instances", "debates", "waiting", "sockets", "CPU", "memory", "changes"):
        table.add_column(name, justify="right")
    for hour, moments in enumerate(_hours(course)):
        changes = sum(int(change.at // HOUR_SECONDS) == hour for change in course.changes)
        table.add_row(
            f"{hour:02}",
            f"{min(m.serving for m in moments)}-{max(m.serving for m in moments)}",
            f"{max(m.debates for m in moments):,}",
            f"{max(m.waiting for m in moments):,}",
            f"{max(m.sockets for m in moments):,}",
            f"{max(m.cpu for m in moments):.0%}",
            f"{max(m.memory for m in moments):.0%}",
            str(changes),
        )
    console.print(table)
    reasons: dict[str, int] = {}
    for change in course.changes:
        reasons[change.decision.reason] = reasons.get(change.decision.reason, 0) + 1
    for name, value in summary(course).items():
        console.print(f"{name.replace('_', ' '):<34}{value:>12,}")
    told = ", ".join(f"{reason} {number}" for reason, number in sorted(reasons.items()))
    console.print(f"{'changes by reason':<34}{told or 'none'}")
