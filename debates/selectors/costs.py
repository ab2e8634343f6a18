"""What a debate has used, by agent, model and round."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypedDict

from debates.models import Debate, UsageRecord
from debates.services.panels import prices_known


class Spending(TypedDict):
    """The model calls of one name."""

    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Costs:
    """All model calls of a debate, those that came to nothing included."""

    total_tokens: int
    total_cost_usd: float
    estimated: bool
    """Some figures were counted here, not told by a server."""
    cost_known: bool
    """False: somebody who may be asked has no price, so that the costs may be higher."""
    by_agent: list[Spending]
    by_model: list[Spending]
    by_round: list[Spending]


def debate_costs(debate: Debate) -> Costs:
    """One query."""
    records = list(UsageRecord.objects.filter(debate=debate).order_by("created_at", "id"))
    return Costs(
        total_tokens=sum(record.input_tokens + record.output_tokens for record in records),
        total_cost_usd=float(sum(record.cost_usd for record in records)),
        estimated=any(record.estimated for record in records),
        cost_known=prices_known(debate),
        by_agent=_grouped(records, lambda record: record.agent),
        by_model=_grouped(records, lambda record: record.model or record.provider),
        # A call is named by its key, which begins with the round.
        by_round=_grouped(records, lambda record: record.call.partition(":")[0]),
    )


def _grouped(
    records: Iterable[UsageRecord], name_of: Callable[[UsageRecord], str]
) -> list[Spending]:
    groups: dict[str, list[UsageRecord]] = {}
    for record in records:
        groups.setdefault(name_of(record), []).append(record)
    return [
        Spending(
            name=name,
            calls=len(group),
            input_tokens=sum(record.input_tokens for record in group),
            output_tokens=sum(record.output_tokens for record in group),
            tokens=sum(record.input_tokens + record.output_tokens for record in group),
            cost_usd=float(sum(record.cost_usd for record in group)),
        )
        for name, group in sorted(groups.items())
    ]
