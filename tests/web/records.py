"""Debates with something in their log, as a worker would have written it.

`Record` writes events through the one writer of the log, so that what a page shows comes the way
that everything comes. The words are those of a panel of ada, ben and cleo on a tram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from debates.choices import DebateStatus, EventType
from debates.engine import codec
from debates.engine.types import (
    Ballot,
    Candidate,
    CandidateId,
    DecisionMode,
    DissentingView,
    Flip,
    StopReason,
    Verdict,
)
from debates.models import Debate
from debates.models import Verdict as VerdictRow
from debates.services.endings import debate_end, ending_changes
from debates.services.events import NewEvent, append_events

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BUILD, WAIT = "Build the tram now.", "Wait for the new bridge, then build."


class Record:
    """Writes the log of one debate."""

    def __init__(self, debate: Debate) -> None:
        self.debate = debate

    def add(
        self,
        type_: EventType,
        data: Mapping[str, Any],
        *,
        round_: int | None = None,
        **changes: Any,
    ) -> None:
        """Append an event, and make `changes` to the row in the same statement."""
        event = NewEvent(type_, {"debate_id": str(self.debate.pk), **data}, round=round_)
        append_events(debate_id=self.debate.pk, events=[event], now=NOW, changes=changes)
        self.debate.refresh_from_db()

    def begin(self) -> None:
        self.add(
            EventType.DEBATE_START,
            {"task": self.debate.question, "total_rounds": self.debate.rounds},
            status=DebateStatus.RUNNING,
            started_at=NOW,
        )

    def begin_round(self, number: int, phase: str = "draft") -> None:
        data = {"round_number": number, "total_rounds": self.debate.rounds}
        self.add(EventType.ROUND_START, data, round_=number, round=number)
        change = {"from_phase": "", "to_phase": phase, "round_number": number}
        self.add(EventType.PHASE_CHANGE, change, round_=number, phase=phase)

    def propose(
        self,
        agent: str,
        answer: str,
        rationale: str = "",
        *,
        round_: int = 0,
        candidate: str = "",
        evidence: Sequence[str] = ("[1] The tram cut traffic by a tenth.",),
    ) -> None:
        self.add(
            EventType.PROPOSE,
            {
                "round_number": round_,
                "agent": agent,
                "content": f"{answer}\n\n{rationale}",
                "answer": answer,
                "rationale": rationale,
                "confidence": 0.7,
                "evidence": list(evidence),
                "candidate": candidate,
                "role": "proposer",
                "turn_id": f"{round_}:draft:{agent}",
            },
            round_=round_,
        )

    def criticise(self, agent: str, target: str, text: str, *, round_: int = 1) -> None:
        self.add(
            EventType.CRITIQUE,
            {
                "round_number": round_,
                "agent": agent,
                "target_agent": target,
                "content": text,
                "score": 0.4,
                "severity": 0.6,
                "issues": ["The cost of waiting is left out."],
                "turn_id": f"{round_}:exchange:{agent}",
            },
            round_=round_,
        )

    def revise(
        self, agent: str, answer: str, *, changed: bool, faulty_step: str = "", round_: int = 1
    ) -> None:
        self.add(
            EventType.REVISION,
            {
                "round_number": round_,
                "agent": agent,
                "content": answer,
                "original_content": "",
                "answer": answer,
                "rationale": "The figures of the **second** document settle it.",
                "confidence": 0.8,
                "changed": changed,
                "reasoned": not changed or bool(faulty_step),
                "faulty_step": faulty_step,
                "turn_id": f"{round_}:exchange:{agent}",
            },
            round_=round_,
        )

    def fail_turn(self, agent: str, message: str, *, round_: int = 1) -> None:
        self.add(
            EventType.AGENT_ERROR,
            {
                "round_number": round_,
                "agent": agent,
                "phase": "exchange",
                "code": "timed_out",
                "message": message,
                "turn_id": f"{round_}:exchange:{agent}",
            },
            round_=round_,
        )

    def vote(self, agent: str, choice: str, reasoning: str = "", *, round_: int = 1) -> None:
        self.add(
            EventType.VOTE,
            {
                "round_number": round_,
                "agent": agent,
                "choice": choice,
                "ranking": ["c1", "c2"],
                "reasoning": reasoning,
                "confidence": 0.75,
                "turn_id": f"{round_}:vote:{agent}",
            },
            round_=round_,
        )

    def converge(self, round_: int, agreement: float, stability: float | None) -> None:
        data = {"round_number": round_, "agreement": agreement, "stability": stability}
        self.add(EventType.CONVERGENCE, data, round_=round_)
        self.add(EventType.ROUND_END, {"round_number": round_, "duration_seconds": 2.5})

    def decide(self, verdict: Verdict) -> None:
        """Store the verdict and tell of it."""
        detail = codec.encode(verdict)
        VerdictRow.objects.create(
            debate=self.debate,
            reached=verdict.reached,
            method=verdict.method.value,
            answer=verdict.answer,
            winners=list(verdict.winners),
            confidence=verdict.confidence,
            agreement=verdict.agreement,
            hollow=verdict.hollow,
            explanation=verdict.explanation,
            detail=detail,
        )
        self.add(
            EventType.CONSENSUS,
            {
                "result": verdict.answer or "The vote was tied.",
                "confidence": verdict.confidence,
                "method": verdict.method.value,
                "reached": verdict.reached,
                "agreement": verdict.agreement,
                "stop_reason": verdict.stop_reason.value,
                "explanation": verdict.explanation,
                "supporting_agents": list(verdict.supporting),
                "dissenting_agents": [view.agent for view in verdict.dissenting],
                "verdict": detail,
            },
        )

    def end(self, status: DebateStatus, stop_reason: StopReason, *, failure: str = "") -> None:
        if status is DebateStatus.FAILED:
            data = {"reason": stop_reason.value, "message": failure}
            self.add(EventType.DEBATE_FAILED, data)
        elif status is DebateStatus.CANCELLED:
            self.add(EventType.DEBATE_CANCELLED, {"reason": "Somebody cancelled the debate."})
        changes = ending_changes(status=status, stop_reason=stop_reason, now=NOW)
        end = debate_end(self.debate, status=status, stop_reason=stop_reason, result=failure)
        self.add(EventType.DEBATE_END, end, **changes, failure=failure)


def make_verdict(*, reached: bool = True, hollow: bool = False) -> Verdict:
    """Two for building and one against; or a tie."""
    build, wait = CandidateId("c1"), CandidateId("c2")
    candidates = (
        Candidate(build, BUILD, "It pays for itself.", ("ada",)),
        Candidate(wait, WAIT, "The bridge comes first.", ("ben", "cleo")),
    )
    ballots = tuple(
        Ballot(voter, ranking, frozenset(ranking[:1]), 0.75)
        for voter, ranking in (
            ("ada", (build, wait)),
            ("ben", (wait, build)),
            ("cleo", (build, wait)),
        )
    )
    return Verdict(
        reached=reached,
        method=DecisionMode.MAJORITY,
        answer=BUILD if reached else None,
        winners=("ada",) if reached else (),
        confidence=0.6 if reached else 0.0,
        agreement=2 / 3,
        supporting=("ada", "cleo") if reached else (),
        dissenting=(DissentingView("ben", WAIT, "The bridge closes the line *for a year*."),),
        candidates=candidates,
        tally={build: 2.0, wait: 1.0} if reached else {build: 1.0, wait: 1.0},
        tied=() if reached else (build, wait),
        hollow=hollow,
        flips=(Flip("cleo", 1, WAIT, BUILD, reasoned=True),),
        explanation="Two of three votes are more than half.",
        stop_reason=StopReason.STABLE,
        ballots=ballots,
    )


def hold_first_rounds(debate: Debate, *, proposals: Sequence[tuple[str, str]] = ()) -> Record:
    """Blind drafts and an exchange, up to the vote."""
    record = Record(debate)
    record.begin()
    record.begin_round(0)
    for agent, answer in proposals or (("ada", BUILD), ("ben", WAIT), ("cleo", WAIT)):
        record.propose(agent, answer, f"Reasons of *{agent}*:\n\n- a first\n- a second")
    record.converge(0, 2 / 3, None)
    record.begin_round(1, "exchange")
    record.criticise("ada", "ben", "Waiting has a price that you leave out.")
    record.revise("ada", BUILD, changed=False)
    record.revise("cleo", BUILD, changed=True, faulty_step="The bridge is not on the line.")
    record.fail_turn("ben", "No answer within 120 seconds.")
    record.vote("ada", BUILD, "It pays for itself.")
    record.vote("cleo", BUILD)
    record.vote("ben", WAIT, "The bridge comes first.")
    record.converge(1, 2 / 3, 0.5)
    return record


def hold_debate(debate: Debate, *, verdict: Verdict | None = None) -> Record:
    """A whole debate, to its verdict."""
    record = hold_first_rounds(debate)
    record.decide(verdict or make_verdict())
    record.end(DebateStatus.COMPLETED, StopReason.STABLE)
    return record
