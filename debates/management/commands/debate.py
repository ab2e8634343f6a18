"""Hold one debate on the terminal."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.utils import timezone

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus
from debates.engine.types import DEFAULT_ROUNDS, DecisionMode, ProtocolName
from debates.exceptions import InvalidInput, SignInRequired, StateForbids
from debates.management.terminal import Screen, make_console, print_outcome
from debates.models import Debate, Turn
from debates.providers.clients import close_clients
from debates.running.single import run_debate
from debates.selectors import debate_object, debate_snapshot
from debates.services.control import OPERATOR, cancel_debate
from debates.services.creation import NewDebate, NewDocument, create_debate
from debates.services.documents import read_upload
from debates.streaming import publisher
from debates.streaming.envelope import Frame
from debates.web.sources import sources_of
from monitoring import tracing

REFRESH_SECONDS = 0.1
INTERRUPTED = "Interrupted on the terminal."


class Exit(IntEnum):
    """What the exit code says."""

    DECIDED = 0
    NO_DECISION = 1
    BAD_INPUT = 2
    FAILED = 3
    INTERRUPTED = 130


OPTIONS = {
    "question": "question",
    "documents": "--document",
    "budget_usd": "--budget",
    "deadline_seconds": "--deadline",
}
"""What a field of a request goes by on the command line, where it is not its own name."""

EPILOG = """\
exit codes:
  0    a decision was reached
  1    the debate ended without a decision
  2    the input is wrong; nothing was created
  3    the debate failed, or was paused or cancelled elsewhere
  130  interrupted with Ctrl-C, which cancels the debate
"""


class Command(BaseCommand):
    help = "Holds one debate and shows it as it happens."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"epilog": EPILOG, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question", help='what to debate; "-" reads it from standard input')
        parser.add_argument(
            "--document",
            action="append",
            default=[],
            metavar="FILE",
            help="a text, Markdown or PDF file to argue from; may be given several times",
        )
        parser.add_argument("--agents", default="", metavar="A,B,…", help="names of the panel")
        parser.add_argument("--judge", metavar="NAME", help="an agent from outside the panel")
        parser.add_argument("--context", default="", help="what the agents should know besides")
        parser.add_argument(
            "--protocol", default=ProtocolName.ADAPTIVE.value, choices=list(map(str, ProtocolName))
        )
        parser.add_argument(
            "--decision", default=DecisionMode.AUTO.value, choices=list(map(str, DecisionMode))
        )
        parser.add_argument(
            "--rounds", type=int, default=DEFAULT_ROUNDS, help="1 to 12; default: %(default)s"
        )
        parser.add_argument("--budget", metavar="USD", help="most that the debate may cost")
        parser.add_argument("--deadline", type=int, metavar="SECONDS", help="longest running time")
        parser.add_argument("--seed", type=int, help="makes the order of everything repeatable")
        parser.add_argument(
            "--ignore-memory",
            action="store_true",
            help="show the panel nothing of what is remembered from earlier debates",
        )
        parser.add_argument("--user", metavar="NAME", help="the account that owns the debate")
        parser.add_argument(
            "--json", action="store_true", help="one JSON document at the end, and nothing else"
        )

    @across_tenants(Purpose.OPERATOR)
    def handle(self, *args: Any, **options: Any) -> None:
        tracing.start(enabled=settings.ARAGORA.enable_telemetry, version=settings.ARAGORA_VERSION)
        code = Exit.INTERRUPTED
        try:
            with tracing.span("manage.py debate") as trace:
                code = self._debate(options)
                trace.tell({"process.exit.code": int(code)})
                if code not in (Exit.DECIDED, Exit.NO_DECISION):
                    trace.fail(code.name.lower())
        except KeyboardInterrupt:  # Before the debate began, or for the second time.
            pass
        finally:
            tracing.stop()
        sys.exit(code)

    def _debate(self, options: dict[str, Any]) -> Exit:
        if options["verbosity"] < 2:
            logging.getLogger().setLevel(logging.WARNING)  # The screen tells the rest.
        try:
            debate = self._create(options)
        except (InvalidInput, SignInRequired) as error:
            self._complain(error)
            return Exit.BAD_INPUT
        interrupted = asyncio.run(self._hold(debate, quiet=options["json"]))
        debate = Debate.objects.select_related("verdict").get(pk=debate.pk)
        if options["json"]:
            self.stdout.write(json.dumps(_document(debate), ensure_ascii=False))
        else:
            verdict = getattr(debate, "verdict", None)
            sources = sources_of(debate, debate_snapshot(debate)["transcript"])
            print_outcome(
                make_console(sys.stdout),
                dict(debate_object(debate)),
                verdict.detail if verdict else {},
                [source for source in sources.documents if source.is_cited],
            )
        return Exit.INTERRUPTED if interrupted else _exit_code(debate)

    # --- Creating ------------------------------------------------------------------------------

    def _create(self, options: dict[str, Any]) -> Debate:
        question = options["question"]
        request = NewDebate(
            question=sys.stdin.read() if question == "-" else question,
            context=options["context"],
            documents=_documents(options["document"]),
            agents=tuple(name for name in map(str.strip, options["agents"].split(",")) if name),
            judge=options["judge"],
            protocol=options["protocol"],
            decision=options["decision"],
            rounds=options["rounds"],
            budget_usd=_money(options["budget"]),
            deadline_seconds=options["deadline"],
            seed=options["seed"],
            use_memory=not options["ignore_memory"],
            # The queue is the server's; this debate is run here.
            autostart=False,
        )
        return create_debate(request=request, owner=_owner(options["user"]), now=timezone.now())

    def _complain(self, error: InvalidInput | SignInRequired) -> None:
        if isinstance(error, SignInRequired):
            self.stderr.write("Name the account that the debate belongs to: --user NAME")
            return
        for field, message in error.fields or (("", str(error)),):
            option = OPTIONS.get(field, f"--{field}" if field else "")
            self.stderr.write(f"{option}: {message}" if option else message)

    # --- Running -------------------------------------------------------------------------------

    async def _hold(self, debate: Debate, *, quiet: bool) -> bool:
        """Run the debate and show it; whether it was interrupted."""
        interruption = _Interruption(debate.pk)
        try:
            if quiet:
                await run_debate(debate.pk)
            else:
                await _show(debate)
        finally:
            interruption.end()
            await close_clients()
        return interruption.happened


async def _show(debate: Debate) -> None:
    loop = asyncio.get_running_loop()
    with Screen(make_console(sys.stdout), debate) as screen:
        window = _Window(loop, debate.pk, screen)
        publisher.attach(window)
        running = asyncio.create_task(run_debate(debate.pk))
        try:
            while not running.done():
                await asyncio.wait([running], timeout=REFRESH_SECONDS)
                screen.refresh()
        finally:
            publisher.detach(window)
        await running


class _Window:
    """Takes the frames that this process publishes to the screen, and to the other processes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, debate_id: UUID, screen: Screen) -> None:
        self._loop = loop
        self._debate_id = str(debate_id)
        self._screen = screen

    def put(self, frames: Sequence[Frame]) -> None:
        with suppress(RuntimeError):  # The loop is closed.
            self._loop.call_soon_threadsafe(self._show, frames)
        if (relay := publisher.relay()) is not None:
            relay.put(frames)

    def _show(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            if frame.debate_id == self._debate_id:
                self._screen.show(frame)


class _Interruption:
    """Ctrl-C, or SIGTERM: cancels the debate; a second one ends the program at once."""

    def __init__(self, debate_id: UUID) -> None:
        self.happened = False
        self._debate_id = debate_id
        self._loop = asyncio.get_running_loop()
        self._cancelling: asyncio.Future[None] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._take)

    def end(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)

    def _take(self) -> None:
        if self.happened:
            self.end()
            signal.raise_signal(signal.SIGINT)
            return
        self.happened = True
        self._cancelling = self._loop.run_in_executor(None, self._cancel)

    @across_tenants(Purpose.OPERATOR)
    def _cancel(self) -> None:
        with suppress(StateForbids):  # It has just ended by itself.
            cancel_debate(debate_id=self._debate_id, actor=OPERATOR, reason=INTERRUPTED)


def _documents(paths: Sequence[str]) -> tuple[NewDocument, ...]:
    documents = []
    for path in map(Path, paths):
        try:
            content = path.read_bytes()
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}."
            raise InvalidInput(message, fields=(("documents", message),)) from error
        documents.append(read_upload(name=path.name, content=content))
    return tuple(documents)


def _money(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text.strip().lstrip("$"))
    except InvalidOperation as error:
        message = "Use an amount in US dollars, such as 0.50."
        raise InvalidInput(message, fields=(("budget_usd", message),)) from error


def _owner(name: str | None) -> User | None:
    if name is None:
        return None
    owner = User.objects.filter(username=name).first()
    if owner is None:
        message = f"There is no account “{name}”."
        raise InvalidInput(message, fields=(("user", message),))
    return owner


def _exit_code(debate: Debate) -> Exit:
    if debate.status != DebateStatus.COMPLETED:
        return Exit.FAILED
    return Exit.DECIDED if debate.verdict.reached else Exit.NO_DECISION


def _document(debate: Debate) -> dict[str, Any]:
    """The debate as the API shows it, with its turns."""
    turns = Turn.objects.filter(debate=debate).order_by("index")
    shown = debate_object(debate)
    usage: dict[str, Any] = dict(shown["usage"])
    if not usage["cost_known"]:
        usage["cost_usd"] = None
    return {**shown, "usage": usage, "turns": [_turn(turn) for turn in turns]}


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "index": turn.index,
        "round": turn.round,
        "phase": turn.phase,
        "agent": turn.agent,
        "part": turn.part,
        "text": turn.text,
        "reply": turn.reply,
        "failure": (
            {"code": turn.failure_code, "message": turn.failure_message}
            if turn.failure_code
            else None
        ),
        "model": turn.model,
        "served_by": turn.served_by,
        "input_tokens": turn.input_tokens,
        "output_tokens": turn.output_tokens,
        "cost_usd": float(turn.cost_usd),
        "duration_seconds": turn.duration_seconds,
    }
