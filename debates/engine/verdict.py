"""From a transcript and a rule to the verdict. No call is made, so any transcript can be decided
again under any rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

from debates.engine.decisions import Count, rule_of, valid
from debates.engine.hollow import overturned
from debates.engine.positions import ABSTAINED
from debates.engine.transcript import Transcript
from debates.engine.types import (
    Ballot,
    Candidate,
    DecisionMode,
    DissentingView,
    Phase,
    StopReason,
    Verdict,
)

WITHOUT_A_JUDGE = DecisionMode.BORDA
"""The rule when a judge was wanted but there is none: it makes most of the rankings."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was counted, and what came out."""

    mode: DecisionMode
    candidates: tuple[Candidate, ...]
    ballots: tuple[Ballot, ...]
    """Of the panel, also where a judge decides."""
    abstained: tuple[str, ...]
    """Who gave no answer and so has no ballot."""
    count: Count
    hollow: bool = False
    order_consistent: bool | None = None
    notes: tuple[str, ...] = ()


def decide(transcript: Transcript, mode: DecisionMode, stop_reason: StopReason) -> Verdict:
    """The verdict under `mode`, which is a rule and not `auto`."""
    candidates = transcript.candidates()
    if mode is not DecisionMode.JUDGE:
        return _verdict(transcript, _vote(transcript, mode, candidates), stop_reason)
    if not candidates:
        finding = _vote(transcript, DecisionMode.UNANIMITY, candidates)
        return _verdict(transcript, finding, stop_reason)
    if len(candidates) == 1:
        finding = _vote(transcript, DecisionMode.UNANIMITY, candidates)
        note = "A judge had nothing to select from."
    elif transcript.has_judgement():
        return _verdict(transcript, _judgement(transcript, candidates), stop_reason)
    else:
        finding = _vote(transcript, WITHOUT_A_JUDGE, candidates)
        note = "There is no selection by a judge, so the panel's ballots were counted."
    return _verdict(transcript, replace(finding, notes=(*finding.notes, note)), stop_reason)


def _vote(
    transcript: Transcript, mode: DecisionMode, candidates: tuple[Candidate, ...]
) -> _Finding:
    rule = rule_of(mode)
    ids = frozenset(candidate.id for candidate in candidates)
    ballots = valid(transcript.ballots(), ids)
    abstained = transcript.abstaining()
    count = rule.count(ballots, ids)
    notes = () if mode is DecisionMode.NONE else _notes_on_ballots(transcript, candidates, ballots)
    if not count.met:
        return _Finding(mode, candidates, ballots, abstained, count, notes=notes)
    kept = overturned(transcript, count.leaders[0], count.backers[count.leaders[0]])
    if kept is None:
        return _Finding(mode, candidates, ballots, abstained, count, notes=notes)
    candidates = transcript.candidates(with_blind=True)
    ids = frozenset(candidate.id for candidate in candidates)
    ballots = valid(transcript.blind_ballots(), ids)
    count = rule.count(ballots, ids)
    count = replace(count, met=count.met and count.leaders == (kept,))
    note = "The majority came from unreasoned changes alone, so the blind answers were counted."
    abstained = transcript.abstaining(0)
    return _Finding(mode, candidates, ballots, abstained, count, hollow=True, notes=(note,))


def _judgement(transcript: Transcript, candidates: tuple[Candidate, ...]) -> _Finding:
    """The judge's two selections are what is counted; what the panel thinks is told beside it."""
    selections = transcript.selections()
    ids = frozenset(candidate.id for candidate in candidates)
    selected = [
        Ballot(part, (one.candidate,), frozenset((one.candidate,)), 1.0, one.reason)
        for part, one in selections.items()
    ]
    count = rule_of(DecisionMode.JUDGE).count(valid(selected, ids), ids)
    ballots = valid(transcript.ballots(), ids)
    consistent = len({one.candidate for one in selections.values()}) == 1
    panel = rule_of(DecisionMode.PLURALITY).count(ballots, ids)
    return _Finding(
        DecisionMode.JUDGE,
        candidates,
        ballots,
        transcript.abstaining(),
        replace(count, backers=panel.backers),
        order_consistent=consistent,
    )


def _verdict(transcript: Transcript, finding: _Finding, stop_reason: StopReason) -> Verdict:
    count, voters = finding.count, len(finding.ballots)
    winner = None
    supporters: frozenset[str] = frozenset()
    if count.met:
        winner = next(one for one in finding.candidates if one.id == count.leaders[0])
        supporters = count.backers[winner.id]
    most = max(map(len, count.backers.values()), default=0)
    notes = (*finding.notes, *_note_on_abstentions(finding))
    return Verdict(
        reached=winner is not None,
        method=finding.mode,
        answer=winner.answer if winner else None,
        winners=winner.authors if winner else (),
        confidence=_confidence(finding, len(supporters)) if winner else 0.0,
        agreement=most / voters if voters else 0.0,
        supporting=tuple(sorted(supporters)),
        dissenting=_dissent(transcript, finding, winner, supporters),
        candidates=finding.candidates,
        tally=dict(sorted(count.tally.items())),
        tied=count.leaders if len(count.leaders) > 1 else (),
        hollow=finding.hollow,
        flips=transcript.flips(),
        order_consistent=finding.order_consistent,
        explanation=" ".join((_explain(finding, winner, len(supporters)), *notes)),
        stop_reason=stop_reason,
        ballots=finding.ballots,
        abstained=finding.abstained,
    )


def _confidence(finding: _Finding, supporters: int) -> float:
    """Laplace's rule of succession. Who says that it does not know stands behind nothing, so it
    counts like one who voted otherwise: an answer of one, where three know none, is no safe one."""
    return (supporters + 1) / (len(finding.ballots) + len(finding.abstained) + 2)


def _dissent(
    transcript: Transcript,
    finding: _Finding,
    winner: Candidate | None,
    supporters: frozenset[str],
) -> tuple[DissentingView, ...]:
    """The views of all who are not behind the decision; without one, everybody's. To abstain is no
    view; who has left an answer for that since the blind ones that count is shown with it."""
    by_id = {candidate.id: candidate for candidate in finding.candidates}
    cast = {} if finding.hollow else {ballot.voter: ballot for ballot in finding.ballots}
    views = []
    for name, position in transcript.positions.items():
        own = transcript.answers[-1][name]
        if own == ABSTAINED and finding.hollow:
            position, own = transcript.standing[0][name], transcript.answers[0][name]  # noqa: PLW2901
        if own == ABSTAINED:
            continue
        ballot = cast.get(name)
        preferred = ballot.ranking[0] if ballot and ballot.ranking else own
        if name in supporters or (winner and preferred == own == winner.id):
            continue
        if ballot is not None and preferred != own:
            chosen = by_id[preferred]
            views.append(DissentingView(name, chosen.answer, ballot.reason or chosen.rationale))
        else:
            views.append(DissentingView(name, position.answer, position.rationale))
    return tuple(views)


# --- In words ----------------------------------------------------------------------------------


def _explain(finding: _Finding, winner: Candidate | None, supporters: int) -> str:
    if not finding.candidates:
        count = len(finding.abstained)
        return (
            f"No agent gave an answer: all {count} say that they do not know, or that the "
            "documents do not say."
        )
    if finding.mode is DecisionMode.NONE:
        return "The debate was held for its arguments, and the answers stand side by side."
    if finding.mode is DecisionMode.JUDGE:
        if winner is None:
            return "The judge selected another answer when the order was reversed: that is a tie."
        first = _of_voters(supporters, finding)
        return f"The judge selected this answer in both orders; {first} on the panel hold it."
    demand = f"An answer needed {rule_of(finding.mode).demand}"
    if winner is not None:
        return f"{demand}; {_of_voters(supporters, finding)} stood behind this one."
    if not finding.ballots:
        return f"{demand}; nobody voted for any."
    if len(finding.count.leaders) > 1:
        return f"{demand}; {len(finding.count.leaders)} answers are tied."
    most = max(map(len, finding.count.backers.values()), default=0)
    return f"{demand}; at most {_of_voters(most, finding)} stood behind one."


def _of_voters(some: int, finding: _Finding) -> str:
    return f"{some} of {len(finding.ballots)} agents"


def _notes_on_ballots(
    transcript: Transcript, candidates: tuple[Candidate, ...], ballots: tuple[Ballot, ...]
) -> tuple[str, ...]:
    """Where ballots follow from positions although there was something to vote on, and where they
    go against the voter's own position."""
    if len(candidates) < 2:
        return ()
    voters = transcript.voters()
    asked = transcript.at(transcript.closing_round, Phase.VOTE)
    derived = sum(name not in asked for name in voters)
    if not derived:
        return _notes_on_own(transcript, ballots)
    if derived == len(voters):
        return ("No vote was held, so each agent's own answer counts as its ballot.",)
    return (
        f"For {derived} of the agents, which did not vote, their own answers count.",
        *_notes_on_own(transcript, ballots),
    )


def _notes_on_own(transcript: Transcript, ballots: tuple[Ballot, ...]) -> tuple[str, ...]:
    own = transcript.answers[-1]
    others = sum(bool(one.ranking) and one.ranking[0] != own[one.voter] for one in ballots)
    if not others:
        return ()
    whose = "its" if others == 1 else "their"
    return (f"{others} of {len(ballots)} agents voted for another answer than {whose} own.",)


def _note_on_abstentions(finding: _Finding) -> tuple[str, ...]:
    count = len(finding.abstained)
    if not count or not finding.candidates:
        return ()
    return ("1 agent gave no answer." if count == 1 else f"{count} agents gave no answer.",)
