"""What people said, on its way to the agents.

An exchange is shown what waits for it, as much as it has room for: first what those say who steer
the debate, then what the audience suggests, each oldest first. Which these were is written down
when it begins, so a worker that takes the debate up shows the same to those who have not answered
yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from aragora_site.tenancy.scopes import act_for
from debates.engine.budget import prompt_tokens
from debates.engine.types import Ask, Call, Heard, HeardAs, Step
from debates.models import Suggestion
from debates.providers.base import AgentSpec
from debates.services.panels import chain_of

MAX_OFFERED = 5
"""To one exchange."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A suggestion or an intervention to be shown."""

    number: int
    heard: Heard
    apply_at_round: int = 0


def read_suggestions(
    debate_id: UUID, *, tenant: UUID | None, offered_in_round: int | None
) -> list[Waiting]:
    """All that a round was offered, or, for None, that none was. One query."""
    with act_for(tenant):
        rows = Suggestion.objects.filter(debate=debate_id, offered_in_round=offered_in_round)
        found = rows.order_by("number").values_list("number", "text", "kind", "apply_at_round")
        return [
            Waiting(number, Heard(text, HeardAs(kind)), first)
            for number, text, kind, first in found
        ]


def due(waiting: Sequence[Waiting], *, round_number: int) -> list[Waiting]:
    """What the exchange of a round is to be shown, in the order in which it gives way to less."""
    ready = [one for one in waiting if one.apply_at_round <= round_number]
    ready.sort(key=lambda one: (one.heard.kind is HeardAs.SUGGESTION, one.number))
    return ready[:MAX_OFFERED]


def with_suggestions(
    ask: Ask,
    waiting: Sequence[Waiting],
    plan: Callable[[tuple[Heard, ...]], Step],
    specs: Mapping[str, AgentSpec],
) -> tuple[Ask, list[int]]:
    """`ask` with as many of `waiting` as fit the budget and everybody's context, and their
    numbers. `plan` gives the engine's next step with what is heard.

    What people say never ends an exchange that could be held without it, and what is too long keeps
    nothing shorter from being heard."""

    def shown(some: Sequence[Waiting]) -> Ask | None:
        step = plan(tuple(one.heard for one in some))
        if not isinstance(step, Ask) or (step.round, step.phase) != (ask.round, ask.phase):
            return None  # The budget does not suffice for it.
        fits = all(fits_context(call, specs[call.key.agent]) for call in step.calls)
        return step if fits else None

    if step := shown(waiting):
        return step, [one.number for one in waiting]
    taken: list[Waiting] = []
    for one in waiting:
        if step := shown([*taken, one]):
            ask = step
            taken.append(one)
    return ask, [one.number for one in taken]


def fits_context(call: Call, spec: AgentSpec) -> bool:
    """Whether the prompt leaves room for an answer with whoever may be asked."""
    models = [member for member in chain_of(spec) if member.is_language_model]
    if not models:
        return True
    needed = prompt_tokens(call)
    # As `services.fit` has it: what may be written can be as much as the whole context.
    return all(
        needed + min(member.max_output_tokens, member.context_tokens // 4) <= member.context_tokens
        for member in models
    )
