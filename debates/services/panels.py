"""Panels: who sits on one, how it is kept with a debate, and what the engine is told of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, zip_longest
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from aragora_site.bulk import select_rows
from aragora_site.kept import kept
from debates.engine.types import DecisionMode, Panelist, Price, ProtocolName, Setup
from debates.engine.types import Document as EngineDocument
from debates.models import Agent, Debate, Document
from debates.providers.addresses import key_in
from debates.providers.base import AgentSpec

DEFAULT_PANEL_SIZE = 3
LEAST_PANEL_SIZE = 2
"""The smallest quorum, max(2, ⌈n/2⌉): with fewer there is nobody to disagree with."""

_PLAIN_FIELDS = tuple(
    name for name in AgentSpec.__dataclass_fields__ if name not in {"price", "fallback"}
)

# --- Snapshots ---------------------------------------------------------------------------------


def spec_to_json(spec: AgentSpec) -> dict[str, Any]:
    """The form in which `Debate.panel` and `Debate.judge` hold an agent."""
    return {
        **{name: getattr(spec, name) for name in _PLAIN_FIELDS},
        "price": asdict(spec.price),
        "fallback": spec_to_json(spec.fallback) if spec.fallback else None,
    }


def spec_from_json(data: Mapping[str, Any]) -> AgentSpec:
    """The reverse of `spec_to_json`."""
    fields = dict(data)
    fields["price"] = Price(**fields["price"])
    fields["fallback"] = spec_from_json(fields["fallback"]) if fields["fallback"] else None
    return AgentSpec(**fields)


def specs_of(debate: Debate) -> tuple[AgentSpec, ...]:
    """The panel as it was chosen, in the order of names."""
    return tuple(spec_from_json(data) for data in debate.panel)


def judge_of(debate: Debate) -> AgentSpec | None:
    """The judge as it was chosen; None for a debate without one."""
    return spec_from_json(debate.judge) if debate.judge else None


def prices_known(debate: Debate) -> bool:
    """Whether it was known, when the panel was chosen, what each costs who may be asked."""
    specs = [*debate.panel, *([debate.judge] if debate.judge else [])]
    while specs:
        # Debates from before this was kept say nothing of it.
        if not all(spec.get("price_known", True) for spec in specs):
            return False
        specs = [spec["fallback"] for spec in specs if spec.get("fallback")]
    return True


def price_of(agent: Agent) -> Price | None:
    """What the operator entered; for what is left empty, the published price of the model. None
    when nobody has published one."""
    if not agent.is_language_model:
        return Price()
    if agent.input_price is not None and agent.output_price is not None:
        return Price(float(agent.input_price), float(agent.output_price))
    # The price list is large; processes that never make a panel do without it.
    from debates.providers import pricing

    published = pricing.price_of(
        provider=agent.provider, model=agent.model, base_url=agent.base_url
    )
    if published is None:
        return None
    return Price(
        published.input_per_million if agent.input_price is None else float(agent.input_price),
        published.output_per_million if agent.output_price is None else float(agent.output_price),
    )


def _snapshot(agent: Agent, fallback: AgentSpec | None) -> AgentSpec:
    price = price_of(agent)
    return AgentSpec(
        name=agent.name,
        provider=agent.provider,
        model=agent.model,
        base_url=agent.base_url,
        api_key_variable=agent.api_key_variable,
        family=agent.family_or_model,
        persona=agent.persona,
        temperature=agent.temperature,
        max_output_tokens=agent.max_output_tokens,
        context_tokens=agent.context_tokens,
        price=price or Price(),
        price_known=price is not None,
        is_language_model=agent.is_language_model,
        rated=agent.rated,
        fallback=fallback,
    )


# --- Choosing ----------------------------------------------------------------------------------


@kept
def _everybody() -> QuerySet[Agent]:
    return Agent.objects.order_by("name")


class Roster:
    """All agents there are, as one query found them."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        self._by_name = {agent.name: agent for agent in agents}
        self._by_id = {agent.pk: agent for agent in self._by_name.values()}

    @classmethod
    def load(cls) -> "Roster":
        return cls(_everybody.objects())

    def why_not(self, name: str) -> str:
        """Why nobody of that name can be asked, in a sentence; empty when somebody can."""
        agent = self._by_name.get(name)
        if agent is None:
            return f"There is no agent “{name[:64].encode(errors='replace').decode()}”."
        if not agent.enabled:
            return f"The agent “{name}” is disabled."
        if not has_key(agent):
            return f"The agent “{name}” has no key: set {agent.api_key_variable}."
        return ""

    def ready(self, names: Iterable[str] | None = None) -> tuple[Agent, ...]:
        """Those of `names`, or of all, who can be asked, in the order of names."""
        chosen = self._by_name if names is None else self._by_name.keys() & set(names)
        return tuple(self._by_name[name] for name in sorted(chosen) if not self.why_not(name))

    def chain(self, agent: Agent) -> list[Agent]:
        """The agent, then whoever is asked when it fails. A fallback that is disabled or without
        its key ends the chain, and so does one that would close a circle."""
        chain = [agent]
        while fallback := self._by_id.get(chain[-1].fallback_id or 0):
            if fallback in chain or not fallback.enabled or not has_key(fallback):
                break
            chain.append(fallback)
        return chain

    def snapshot(self, agent: Agent) -> AgentSpec:
        """The agent as it is now, with today's prices and its fallbacks."""
        fallback: AgentSpec | None = None
        first, *others = self.chain(agent)
        for member in reversed(others):
            fallback = _snapshot(member, fallback)
        return _snapshot(first, fallback)


def has_key(agent: Agent) -> bool:
    """Whether the environment holds the key that the agent needs, if it needs one."""
    return not agent.api_key_variable or bool(key_in(agent.api_key_variable))


def default_panel(agents: Iterable[Agent]) -> tuple[Agent, ...]:
    """Whom to ask when nobody was named, out of the agents that can be asked.

    Up to three language models, of as many families as there are, and then of as many models: what
    a debate gains comes from agents that really differ (arXiv 2502.08788), and personas of one
    model hardly do. With fewer than two, the extractive agents; the
    two kinds are never mixed."""
    agents = tuple(agents)
    panel = _as_different_as_possible(agent for agent in agents if agent.is_language_model)
    if len(panel) < LEAST_PANEL_SIZE:
        panel = _as_different_as_possible(agent for agent in agents if not agent.is_language_model)
    return _by_name(panel[:DEFAULT_PANEL_SIZE])


def first_choice(names: Sequence[str], roster: Roster) -> list[str]:
    """Those of `names` who can be asked; the default panel where they are too few."""
    chosen = roster.ready(names)
    if len(chosen) < LEAST_PANEL_SIZE:
        chosen = default_panel(roster.ready())
    return [agent.name for agent in chosen]


def choose_judge(panel: Sequence[Agent], agents: Iterable[Agent]) -> Agent | None:
    """A judge from outside the panel, of a family that is not on it if possible.

    Of the panel's own kind: a debate among extractive agents does not begin to cost money, and an
    extractive agent does not judge language models. None when nobody is left."""
    names = {agent.name for agent in panel}
    families = {agent.family_or_model for agent in panel}
    models = any(agent.is_language_model for agent in panel)
    outside = (
        agent for agent in agents if agent.name not in names and agent.is_language_model == models
    )
    return min(
        outside, key=lambda agent: (agent.family_or_model in families, agent.name), default=None
    )


def _as_different_as_possible(agents: Iterable[Agent]) -> list[Agent]:
    """First one of each model, then the second of those that have several, and so on; each time
    one of each family in turn, by name within a family."""
    models: dict[tuple[str, str], list[Agent]] = {}
    for agent in _by_name(agents):
        models.setdefault((agent.family_or_model, agent.model), []).append(agent)
    found: list[Agent] = []
    for equals in zip_longest(*models.values()):
        families: dict[str, list[Agent]] = {}
        for agent in _by_name(agent for agent in equals if agent is not None):
            families.setdefault(agent.family_or_model, []).append(agent)
        turns = chain.from_iterable(zip_longest(*(families[name] for name in sorted(families))))
        found += [agent for agent in turns if agent is not None]
    return found


def _by_name(agents: Iterable[Agent]) -> tuple[Agent, ...]:
    return tuple(sorted(agents, key=lambda agent: agent.name))


# --- For the engine ----------------------------------------------------------------------------


def panelist_of(spec: AgentSpec) -> Panelist:
    """What the protocol may know of an agent. The price is the highest that a call can come to,
    whichever of its fallbacks answers, so that budgets hold."""
    prices = [member.price for member in chain_of(spec)]
    return Panelist(
        name=spec.name,
        family=spec.family,
        persona=spec.persona,
        is_language_model=spec.is_language_model,
        max_output_tokens=spec.max_output_tokens,
        price=Price(
            max(price.input_per_million for price in prices),
            max(price.output_per_million for price in prices),
        ),
    )


def chain_of(spec: AgentSpec) -> list[AgentSpec]:
    """The agent and its fallbacks, in the order in which they are asked."""
    chain = [spec]
    while chain[-1].fallback is not None:
        chain.append(chain[-1].fallback)
    return chain


def corpus_for(panel: Iterable[AgentSpec]) -> tuple[EngineDocument, ...]:
    """What a debate without documents argues from: the shipped corpus when somebody on the panel
    can argue from documents only, otherwise nothing."""
    return shipped_corpus() if needs_corpus(panel) else ()


def needs_corpus(panel: Iterable[AgentSpec]) -> bool:
    """Whether somebody on the panel can argue from documents only."""
    return not all(spec.is_language_model for spec in panel)


def shipped_corpus() -> tuple[EngineDocument, ...]:
    """One query."""
    rows = Document.objects.filter(debate=None).order_by("number")
    return tuple(EngineDocument(row.number, row.title, row.text) for row in rows)


def build_setup(debate: Debate) -> Setup:
    """The debate as the engine sees it. One query, or two when the corpus is needed."""
    panel = specs_of(debate)
    judge = judge_of(debate)
    return Setup(
        question=debate.question,
        panel=tuple(panelist_of(spec) for spec in panel),
        judge=panelist_of(judge) if judge else None,
        context=debate.context,
        documents=_documents(debate.pk) or corpus_for(panel),
        protocol=ProtocolName(debate.protocol),
        decision=DecisionMode(debate.decision),
        rounds=debate.rounds,
        seed=debate.seed,
        budget_tokens=debate.budget_tokens,
        budget_usd=None if debate.budget_usd is None else float(debate.budget_usd),
        deadline_seconds=debate.deadline_seconds,
    )


def _documents(debate_id: UUID) -> tuple[EngineDocument, ...]:
    rows = select_rows(
        Document, ("number", "title", "text"), {"debate_id": debate_id}, order_by=("number",)
    )
    return tuple(EngineDocument(*row) for row in rows)
