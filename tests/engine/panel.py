"""Panels whose members answer by a script, and debates held with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from debates.engine.planner import next_step
from debates.engine.positions import candidate_id
from debates.engine.types import (
    Ask,
    Ballot,
    Call,
    CallKey,
    CritiqueReply,
    Fail,
    Failure,
    Finish,
    Panelist,
    PeerCritique,
    Phase,
    Position,
    Reply,
    Revision,
    Selection,
    Setup,
    Spent,
    Step,
    Turn,
    Usage,
    Verdict,
)

FAILURE = Failure("server_failed", "The server answered 500.")
NAMES = ("ada", "ben", "cem", "dora", "eli", "fay", "gil", "hana", "ivo", "june")
LONGEST_DEBATE = 1000


def panelists(count: int, **fields: Any) -> tuple[Panelist, ...]:
    return tuple(Panelist(name, family="test", **fields) for name in NAMES[:count])


def setup_of(count: int = 3, **fields: Any) -> Setup:
    """A debate of `count` agents: ada, ben, cem, …"""
    fields.setdefault("question", "Which river is the longest?")
    fields.setdefault("panel", panelists(count))
    return Setup(**fields)


JUDGE = Panelist("judy", family="other")


@dataclass(frozen=True)
class Move:
    """A change of answer, with the step that was wrong; without one it is unreasoned."""

    answer: str
    step: str = ""


@dataclass
class Script:
    """What agents say. Who is not in a mapping keeps to what it said before; who has a `Failure`
    fails."""

    drafts: Mapping[str, str | Failure]
    moves: Mapping[tuple[str, int], Move | Failure] = field(default_factory=dict)
    """By agent and round."""
    votes: Mapping[str, Sequence[str] | Failure] = field(default_factory=dict)
    """Rankings of answers; by default an agent's own answer, then the others by their ids."""
    selections: Mapping[str, str | Failure] = field(default_factory=dict)
    """The judge's, by part."""
    critiques: Mapping[tuple[str, int], Failure] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)

    def __call__(self, call: Call) -> Reply | Failure:
        name, number = call.key.agent, call.key.round
        match call.key.phase:
            case Phase.DRAFT | Phase.PROPOSE:
                said = self.drafts[name]
                if isinstance(said, Failure):
                    return said
                self.standing[name] = said
                return Position(said, f"{name} reasons.", 0.7)
            case Phase.EXCHANGE | Phase.REVISE:
                return self._revise(call, self.moves.get((name, number)))
            case Phase.CRITIQUE:
                target = call.peer_names[0]
                critique = PeerCritique(target, ("Unproven.",), 0.5, f"{name} doubts {target}.")
                return self.critiques.get((name, number)) or CritiqueReply(critique)
            case Phase.VOTE:
                return self._vote(call)
            case Phase.JUDGE:
                said = self.selections[call.key.part]
                return said if isinstance(said, Failure) else Selection(candidate_id(said), "Best.")

    def _revise(self, call: Call, move: Move | Failure | None) -> Reply | Failure:
        if isinstance(move, Failure):
            return move
        own = call.brief.own
        assert own is not None
        critiques = tuple(PeerCritique(one, ("Weak.",), 0.4, "Weak.") for one in call.peer_names)
        if move is None:
            return Revision(own, False, "", critiques)
        self.standing[call.key.agent] = move.answer
        position = Position(move.answer, f"{call.key.agent} reasons anew.", 0.6)
        return Revision(position, move.answer != own.answer, move.step, critiques)

    def _vote(self, call: Call) -> Reply | Failure:
        said = self.votes.get(call.key.agent)
        if isinstance(said, Failure):
            return said
        offered = sorted(choice.candidate for choice in call.brief.choices)
        if said is None:
            own = candidate_id(self.standing.get(call.key.agent, ""))
            ranking = tuple(sorted(offered, key=lambda one: (one != own, one)))
        else:
            ranking = tuple(candidate_id(answer) for answer in said)
        return Ballot(call.key.agent, ranking, frozenset(ranking[:1]), 0.7, "The best argued.")


@dataclass
class Held:
    """A debate that is over."""

    setup: Setup
    step: Finish | Fail
    turns: list[Turn]
    asks: list[Ask]

    @property
    def verdict(self) -> Verdict:
        assert isinstance(self.step, Finish), self.step
        return self.step.verdict

    @property
    def failure(self) -> Fail:
        assert isinstance(self.step, Fail), self.step
        return self.step

    def phases(self) -> list[tuple[int, Phase]]:
        """Rounds and phases in the order in which they were asked for."""
        return [(ask.round, ask.phase) for ask in self.asks]

    def calls(self, phase: Phase) -> list[Call]:
        return [call for ask in self.asks if ask.phase is phase for call in ask.calls]


def spend(turns: Iterable[Turn], **fields: Any) -> Spent:
    """What the turns have used, and what else is given."""
    used = Usage()
    cost = 0.0
    for turn in turns:
        used += turn.usage
        cost += turn.cost_usd
    return Spent(used, cost, **fields)


def hold(
    setup: Setup,
    answer: Callable[[Call], Reply | Failure],
    *,
    turns: Sequence[Turn] = (),
    usage: Callable[[Call], Usage] = lambda call: Usage(),
    spent: Callable[[list[Turn]], Spent] = spend,
) -> Held:
    """A debate to its end, from `turns` on."""
    prices = {panelist.name: panelist.price for panelist in setup.panel}
    if setup.judge:
        prices[setup.judge.name] = setup.judge.price
    done, asks = list(turns), list[Ask]()
    while isinstance(step := next_step(setup, done, spent(done)), Ask):
        asks.append(step)
        for call in step.calls:
            used = usage(call)
            cost = prices[call.key.agent].cost(used)
            done.append(Turn(call.key, answer(call), "words", used, cost))
        assert len(done) < LONGEST_DEBATE
    return Held(setup, step, done, asks)


def next_of(setup: Setup, turns: Sequence[Turn], **fields: Any) -> Step:
    return next_step(setup, turns, spend(turns, **fields))


def drafted(**answers: str | Failure) -> list[Turn]:
    """The turns of blind drafts."""
    return [
        Turn(
            CallKey(0, Phase.DRAFT, name),
            answer if isinstance(answer, Failure) else Position(answer, f"{name} reasons.", 0.7),
        )
        for name, answer in answers.items()
    ]
