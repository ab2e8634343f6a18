"""Debates as hypothesis draws them: panels, rules, and agents that answer by the hash of their
call, so that what an agent says does not depend on when it is asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from debates.engine.budget import worst_case
from debates.engine.types import (
    Ballot,
    Call,
    CandidateId,
    CritiqueReply,
    DecisionMode,
    Document,
    Failure,
    Panelist,
    PeerCritique,
    Phase,
    Position,
    Price,
    ProtocolName,
    Reply,
    Revision,
    Selection,
    Setup,
    Usage,
)
from tests.engine.panel import NAMES

SECRET = "words of a call that failed"
ABSTENTIONS = ("The documents do not say.", "I don't know.", "Unknown")
ANSWERS = ("Nile", "Amazon", "Yangtze", "Po")


@dataclass(frozen=True)
class Agents:
    """Answer every call, or fail, as `seed` and the call have it."""

    seed: int
    failing: float
    """The share of calls that fail."""
    wavering: float
    """The share of revisions that change the answer."""
    choices: int
    """How many different answers there are."""
    abstaining: float = 0.0
    """The share of positions that give no answer."""

    def __call__(self, call: Call) -> Reply | Failure:
        chance = random.Random(f"{self.seed}:{call.key}")
        if chance.random() < self.failing:
            return Failure("server_failed", SECRET)
        return self._reply(call, chance)

    def _reply(self, call: Call, chance: random.Random) -> Reply:
        name = call.key.agent
        answer = chance.choice(ANSWERS[: self.choices])
        if chance.random() < self.abstaining:
            answer = chance.choice(ABSTENTIONS)
        position = Position(answer, f"{name} reasons.", chance.random())
        match call.key.phase:
            case Phase.DRAFT | Phase.PROPOSE:
                return position
            case Phase.EXCHANGE | Phase.REVISE:
                own = call.brief.own
                assert own is not None
                if chance.random() >= self.wavering:
                    return Revision(own, changed=False)
                step = chance.choice(["", "I misread the map."])
                return Revision(position, answer != own.answer, step)
            case Phase.CRITIQUE:
                target = call.peer_names[0]
                return CritiqueReply(PeerCritique(target, ("Weak.",), chance.random(), "Weak."))
            case Phase.VOTE:
                return self._ballot(call, chance)
            case Phase.JUDGE:
                return Selection(chance.choice(offered(call)))

    def _ballot(self, call: Call, chance: random.Random) -> Ballot:
        # Drawn from the sorted candidates: letters and their order must not matter.
        ranking = offered(call)
        chance.shuffle(ranking)
        length = chance.randint(0, len(ranking))
        approved = frozenset(chance.sample(ranking, chance.randint(0, len(ranking))))
        return Ballot(call.key.agent, tuple(ranking[:length]), approved, chance.random())


def offered(call: Call) -> list[CandidateId]:
    return sorted(choice.candidate for choice in call.brief.choices)


agents = st.builds(
    Agents,
    seed=st.integers(0, 2**32),
    failing=st.sampled_from([0.0, 0.0, 0.1, 0.3]),
    wavering=st.sampled_from([0.0, 0.3, 0.8]),
    choices=st.integers(1, len(ANSWERS)),
    abstaining=st.sampled_from([0.0, 0.0, 0.3, 0.7]),
)
prices = st.builds(Price, st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([0.0, 2.0, 15.0]))
judges = st.none() | st.builds(Panelist, st.just("judy"), st.just("other"), price=prices)


@st.composite
def setups(draw: st.DrawFn, *, limited: bool = False) -> Setup:
    """Any debate; `limited` ones have budgets."""
    panel = tuple(
        Panelist(
            name, "test", max_output_tokens=draw(st.sampled_from([64, 256])), price=draw(prices)
        )
        for name in NAMES[: draw(st.integers(2, 6))]
    )
    return Setup(
        question=draw(st.sampled_from(["What is 2 + 2?", "Who was it?", "Should we go?"])),
        panel=panel,
        judge=draw(judges),
        documents=(Document(1, "Report", "word " * draw(st.integers(1, 50))),),
        protocol=draw(st.sampled_from(ProtocolName)),
        decision=draw(st.sampled_from(DecisionMode)),
        rounds=draw(st.integers(1, 4)),
        seed=draw(st.integers(0, 2**53 - 1)),
        budget_tokens=draw(st.none() | st.integers(1, 40_000)) if limited else None,
        budget_usd=draw(st.none() | st.floats(0.0001, 0.2)) if limited else None,
    )


def everything(setup: Setup) -> Callable[[Call], Usage]:
    """What a call uses when it uses all that it may."""
    who = {one.name: one for one in (*setup.panel, *([setup.judge] if setup.judge else []))}
    return lambda call: worst_case(call, who[call.key.agent])
