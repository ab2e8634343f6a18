"""What a protocol is, and what all of them share: limits, quorum and the closing vote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from debates.engine import budget, calls
from debates.engine.questions import rule_for
from debates.engine.transcript import Shape, Transcript
from debates.engine.types import (
    Ask,
    Call,
    DecisionMode,
    Fail,
    Finish,
    Heard,
    Panelist,
    Phase,
    ProtocolName,
    Setup,
    Spent,
    Step,
    StopReason,
    Usage,
)
from debates.engine.verdict import decide


def quorum_of(setup: Setup) -> int:
    """How many agents must answer: half of the panel, rounded up, and never fewer than two. To say
    that one does not know is to answer; to fail is not."""
    return max(2, -(-len(setup.panel) // 2))


class Proceedings:
    """A debate as it stands, as a protocol sees it."""

    def __init__(
        self,
        transcript: Transcript,
        spent: Spent,
        *,
        heard: tuple[Heard, ...] = (),
        may_ask: bool = True,
    ) -> None:
        self.transcript = transcript
        self.setup = transcript.setup
        self.spent = spent
        self.heard = heard
        self.may_ask = may_ask
        """False to look back on a debate that is over."""
        self.panel = {panelist.name: panelist for panelist in self.setup.panel}
        self.quorum = quorum_of(self.setup)

    @property
    def mode(self) -> DecisionMode:
        return rule_for(self.setup.decision, self.setup.question, self.setup.judge)

    def missing(self, names: Iterable[str], round_number: int, phase: Phase) -> list[Panelist]:
        """Those of `names` that have not yet been asked in a phase."""
        turns = self.transcript.at(round_number, phase)
        return [self.panel[name] for name in names if name not in turns]

    # --- Limits --------------------------------------------------------------------------------

    def fits(self, asked: Sequence[Call], *, reserve: bool, spent: Spent | None = None) -> bool:
        """Whether the calls can be paid for; `reserve`: with enough left for the vote."""
        if not budget.has_budget(self.setup):
            return True
        worst = [(self._asked(call), budget.worst_case(call, self._asked(call))) for call in asked]
        if reserve and (phase := self._closing_phase()):
            worst += budget.most_of_phase(self.setup, phase)
        return budget.fits(self.setup, spent or self.spent, worst)

    def _asked(self, call: Call) -> Panelist:
        if call.key.phase is Phase.JUDGE and self.setup.judge:
            return self.setup.judge
        return self.panel[call.key.agent]

    def _closing_phase(self) -> Phase | None:
        if self.mode is DecisionMode.NONE:
            return None
        if self.mode is DecisionMode.JUDGE and self.setup.judge:
            return Phase.JUDGE
        return Phase.VOTE

    def is_late(self, *, phases_ahead: int = 0) -> bool:
        """Whether the deadline has passed, or would if so many more phases took as long as those
        so far did on average."""
        if self.setup.deadline_seconds is None:
            return False
        elapsed = self.spent.elapsed_seconds
        ahead = elapsed / max(1, self.transcript.phases_begun()) * phases_ahead
        return elapsed >= self.setup.deadline_seconds or (
            elapsed + ahead > self.setup.deadline_seconds
        )

    # --- The phases that all protocols have ----------------------------------------------------

    def open(self, shape: Shape) -> Ask | Fail | StopReason | None:
        """The blind opening. None when it is over and there is a quorum."""
        answered = self.transcript.answered(shape.first_round, shape.opening)
        missing = self.missing(self.transcript.names, shape.first_round, shape.opening)
        if not missing:
            return None if answered >= self.quorum else self.no_quorum(answered)
        asked = [
            calls.opening_call(self.setup, panelist, shape.first_round, shape.opening)
            for panelist in missing
        ]
        enough = answered >= self.quorum
        if not self.may_ask or self.transcript.has_closing_turns(self.transcript.closing_round):
            return self.why_stopped(asked) if enough else self.no_quorum(answered)
        if not self.fits(asked, reserve=False):
            reason = StopReason.BUDGET
        elif self.is_late():
            reason = StopReason.DEADLINE
        elif self.spent.stop_requested and enough:
            reason = StopReason.STOPPED
        else:
            return Ask(shape.first_round, shape.opening, tuple(asked))
        return reason if enough else Fail(reason, _OPENING_CUT_SHORT[reason])

    def talk(
        self, round_number: int, phase: Phase, asked: Sequence[Call], *, is_over: bool
    ) -> Ask | StopReason:
        """Go on talking, unless a limit is met or the closing has begun (`is_over`)."""
        if is_over or not self.may_ask:
            return self.why_stopped(asked)
        if not self.fits(asked, reserve=True):
            return StopReason.BUDGET
        if self.spent.stop_requested:
            return StopReason.STOPPED
        if self.is_late(phases_ahead=2):  # this one and the vote
            return StopReason.DEADLINE
        return Ask(round_number, phase, tuple(asked))

    def why_stopped(self, not_asked: Sequence[Call]) -> StopReason:
        """Why the talk ended before `not_asked`, as far as it can be told afterwards."""
        usage, cost = self.transcript.used_by_closing()
        before = Spent(
            Usage(
                self.spent.usage.input_tokens - usage.input_tokens,
                self.spent.usage.output_tokens - usage.output_tokens,
            ),
            self.spent.cost_usd - cost,
        )
        if not self.fits(not_asked, reserve=True, spent=before):
            return StopReason.BUDGET
        if self.spent.stop_requested or self.setup.deadline_seconds is None:
            return StopReason.STOPPED
        return StopReason.DEADLINE

    def no_quorum(self, answered: int) -> Fail:
        return Fail(
            StopReason.QUORUM,
            f"{answered} of {len(self.panel)} agents answered; at least {self.quorum} must.",
        )

    # --- The closing ---------------------------------------------------------------------------

    def close(self, reason: StopReason) -> Step:
        """Ask the judge or hold the vote, as far as that is wanted and possible, then decide."""
        transcript, mode = self.transcript, self.mode
        candidates = transcript.candidates()
        if len(candidates) < 2 or mode is DecisionMode.NONE:
            return self.finish(mode, reason)
        if mode is DecisionMode.JUDGE:
            if (ask := self._ask_judge()) is not None:
                return ask
            if transcript.has_judgement():
                return self.finish(mode, reason)
        voters = self.missing(transcript.voters(), transcript.closing_round, Phase.VOTE)
        if voters:
            asked = [calls.vote_call(transcript, voter, candidates) for voter in voters]
            refusal = self._refusal(asked)
            if refusal is None:
                return Ask(transcript.closing_round, Phase.VOTE, tuple(asked))
            reason = refusal
        else:
            cast = transcript.votes_cast()
            answered = cast + len(transcript.abstaining())
            if not cast or answered < self.quorum:
                return self.no_quorum(answered if cast else 0)
        return self.finish(mode, reason)

    def _ask_judge(self) -> Ask | None:
        """The calls to the judge. None when they have been made or are not to be made: without a
        judge, after a failure of its and where it does not fit the limits there is a vote."""
        transcript, judge = self.transcript, self.setup.judge
        number = transcript.closing_round
        if judge is None or transcript.judge_failed() or transcript.at(number, Phase.VOTE):
            return None
        turns = transcript.at(number, Phase.JUDGE)
        candidates = transcript.candidates()
        asked = tuple(
            calls.judge_call(transcript, judge, candidates, part)
            for part in calls.JUDGE_ORDERS
            if part not in turns
        )
        if not asked or self._refusal(asked) is not None:
            return None
        return Ask(number, Phase.JUDGE, asked)

    def _refusal(self, asked: Sequence[Call]) -> StopReason | None:
        if not self.may_ask:
            return self.why_stopped(asked)
        if not self.fits(asked, reserve=False):
            return StopReason.BUDGET
        return StopReason.DEADLINE if self.is_late() else None

    def finish(self, mode: DecisionMode, reason: StopReason) -> Finish:
        return Finish(decide(self.transcript, mode, reason))


_OPENING_CUT_SHORT = {
    StopReason.BUDGET: "The budget does not suffice for a first answer of every agent.",
    StopReason.DEADLINE: "The deadline passed before enough agents had answered.",
}


class DebateProtocol(Protocol):
    """A way to hold a debate."""

    name: ProtocolName
    shape: Shape

    def next_step(self, proceedings: Proceedings) -> Step:
        """The calls to make next, or the end. Looks at nothing but `proceedings`."""
        ...

    def shortest(self) -> list[Phase]:
        """The phases of the shortest debate, which needs no closing."""
        ...

    def longest(self, rounds: int, closing: list[Phase]) -> list[Phase]:
        """All phases of the longest debate; `closing` are those of one closing."""
        ...
