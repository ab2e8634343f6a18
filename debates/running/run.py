"""One debate in the hands of one worker, from the claim to the end or to the next worker.

1. Ask the engine what comes next, from the turns so far.
2. Open the round or phase, if it is a new one, in a transaction of its own.
3. Make the calls, all at once. Each that is over is stored in one short transaction with its
   events, under the fence, and published after it.
4. Again from 1, until the engine gives the verdict or says that there can be none.

Whoever keeps the run (`keeper`) gives it orders meanwhile. Whatever was said and stored stays; what
a call used that was cut off is estimated and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import IntEnum, StrEnum, auto
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from debates.choices import DebateStatus
from debates.engine.budget import Allowance, allowances
from debates.engine.hearing import HEARING
from debates.engine.planner import next_step
from debates.engine.types import Ask, Call, Fail, Finish, Heard, Phase, Spent, Step, Usage
from debates.providers.base import ProviderError
from debates.providers.gateway import Gateway
from debates.providers.meter import Meter
from debates.running import claims
from debates.running.audience import due, read_suggestions, with_suggestions
from debates.running.checkpoint import (
    Checkpoint,
    Disturbed,
    Standing,
    Unanswered,
    UsageRow,
    record_strays,
)
from debates.running.finishing import Completed, Failed
from debates.running.loading import Loaded
from debates.running.logbook import Logbook
from debates.running.records import CUT_OFF, Finished, cut_off_rows, turn_events
from debates.running.spans import debate_span, turn_span
from debates.running.threads import DatabaseThreads
from debates.running.voice import Voice, show_progress
from debates.running.writer import Writer, Written
from debates.services.events import FenceMoved

log = structlog.get_logger(__name__)


class Order(IntEnum):
    """What a run may be told; a stronger order replaces a weaker one."""

    GO_ON = 0
    PAUSE = 1
    """Begin no further calls. When those under way are over, let the debate go."""
    LEAVE = 2
    """The same, then hand the debate back: this process is stopping."""
    LEAVE_NOW = 3
    """Cut off the calls under way, then hand the debate back."""
    DROP = 4
    """Cut off the calls under way: the debate is over, or somebody else's."""


class Ending(StrEnum):
    """How a run came to its end."""

    COMPLETED = auto()
    FAILED = auto()
    LET_GO = auto()
    """Paused, or handed back; somebody else may go on with it."""
    LOST = auto()
    """Cancelled, deleted, or in another worker's hands."""
    CRASHED = auto()
    """Something went wrong that should not have; counted as a worker's death."""


class DebateRun:
    """See the module. Belongs to one event loop; `run` is called once."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        gateway: Gateway,
        writer: Writer,
        threads: DatabaseThreads,
        now: Callable[[], datetime] = timezone.now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._debate = debate = loaded.debate
        self.debate_id = debate.pk
        self.name = str(debate.pk)
        """The id as the stream and the logs have it."""
        self.fence = debate.fence
        self._setup = loaded.setup
        self._specs = loaded.specs
        self._turns = list(loaded.turns)
        self._rounds = loaded.rounds()
        self._usage = Usage(debate.input_tokens, debate.output_tokens)
        self._cost_usd = float(debate.cost_usd)
        self._stop_requested = debate.stop_requested
        self._gateway = gateway
        self._logbook = Logbook(
            writer,
            tenant=debate.workspace_id,
            last_seq=debate.last_seq,
            others_spoke=loaded.others_spoke,
            on_news=self._hear,
        )
        self._threads = threads
        self._now = now
        self._clock = clock
        self._began = clock() - debate.active_seconds
        self._order = Order.GO_ON
        self._attention = asyncio.Event()
        self._reconsider = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._unwritten: dict[Written, Finished] = {}
        """Turns that are over and not yet committed."""
        self._error: BaseException | None = None
        self._strays: list[UsageRow] = []

    # --- Orders --------------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """Tell the run to end before the debate does."""
        if order > self._order:
            self._order = order
            self._attention.set()

    def ask_for_verdict(self) -> None:
        """Somebody wants the verdict with what there is."""
        if not self._stop_requested:
            self._stop_requested = True
            self._look_again()

    def _look_again(self) -> None:
        """Something may have changed what is to be done: ask the engine, now."""
        self._reconsider = True
        self._attention.set()

    # --- The run -------------------------------------------------------------------------------

    async def run(self) -> Ending:
        """Go on with the debate. Never raises, unless cancelled."""
        with debate_span(self._debate, begins=not self._turns) as trace:
            ending = await self._run()
            trace.tell({"aragora.ending": ending.value, "aragora.turns": len(self._turns)})
            if ending in (Ending.CRASHED, Ending.FAILED):
                trace.fail(ending.value)
        return ending

    async def _run(self) -> Ending:
        deadline = self._watch_deadline()
        try:
            ending = await self._advance()
        except FenceMoved:
            ending = Ending.LOST
        except Exception as error:
            # The message may quote what agents said, so it is left out.
            log.error(
                "debate_worker_crashed",
                debate_id=self.name,
                error=type(error).__name__,
                where=_where(error),
            )
            ending = Ending.CRASHED
        finally:
            if deadline is not None:
                deadline.cancel()
        try:
            await self._cut()
            await self._let_go(ending)
        except Exception as error:
            # The lease expires, or this process finds that it holds what it does not run.
            log.error("debate_not_let_go", debate_id=self.name, error=type(error).__name__)
        return ending

    async def _advance(self) -> Ending:
        while True:
            if self._order >= Order.DROP:
                return Ending.LOST
            if self._order > Order.GO_ON:
                return Ending.LET_GO
            match self._next_step():
                case Ask() as ask:
                    ask = await self._begin(ask)
                    if self._order is Order.GO_ON:
                        await self._ask(ask)
                case Finish(verdict):
                    spoke, now = self._logbook.others_spoke, self._now()
                    await self._end(
                        Completed.of(self._debate, verdict, others_spoke=spoke, now=now)
                    )
                    return Ending.COMPLETED
                case Fail() as fail:
                    await self._end(Failed(self._debate, self._now(), fail))
                    return Ending.FAILED

    async def _end(self, finale: Completed | Failed) -> None:
        """Close the round and the debate."""
        now, seconds = finale.now, self._active_seconds()
        events, closed = self._rounds.closing(self._turns, now=now)
        self._debate.round, self._debate.active_seconds = self._rounds.number, seconds
        changes = {**finale.changes, "active_seconds": seconds}
        await self._logbook.write(
            Checkpoint(
                self.debate_id, self.fence, now, events, changes, closed=closed, finale=finale
            )
        )
        log.info("debate_ended", debate_id=self.name, **finale.summary)

    def _next_step(self, heard: tuple[Heard, ...] = ()) -> Step:
        return next_step(self._setup, self._turns, self._spent(), heard=heard)

    def _spent(self) -> Spent:
        return Spent(self._usage, self._cost_usd, self._active_seconds(), self._stop_requested)

    async def _let_go(self, ending: Ending) -> None:
        if self._strays:
            await self._threads.run(
                record_strays, self.debate_id, self._strays, tenant=self._debate.workspace_id
            )
        if ending is Ending.CRASHED:
            await self._threads.run(
                claims.give_up, debate_id=self.debate_id, fence=self.fence, now=self._now()
            )
        elif ending is Ending.LET_GO and self._order is Order.PAUSE:
            await self._threads.run(claims.release, debate_id=self.debate_id, fence=self.fence)
        elif ending is Ending.LET_GO:
            await self._threads.run(
                claims.hand_back,
                debate_id=self.debate_id,
                fence=self.fence,
                active_seconds=self._active_seconds(),
                now=self._now(),
            )

    def _active_seconds(self) -> float:
        return self._clock() - self._began

    def _watch_deadline(self) -> asyncio.TimerHandle | None:
        limit = self._setup.deadline_seconds
        if limit is None:
            return None
        left = max(0.0, limit - self._active_seconds())
        return asyncio.get_running_loop().call_later(left, self._look_again)

    # --- Rounds and phases ---------------------------------------------------------------------

    async def _begin(self, ask: Ask) -> Ask:
        """Write down that a round or a phase begins, and with what people said, unless it has
        begun already; the calls with that."""
        if ask.phase not in HEARING:
            await self._open(ask)
            return ask
        is_open = self._rounds.is_open(ask)
        if not self._logbook.unheard and not is_open:
            with contextlib.suppress(Disturbed):
                await self._open(ask, undisturbed_only=True)
                return ask
        shown_in = ask.round if is_open else None
        found = await self._threads.run(
            read_suggestions,
            self.debate_id,
            tenant=self._debate.workspace_id,
            offered_in_round=shown_in,
        )
        if not is_open:
            # There may be more than can be shown this time, and what is for a later round.
            self._logbook.unheard = bool(found)
        numbers: list[int] = []
        if ready := due(found, round_number=ask.round):
            ask, numbers = with_suggestions(ask, ready, self._next_step, self._specs)
        await self._open(ask, suggestions=numbers)
        return ask

    async def _open(
        self, ask: Ask, *, suggestions: Sequence[int] = (), undisturbed_only: bool = False
    ) -> None:
        """Raises `Disturbed`."""
        if self._rounds.is_open(ask):
            return
        now = self._now()
        step = self._rounds.opening(ask, self._turns, suggestions=suggestions, now=now)
        await self._logbook.write(step, undisturbed_only=undisturbed_only)
        self._rounds.move_on(ask, now=now)

    # --- Calls ---------------------------------------------------------------------------------

    async def _ask(self, ask: Ask) -> None:
        """Make the calls. Returns when all are over or cut off; raises what one of them raised."""
        phase = _Progress(ask)
        self._attention.clear()
        allowed = allowances(self._setup, self._spent(), ask.calls)
        for call in ask.calls:
            turn = self._take_turn(call, phase, allowed[call.key])
            task = asyncio.create_task(turn, name=f"turn {call.key}")
            self._under_way.add(task)
            task.add_done_callback(self._turn_is_over)
        while self._under_way:
            if self._order >= Order.LEAVE_NOW or (self._reconsider and self._has_moved_on(ask)):
                await self._cut()
                break
            await self._attention.wait()
            self._attention.clear()
            if self._error is not None:
                break
        if self._error is not None:
            raise self._error

    def _has_moved_on(self, ask: Ask) -> bool:
        """Whether the engine, asked now, would not wait for the rest of these calls."""
        self._reconsider = False
        step = self._next_step()
        return not (isinstance(step, Ask) and step.round == ask.round and step.phase == ask.phase)

    def _turn_is_over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = self._error or error
        if not self._under_way or self._error is not None:
            self._attention.set()

    async def _cut(self) -> None:
        """Cut off the calls that are under way, and let those that are over be stored."""
        for task in self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        if self._unwritten:
            await asyncio.wait(self._unwritten)

    async def _take_turn(self, call: Call, phase: _Progress, allowance: Allowance) -> None:
        spec = self._specs[call.key.agent]
        meter, voice = Meter(allowance=allowance), Voice(self.name, call.key)
        began = self._clock()
        voice.begin()
        try:
            with turn_span(call):
                reply, completion = await self._gateway.ask(
                    spec,
                    call,
                    on_delta=voice.speak,
                    deadline_seconds=settings.ARAGORA.turn_timeout_seconds,
                    meter=meter,
                    on_wait=voice.wait,
                )
        except ProviderError as error:
            finished = Finished.failed(call, spec, error, self._clock() - began)
        except BaseException:
            voice.fall_silent()
            self._strays += cut_off_rows(self.debate_id, call, spec, meter, now=self._now())
            raise
        else:
            seconds = self._clock() - began
            finished = Finished.answered(call, spec, reply, completion, seconds)
        voice.end()
        self._keep(finished)
        phase.one_more(self)

    def _keep(self, finished: Finished) -> None:
        """Have a turn that is over stored.

        Nobody waits for that: what follows it, be it the next phase or the end, is stored after
        it or not at all."""
        now = self._now()
        row = finished.row(self.debate_id, index=len(self._turns), now=now)
        usage = finished.usage_rows(self.debate_id, now=now)
        events = turn_events(self.name, finished, self._turns)
        self._turns.append(finished.turn())
        self._usage += finished.usage
        self._cost_usd += finished.cost_usd
        # A turn more: whatever the workers died of before, it is not this debate.
        changes = {"attempts": 0, "active_seconds": self._active_seconds()}
        written = self._logbook.write(
            Checkpoint(self.debate_id, self.fence, now, events, changes, [row], usage)
        )
        self._unwritten[written] = finished
        written.add_done_callback(self._turn_is_written)

    def _turn_is_written(self, written: Written) -> None:
        finished = self._unwritten.pop(written)
        if written.cancelled():
            return
        if (error := written.exception()) is not None:
            # If nobody knows whether the turn is stored, its usage may be as well: what it cost is
            # rather lost, if it is not, than counted twice. The next worker finds it in the log,
            # or asks again.
            if not isinstance(error, Unanswered):
                now = self._now()
                self._strays += finished.usage_rows(self.debate_id, now=now, suffix=CUT_OFF)
            self._error = self._error or error
            self._attention.set()

    def _hear(self, standing: Standing) -> None:
        """Whoever steers the debate from another process is heard when the run next writes, if it
        has not been told before."""
        if standing.status != DebateStatus.RUNNING:
            self.order(Order.PAUSE)
        elif standing.stop_requested:
            self.ask_for_verdict()


class _Progress:
    """How far a phase has come."""

    def __init__(self, ask: Ask) -> None:
        self._round = ask.round
        self._phase: Phase = ask.phase
        self._done = 0
        self._total = len(ask.calls)

    def one_more(self, run: DebateRun) -> None:
        self._done += 1
        show_progress(
            run.name,
            round=self._round,
            phase=self._phase,
            done=self._done,
            total=self._total,
        )


def _where(error: BaseException) -> str:
    """The innermost line, without what was being done with which words."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
