"""The end of a debate that ran: its verdict, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aragora_site.bulk import insert_rows
from debates.choices import DebateStatus, EventType
from debates.engine import codec
from debates.engine.types import Fail, StopReason, Verdict
from debates.models import Ballot, Debate
from debates.models import Verdict as VerdictRow
from debates.ranking.services import counts_as_match, record_match
from debates.running.checkpoint import Figures
from debates.selectors.audience import AUDIENCE, audience_verdict
from debates.services.endings import debate_end, ending_changes
from debates.services.events import NewEvent
from debates.streaming.events import (
    Consensus,
    ConsensusReached,
    DebateFailed,
    HollowConsensus,
)

HOLLOW = (
    "The majority rests on changes that nobody gave a reason for, so the answer that led before "
    "the talk was kept."
)
_VERDICT = (
    *("debate_id", "reached", "method", "answer", "winners", "confidence", "agreement"),
    *("hollow", "explanation", "detail", "created_at"),
)
_BALLOT = ("debate_id", "voter", "ranking", "approved", "confidence", "reason")


@dataclass(frozen=True, slots=True)
class Ended:
    """What both ends have in common. `debate` is the row as it was claimed, with its round and
    running time as they are now."""

    debate: Debate
    now: datetime

    def _end(
        self,
        figures: Figures,
        status: DebateStatus,
        stop_reason: StopReason,
        result: str,
        *,
        reached: bool,
    ) -> NewEvent:
        self.debate.input_tokens, self.debate.output_tokens = figures[:2]
        self.debate.cost_usd = figures.cost_usd
        end = debate_end(
            self.debate,
            status=status,
            stop_reason=stop_reason,
            result=result,
            consensus_reached=reached,
        )
        return NewEvent(EventType.DEBATE_END, end)


@dataclass(frozen=True, slots=True)
class Completed(Ended):
    """The debate came to a verdict, if only that nothing was reached."""

    verdict: Verdict
    others_spoke: bool
    """Whether there may be votes of the audience."""
    locks_more: bool
    """Whether the ratings move."""

    @classmethod
    def of(
        cls, debate: Debate, verdict: Verdict, *, others_spoke: bool, now: datetime
    ) -> Completed:
        rated = counts_as_match(debate=debate, verdict=verdict)
        return cls(debate, now, verdict, others_spoke, rated)

    @property
    def summary(self) -> dict[str, Any]:
        """For the server's log."""
        verdict = self.verdict
        return {
            "status": DebateStatus.COMPLETED.value,
            "stop_reason": verdict.stop_reason.value,
            "method": verdict.method.value,
            "reached": verdict.reached,
        }

    @property
    def changes(self) -> dict[str, Any]:
        return ending_changes(
            status=DebateStatus.COMPLETED, stop_reason=self.verdict.stop_reason, now=self.now
        )

    @property
    def event_count(self) -> int:
        verdict = self.verdict
        return 2 + verdict.hollow + verdict.reached + self.locks_more

    def write(self, figures: Figures, disturbed: bool) -> list[NewEvent]:
        verdict, debate_id = self.verdict, str(self.debate.pk)
        detail = codec.encode_verdict(verdict)
        if disturbed or self.others_spoke:
            detail |= self._audience()
        self._store(detail)
        result = verdict.answer or verdict.explanation
        events = [NewEvent(EventType.CONSENSUS, self._consensus(result, detail))]
        if verdict.hollow:
            hollow = HollowConsensus(debate_id=debate_id, result=result, message=HOLLOW)
            events.append(NewEvent(EventType.HOLLOW_CONSENSUS, hollow))
        if verdict.reached:
            reached = ConsensusReached(
                debate_id=debate_id,
                result=result,
                confidence=verdict.confidence,
                final_round=self.debate.round,
            )
            events.append(NewEvent(EventType.CONSENSUS_REACHED, reached))
        match = record_match(debate=self.debate, verdict=verdict, now=self.now)
        if match is not None:
            events.append(NewEvent(EventType.MATCH_RECORDED, match))
        status = DebateStatus.COMPLETED
        end = self._end(figures, status, verdict.stop_reason, result, reached=verdict.reached)
        return [*events, end]

    def _audience(self) -> dict[str, Any]:
        """What the audience says beside the verdict; nothing without votes."""
        standing = {candidate.id for candidate in self.verdict.candidates}
        audience = audience_verdict(self.debate.pk, standing=standing)
        return {} if audience is None else {AUDIENCE: audience}

    def _store(self, detail: dict[str, Any]) -> None:
        verdict, debate_id = self.verdict, self.debate.pk
        row = (
            *(debate_id, verdict.reached, verdict.method, verdict.answer, list(verdict.winners)),
            *(verdict.confidence, verdict.agreement, verdict.hollow, verdict.explanation),
            *(detail, self.now),
        )
        insert_rows(VerdictRow, _VERDICT, [row])
        ballots = [
            (
                *(debate_id, ballot.voter, list(ballot.ranking), sorted(ballot.approved)),
                *(ballot.confidence, ballot.reason),
            )
            for ballot in verdict.ballots
        ]
        insert_rows(Ballot, _BALLOT, ballots)

    def _consensus(self, result: str, detail: dict[str, Any]) -> Consensus:
        verdict = self.verdict
        return Consensus(
            debate_id=str(self.debate.pk),
            round_number=self.debate.round,
            result=result,
            confidence=verdict.confidence,
            method=verdict.method,
            reached=verdict.reached,
            agreement=verdict.agreement,
            stop_reason=verdict.stop_reason,
            explanation=verdict.explanation,
            supporting_agents=list(verdict.supporting),
            dissenting_agents=[view.agent for view in verdict.dissenting],
            verdict=detail,
        )


@dataclass(frozen=True, slots=True)
class Failed(Ended):
    """The debate cannot go on."""

    fail: Fail

    @property
    def locks_more(self) -> bool:
        return False

    @property
    def event_count(self) -> int:
        return 2

    @property
    def summary(self) -> dict[str, Any]:
        """For the server's log."""
        reason = self.fail.stop_reason.value
        return {"status": DebateStatus.FAILED.value, "stop_reason": reason}

    @property
    def changes(self) -> dict[str, Any]:
        reason = self.fail.stop_reason
        changes = ending_changes(status=DebateStatus.FAILED, stop_reason=reason, now=self.now)
        return {**changes, "failure": self.fail.message}

    def write(self, figures: Figures, disturbed: bool) -> list[NewEvent]:
        reason, message = self.fail.stop_reason, self.fail.message
        failed = DebateFailed(debate_id=str(self.debate.pk), reason=reason, message=message)
        end = self._end(figures, DebateStatus.FAILED, reason, message, reached=False)
        return [NewEvent(EventType.DEBATE_FAILED, failed), end]
