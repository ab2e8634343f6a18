"""What the engine itself costs: a debate of agents that answer at once.

The debate is the longest of its size: the agents never agree and somebody changes an answer in
every round, so that all rounds and the vote are held. Every debate has a question and answers of
its own, so that no cache carries over from one to the next.

Two figures in CPU time, each the median of several runs of the mean over many debates:

- the engine: `next_step` from the first call to the verdict, once for each phase, with agents
  that answer in values; this is what the target is for;
- with words: that, and the prompt of every call, the reading of every answer from text, and the
  convergence of every round.

    python -m loadtests.engine_overhead [--debates N] [--runs N] [--agents N] [--rounds N]

The exit code is 1 when the first figure is above its target.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from statistics import median
from time import process_time

from debates.engine import convergence, planner, prompts, replies
from debates.engine.types import (
    Ask,
    Ballot,
    Call,
    Finish,
    Panelist,
    PeerCritique,
    Phase,
    Position,
    Reply,
    Revision,
    Setup,
    Spent,
    Turn,
)

TARGET_MILLISECONDS = 0.5
REASONING = (
    "The first passage says that the reservoir was filled in spring [1]. "
    "The second gives the outflow for the same weeks [2]. Taken together they leave a difference "
    "that only the new intake explains, and the third passage confirms its date [3]."
)

Answer = Callable[[Call], Reply]


def answer_of(call: Call, debate: int) -> str:
    """One of its own for every agent; another in every second round."""
    return f"Intake {call.key.agent} of basin {debate}, stage {call.key.round % 2}"


def reply_to(call: Call, debate: int) -> Reply:
    """What an agent answers, as a value."""
    position = Position(answer_of(call, debate), REASONING, 0.7, ("[1]", "[2]"))
    if call.key.phase is Phase.DRAFT:
        return position
    if call.key.phase is Phase.EXCHANGE:
        text = "It reads the second passage without its date."
        critiques = tuple(PeerCritique(name, (text,), 0.4, text) for name in call.peer_names)
        return Revision(position, True, "I took the two passages for one year.", critiques)
    ranking = tuple(choice.candidate for choice in call.brief.choices)
    return Ballot(call.key.agent, ranking, frozenset(ranking[:1]), 0.7, "It is dated.")


class Agents:
    """Answer at once: what they take is kept apart from what the engine takes."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def answer(self, call: Call, debate: int) -> Reply:
        """As a value."""
        begun = process_time()
        reply = reply_to(call, debate)
        self.seconds += process_time() - begun
        return reply

    def write(self, call: Call, debate: int) -> Reply:
        """As text, or as a form, that the engine reads."""
        prompts.render(call)
        begun = process_time()
        reply, text, form = reply_to(call, debate), "", None
        if isinstance(reply, Ballot):
            letters = [choice.letter for choice in call.brief.choices]
            form = {
                "reason": reply.reason,
                "ranking": letters,
                "approved": letters[:1],
                "confidence": reply.confidence,
            }
        else:
            text = replies.write(call, reply)
        self.seconds += process_time() - begun
        return replies.parse(call, text, form)


def hold(setup: Setup, debate: int, answer: Callable[[Call, int], Reply], *, measured: bool) -> int:
    """One debate to its end. Returns the number of calls."""
    turns: list[Turn] = []
    while True:
        step = planner.next_step(setup, turns, Spent())
        if not isinstance(step, Ask):
            break
        turns += [Turn(call.key, answer(call, debate)) for call in step.calls]
        if measured and step.phase is not Phase.VOTE:
            convergence.measure(setup, turns, step.round)
    assert isinstance(step, Finish)
    return len(turns)


@dataclass(frozen=True)
class Size:
    debates: int
    agents: int
    rounds: int

    @property
    def calls(self) -> int:
        """Of one debate: drafts, exchanges and ballots."""
        return self.agents * (self.rounds + 2)


def milliseconds(size: Size, run: int, *, everything: bool) -> float:
    """The mean of one run, which no other run shares a question or an answer with."""
    panel = tuple(Panelist(f"agent-{number}", "none") for number in range(size.agents))
    agents = Agents()
    gc.collect()
    begun = process_time()
    for debate in range(run * size.debates, (run + 1) * size.debates):
        setup = Setup(
            question=f"Which intake explains the level of basin {debate}?",
            panel=panel,
            rounds=size.rounds,
            seed=debate,
        )
        answer = agents.write if everything else agents.answer
        calls = hold(setup, debate, answer, measured=everything)
        assert calls == size.calls, f"{calls} calls instead of {size.calls}"
    return (process_time() - begun - agents.seconds) / size.debates * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description="What the engine costs a debate.")
    parser.add_argument("--debates", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    size = Size(options.debates, options.agents, options.rounds)
    milliseconds(size, 0, everything=True)  # warm up
    print(f"{size.agents} agents, {size.rounds} rounds, {options.runs} runs of {size.debates}")
    runs = count(1)

    def figure(*, everything: bool) -> float:
        means = (milliseconds(size, next(runs), everything=everything) for _ in range(options.runs))
        return median(means)

    engine, with_words = figure(everything=False), figure(everything=True)
    print(f"the engine: {engine:.3f} ms of CPU a debate (target {TARGET_MILLISECONDS} ms)")
    print(f"with words: {with_words:.3f} ms of CPU a debate")
    return int(engine > TARGET_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
