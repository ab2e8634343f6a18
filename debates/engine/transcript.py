"""What has been said so far, in an order that does not depend on how it came in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from debates.engine.positions import ABSTAINED, candidate_id
from debates.engine.types import (
    Ballot,
    Candidate,
    CandidateId,
    CritiqueReply,
    Flip,
    Phase,
    Position,
    Revision,
    Selection,
    Setup,
    Turn,
    Usage,
)

CLOSING_PHASES = (Phase.VOTE, Phase.JUDGE)


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a protocol's positions come from."""

    first_round: int
    opening: Phase
    """Gives every agent a position, blind, in the first round."""
    revising: Phase
    """Changes positions, in rounds 1 and up."""


class Transcript:
    """The turns of a debate by round and phase, and the positions that follow from them.

    Failures hold no position, vote or selection, whatever text they carry. Turns of agents that
    are not on the panel are left out."""

    def __init__(self, setup: Setup, turns: Iterable[Turn], shape: Shape) -> None:
        self.setup = setup
        self.shape = shape
        self.names = sorted(panelist.name for panelist in setup.panel)
        self._turns: dict[tuple[int, Phase], dict[str, Turn]] = {}
        judge = setup.judge.name if setup.judge else None
        for turn in turns:
            key = turn.key
            if key.phase is Phase.JUDGE:
                who = key.part  # a judge is asked twice in one phase, everybody else once
                known = key.agent == judge
            else:
                who = key.agent
                known = who in self.names
            if not known:
                continue
            place = key.round, key.phase
            found = self._turns.get(place)
            if found is None:
                found = self._turns[place] = {}
            found[who] = turn
        self.standing: list[dict[str, Position]] = [self._opened()]
        """Positions after each round; the blind ones at 0. Agents in the order of their names."""
        self.answers: list[dict[str, CandidateId]] = [_answers(self.standing[0])]
        """The same as ids; `ABSTAINED` for those who say that they do not know."""
        while turns_then := self.at(len(self.standing), shape.revising):
            self._revise(turns_then)
        self.closing_round = max(self.newest_round, shape.first_round)
        """The round in which ballots are cast, if they are cast now."""

    def _opened(self) -> dict[str, Position]:
        opening = self.at(self.shape.first_round, self.shape.opening)
        return {
            name: opening[name].outcome  # type: ignore[misc]  # as the condition says
            for name in self.names
            if name in opening and isinstance(opening[name].outcome, Position)
        }

    def _revise(self, turns: Mapping[str, Turn]) -> None:
        standing, answers = self.standing[-1].copy(), self.answers[-1].copy()
        for name in standing:
            turn = turns.get(name)
            if turn is not None and isinstance(turn.outcome, Revision):
                standing[name] = position = turn.outcome.position
                answers[name] = candidate_id(position.answer)
        self.standing.append(standing)
        self.answers.append(answers)

    def flips(self) -> tuple[Flip, ...]:
        """Who changed an answer, by round and name.

        To take up an answer after an abstention is no flip: nothing is given up, and there is no
        step in a former reasoning that could be named as wrong, so to ask for one would only keep
        an agent from learning. To give up an answer for an abstention is one, and needs a reason
        like any other; so an answer that is changed by way of an abstention is not excused."""
        return tuple(
            Flip(
                agent=name,
                round=number,
                before=self.standing[number - 1][name].answer,
                after=self.standing[number][name].answer,
                reasoned=self._was_reasoned(number, name),
            )
            for number in range(1, len(self.standing))
            for name, answer in self.answers[number].items()
            if self.answers[number - 1][name] not in (answer, ABSTAINED)
        )

    def _was_reasoned(self, round_number: int, name: str) -> bool:
        outcome = self.at(round_number, self.shape.revising)[name].outcome
        return isinstance(outcome, Revision) and bool(outcome.faulty_step.strip())

    def at(self, round_number: int, phase: Phase) -> Mapping[str, Turn]:
        """The turns of a phase by agent; those of JUDGE by order."""
        return self._turns.get((round_number, phase), _NO_TURNS)

    def answered(self, round_number: int, phase: Phase) -> int:
        """How many members of the panel have answered in a phase."""
        turns = self.at(round_number, phase)
        kind = _REPLY_KINDS[phase]
        return sum(name in turns and isinstance(turns[name].outcome, kind) for name in self.names)

    def has_begun(self, round_number: int) -> bool:
        """Whether anything was said in a round, or after it."""
        return any(number >= round_number for number, _ in self._turns)

    @property
    def newest_round(self) -> int:
        """The last round with revisions, 0 without any. Those before it are complete and did not
        end the debate, or it would not have begun."""
        return len(self.standing) - 1

    def phases_begun(self) -> int:
        """How many phases have taken time of this debate."""
        return sum(
            not all(turn.inherited for turn in turns.values()) for turns in self._turns.values()
        )

    @property
    def positions(self) -> dict[str, Position]:
        """The positions as they stand now."""
        return self.standing[-1]

    def is_unanimous(self, round_number: int = -1) -> bool:
        """Whether all who have a position give the same answer. Where somebody abstains there is
        something left to talk about, so that is never unanimous."""
        answers = set(self.answers[round_number].values())
        return len(answers) == 1 and ABSTAINED not in answers

    def nobody_answered(self, round_number: int = -1) -> bool:
        """Whether all who have a position abstain."""
        return set(self.answers[round_number].values()) == {ABSTAINED}

    def abstaining(self, round_number: int = -1) -> tuple[str, ...]:
        """Who says that it does not know, by name."""
        return tuple(
            name for name, answer in self.answers[round_number].items() if answer == ABSTAINED
        )

    def voters(self) -> dict[str, Position]:
        """The positions of those who give an answer now, and so have a vote."""
        now = self.answers[-1]
        return {
            name: position for name, position in self.positions.items() if now[name] != ABSTAINED
        }

    def changed_in(self, round_number: int) -> bool:
        """Whether anybody changed an answer."""
        return self.answers[round_number] != self.answers[round_number - 1]

    def blind_plurality(self) -> CandidateId | None:
        """The answer that more agents gave blind than any other, if there is one."""
        counted = Counter(answer for answer in self.answers[0].values() if answer != ABSTAINED)
        most = max(counted.values(), default=0)
        ahead = [answer for answer, count in counted.items() if count == most]
        return ahead[0] if len(ahead) == 1 else None

    # --- Candidates ----------------------------------------------------------------------------

    def candidates(self, *, with_blind: bool = False) -> tuple[Candidate, ...]:
        """The distinct answers that stand, oldest first; on demand also those that were given
        blind and have been left since."""
        wanted = set(self.answers[-1].values())
        if with_blind:
            wanted.update(self.answers[0].values())
        wanted.discard(ABSTAINED)
        found: list[Candidate] = []
        for standing, answers in zip(self.standing, self.answers, strict=True):
            for candidate in dict.fromkeys(answers.values()):
                if candidate in wanted:
                    wanted.remove(candidate)
                    found.append(self._candidate(candidate, standing, answers))
            if not wanted:
                break
        return tuple(found)

    def _candidate(
        self,
        candidate: CandidateId,
        standing: Mapping[str, Position],
        answers: Mapping[str, CandidateId],
    ) -> Candidate:
        authors = tuple(name for name, answer in answers.items() if answer == candidate)
        # The answer in its first words, argued as an author, or whoever holds it, argues it now.
        now = self.answers[-1]
        holders = [name for name in authors if now[name] == candidate] or [
            name for name, answer in now.items() if answer == candidate
        ]
        argued = self.positions[holders[0]] if holders else standing[authors[0]]
        return Candidate(candidate, standing[authors[0]].answer, argued.rationale, authors)

    # --- Ballots and selections ----------------------------------------------------------------

    def has_closing_turns(self, round_number: int) -> bool:
        return any((round_number, phase) in self._turns for phase in CLOSING_PHASES)

    def used(self) -> tuple[Usage, float]:
        """What all turns have used: tokens and US dollars."""
        return _sum_up(turn for turns in self._turns.values() for turn in turns.values())

    def used_by_closing(self) -> tuple[Usage, float]:
        """What the ballots and selections so far have used."""
        return _sum_up(
            turn for phase in CLOSING_PHASES for turn in self.at(self.closing_round, phase).values()
        )

    def ballots(self) -> tuple[Ballot, ...]:
        """What there is to count: the ballot that an agent cast, none when its vote failed, and
        its position when it was never asked. Who abstains has none."""
        votes = self.at(self.closing_round, Phase.VOTE)
        counted: list[Ballot] = []
        for name, position in self.voters().items():
            turn = votes.get(name)
            if turn is None:
                counted.append(ballot_from(name, position, self.answers[-1][name]))
            elif isinstance(turn.outcome, Ballot):
                own = turn.outcome.voter == name
                counted.append(turn.outcome if own else replace(turn.outcome, voter=name))
        return tuple(counted)

    def blind_ballots(self) -> tuple[Ballot, ...]:
        """The ballots that follow from the blind positions."""
        return tuple(
            ballot_from(name, position, self.answers[0][name])
            for name, position in self.standing[0].items()
            if self.answers[0][name] != ABSTAINED
        )

    def votes_cast(self) -> int:
        return self.answered(self.closing_round, Phase.VOTE)

    def selections(self) -> dict[str, Selection]:
        """The judge's selections among what stands, by the order in which it was shown."""
        offered = {answer for answer in self.answers[-1].values() if answer != ABSTAINED}
        return {
            part: turn.outcome
            for part, turn in sorted(self.at(self.closing_round, Phase.JUDGE).items())
            if isinstance(turn.outcome, Selection) and turn.outcome.candidate in offered
        }

    def has_judgement(self) -> bool:
        """Whether the judge has selected in both orders."""
        return len(self.selections()) == 2

    def judge_failed(self) -> bool:
        return len(self.selections()) < len(self.at(self.closing_round, Phase.JUDGE))


_NO_TURNS: Mapping[str, Turn] = {}
_REPLY_KINDS = {
    Phase.DRAFT: Position,
    Phase.PROPOSE: Position,
    Phase.EXCHANGE: Revision,
    Phase.CRITIQUE: CritiqueReply,
    Phase.REVISE: Revision,
    Phase.VOTE: Ballot,
}


def ballot_from(voter: str, position: Position, answer: CandidateId) -> Ballot:
    """The ballot of an agent that votes for its own position."""
    return Ballot(voter, (answer,), frozenset((answer,)), position.confidence)


def _sum_up(turns: Iterable[Turn]) -> tuple[Usage, float]:
    usage, costs = Usage(), []
    for turn in turns:
        usage += turn.usage
        costs.append(turn.cost_usd)
    return usage, math.fsum(costs)


def _answers(standing: Mapping[str, Position]) -> dict[str, CandidateId]:
    return {name: candidate_id(position.answer) for name, position in standing.items()}
