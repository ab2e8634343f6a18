"""Stand in for language models: an OpenAI-compatible server that costs nothing."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from debates.mock_llm.behaviour import Chance, Mishap
from debates.mock_llm.server import ModelServer, Options

MODELS = "mill-mock,hume-small-mock,cleo-contrary-mock"
PORT = 8089
CHARACTERS_OF_TOKEN = 4


def _at_least_nought(unit: str) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise ArgumentTypeError(f"use {unit}, from 0 up")
        return number

    return read


def _fault(value: str) -> tuple[Mishap, float]:
    kind, _, share = value.partition("=")
    try:
        return Mishap(kind), float(share)
    except ValueError:
        kinds = ", ".join(Mishap)
        raise ArgumentTypeError(f"use KIND=SHARE, such as cut=0.02; kinds: {kinds}") from None


class Command(BaseCommand):
    help = (
        "Serves mock models that speak OpenAI's chat completions and Anthropic's messages: "
        "streamed turns, and ballots in the form that is asked for. They have no mind: all say "
        "yes, but those with `small` in their name, which begin with no and give way, and those "
        "with `contrary`, which never do. For demos and load tests. Set OPENAI_BASE_URL to the "
        "address that is printed and run `setup_agents`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        seconds = _at_least_nought("seconds")
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", type=int, default=PORT, help="default: %(default)s; 0: any")
        parser.add_argument("--models", default=MODELS, help="by commas; default: %(default)s")
        parser.add_argument(
            "--delay", type=seconds, default=0.5, help="seconds to the first word; default 0.5"
        )
        parser.add_argument(
            "--tokens-per-second",
            type=_at_least_nought("tokens a second"),
            default=60.0,
            help="pace of a streamed answer; default 60; 0: all at once",
        )
        parser.add_argument(
            "--piece-length", type=int, default=24, help="characters of a chunk; default 24"
        )
        parser.add_argument(
            "--fault",
            type=_fault,
            action="append",
            default=[],
            metavar="KIND=SHARE",
            help="share of the requests that go wrong, such as cut=0.02; may be given several "
            "times; busy (429), error (500), cut, corrupt or hang",
        )
        parser.add_argument("--seed", type=int, default=0, help="of the faults; default 0")
        parser.add_argument("--key", default="", help="the only key that is let in; default: any")
        parser.add_argument(
            "--tools",
            choices=("call", "ignore", "refuse"),
            default="call",
            help="what becomes of tools on offer; default: they are called",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        told_to_leave = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: told_to_leave.set())
        with server_of(options) as server:
            self.stdout.write("Mock models; Ctrl-C ends them. They are asked with:")
            self.stdout.write(f"OPENAI_BASE_URL={server.openai_url}")
            self.stdout.flush()
            told_to_leave.wait()
        told = ", ".join(f"{name} {number}" for name, number in server.counts.items())
        self.stdout.write(f"Requests: {told or 'none'}")


def server_of(options: dict[str, Any]) -> ModelServer:
    """What the options describe, listening; raises CommandError."""
    models = tuple(name.strip() for name in options["models"].split(",") if name.strip())
    if not models or options["piece_length"] < 1:
        raise CommandError("Name at least one model, and use chunks of at least one character.")
    pace = options["tokens_per_second"]
    piece_seconds = options["piece_length"] / CHARACTERS_OF_TOKEN / pace if pace else 0.0
    try:
        chance = Chance(dict(options["fault"]), seed=options["seed"])
    except ValueError as error:
        raise CommandError(f"--fault: {error}") from None
    try:
        return ModelServer(
            Options(
                models=models,
                latency=options["delay"],
                piece_seconds=piece_seconds,
                piece_length=options["piece_length"],
                key=options["key"],
                tools=options["tools"],
                chance=chance,
            ),
            host=options["host"],
            port=options["port"],
            remember=False,
        )
    except (OSError, OverflowError) as error:
        raise CommandError(
            f"{options['host']}:{options['port']} cannot be listened on: {error}. Choose another "
            "with --host or --port."
        ) from None
