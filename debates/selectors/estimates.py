"""What a debate of a certain size may cost, before there is a question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice

from debates.engine.estimate import estimate
from debates.engine.types import Estimate, Panelist, Setup
from debates.exceptions import InvalidInput
from debates.models import Agent
from debates.services.panels import Roster, chain_of, default_panel, panelist_of

USUAL_QUESTION = "What should we do, and what speaks against it? " * 5
"""As long as questions are; its length is what counts."""


@dataclass(frozen=True, slots=True)
class SizedEstimate:
    """An estimate, and the agents that it was made with."""

    agents: tuple[str, ...]
    """One for each seat; a name comes again where there are fewer agents than seats."""
    estimate: Estimate
    unpriced: tuple[str, ...] = ()
    """Agents whose price nobody knows; the estimate takes them to cost nothing."""


def estimate_size(
    *, seats: int, rounds: int, names: Sequence[str] = (), question: str = ""
) -> SizedEstimate:
    """What a debate of so many seats and rounds may use.

    `names` are of agents or of models; without any it is the default panel. Where they are fewer
    than the seats, they sit down again. Raises `InvalidInput` for a name that nobody has."""
    agents = tuple(islice(cycle(_asked(names)), seats))
    roster = Roster(agents)
    specs = [roster.snapshot(agent) for agent in agents]
    panel = tuple(_seated(panelist_of(spec), seat) for seat, spec in enumerate(specs, start=1))
    setup = Setup(question=question.strip() or USUAL_QUESTION, panel=panel, rounds=rounds)
    links = chain.from_iterable(map(chain_of, specs))
    return SizedEstimate(
        agents=tuple(agent.name for agent in agents),
        estimate=estimate(setup),
        unpriced=tuple(dict.fromkeys(link.name for link in links if not link.price_known)),
    )


def _seated(panelist: Panelist, seat: int) -> Panelist:
    """The engine wants every name once."""
    return replace(panelist, name=f"{panelist.name} {seat}")


def _asked(names: Sequence[str]) -> tuple[Agent, ...]:
    ready = Roster.load().ready()
    if not names:
        if panel := default_panel(ready):
            return panel
        message = "No agent can be asked: enable one, or give it its key."
        raise InvalidInput(message, fields=(("num_agents", message),))
    found = []
    for name in names:
        word = name.strip().lower()
        agent = next((one for one in ready if word in {one.name, one.model.lower()}), None)
        if agent is None:
            shown = name[:64].encode(errors="replace").decode()
            message = f"No agent that can be asked has the name or the model “{shown}”."
            raise InvalidInput(message, fields=(("model_types", message),))
        found.append(agent)
    return tuple(found)
