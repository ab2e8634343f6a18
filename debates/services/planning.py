"""What a debate may be: a request checked in full, and its panel chosen, before anything is
written."""

import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.models import User

from debates.choices import Visibility
from debates.engine import budget
from debates.engine.protocols import protocol_of
from debates.engine.types import DEFAULT_ROUNDS, DecisionMode, ProtocolName, Setup
from debates.engine.types import Document as EngineDocument
from debates.exceptions import InvalidInput, NotFound
from debates.models import Agent
from debates.models.debate import MAX_QUESTION_LENGTH, MAX_ROUNDS, MIN_ROUNDS
from debates.providers.base import AgentSpec
from debates.services import panels
from debates.services.faults import UNSTORABLE, Faults, check_json_object, check_text, is_storable
from debates.services.fit import fit_setup
from ratelimit.keys import key_behind
from ratelimit.models import Membership, Role, Workspace
from ratelimit.workspaces import get_workspace, personal_workspace

MAX_CONTEXT_LENGTH = 200_000
MAX_DOCUMENTS = 50
MAX_TITLE_LENGTH = 200
MAX_TAGS, MAX_TAG_LENGTH = 20, 50
MAX_METADATA_BYTES = 16_384
MAX_DEADLINE_SECONDS = 86_400
MAX_SEED = 2**53 - 1
"""As far as JavaScript counts exactly."""
MAX_BUDGET_USD = Decimal("999999.9999")
MAX_BUDGET_TOKENS = 10**12
CENTICENT = Decimal("0.0001")
"""What a budget in money is rounded down to."""

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A text to argue from, as it was pasted or uploaded."""

    title: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class NewDebate:
    """What somebody asks for. Nothing in it has been checked."""

    question: str
    context: str = ""
    documents: tuple[NewDocument, ...] = ()
    agents: tuple[str, ...] = ()
    """Names; empty for the default panel."""
    judge: str | None = None
    """A name; None to have one chosen where the decision may need one."""
    protocol: str = ProtocolName.ADAPTIVE.value
    decision: str = DecisionMode.AUTO.value
    rounds: int = DEFAULT_ROUNDS
    budget_usd: Decimal | None = None
    budget_tokens: int | None = None
    deadline_seconds: int | None = None
    seed: int | None = None
    """None for one drawn by lot."""
    visibility: str | None = None
    """None: private to the owner, public without one."""
    workspace: str | None = None
    """Slug or id; None for the owner's own, or that of the API key."""
    title: str = ""
    tags: tuple[str, ...] = ()
    domain: str = "general"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    autostart: bool = True
    use_memory: bool = True
    """Whether the first round is shown what is remembered of earlier debates."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that was found to be right, with its panel."""

    panel: tuple[AgentSpec, ...]
    judge: AgentSpec | None
    setup: Setup
    """What the engine will be told."""
    documents: tuple[NewDocument, ...]
    """Those given, all with a title; never the corpus."""
    visibility: Visibility
    workspace: Workspace | None
    """None: the owner's own, or none without an owner."""
    budget_usd: Decimal | None
    tags: tuple[str, ...]
    domain: str


class Background:
    """What is looked up to check what a person asks for: once, for all that they ask together."""

    def __init__(self, owner: User | None) -> None:
        self.owner = owner
        self._memberships: dict[str, Membership] = {}

    @cached_property
    def roster(self) -> panels.Roster:
        return panels.Roster.load()

    @cached_property
    def own_workspace(self) -> Workspace | None:
        """The owner's, made when it is first needed; None without an owner."""
        return personal_workspace(self.owner) if self.owner else None

    @cached_property
    def _corpus(self) -> tuple[EngineDocument, ...]:
        return panels.shipped_corpus()

    def corpus_for(self, panel: Iterable[AgentSpec]) -> tuple[EngineDocument, ...]:
        return self._corpus if panels.needs_corpus(panel) else ()

    def membership(self, reference: str) -> Membership:
        """Raises `NotFound`."""
        if reference not in self._memberships:
            self._memberships[reference] = get_workspace(user=self.owner, reference=reference)
        return self._memberships[reference]


def plan_debate(
    *, request: NewDebate, owner: User | None, background: Background | None = None
) -> Plan:
    """Check the request and choose its panel, without writing. Raises `InvalidInput`."""
    background = background or Background(owner)
    faults = Faults()
    _check_texts(faults, request)
    _check_documents(faults, request)
    protocol = read_word(faults, "protocol", ProtocolName, request.protocol)
    decision = read_word(faults, "decision", DecisionMode, request.decision)
    check_figures(faults, request)
    visibility = _visibility(faults, request, owner)
    workspace = _workspace(faults, request, background)
    roster = background.roster
    members = choose_panel(faults, request, roster)
    presiding = _judge(faults, request, roster, members)
    if request.budget_usd is not None:
        _check_prices(faults, roster, [*members, *([presiding] if presiding else [])])
    faults.raise_any()
    panel = tuple(map(roster.snapshot, members))
    judge = roster.snapshot(presiding) if presiding else None
    documents, budget_usd = _documents(request), _budget_usd(request)
    setup = Setup(
        question=request.question.strip(),
        panel=tuple(map(panels.panelist_of, panel)),
        judge=panels.panelist_of(judge) if judge else None,
        context=request.context.strip(),
        documents=_numbered(documents) or background.corpus_for(panel),
        protocol=protocol,
        decision=decision,
        rounds=request.rounds,
        seed=secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed,
        budget_tokens=request.budget_tokens,
        budget_usd=None if budget_usd is None else float(budget_usd),
        deadline_seconds=request.deadline_seconds,
    )
    try:
        specs = (*panel, *([judge] if judge else []))
        fit_setup(setup=setup, specs=chain.from_iterable(map(panels.chain_of, specs)))
    except InvalidInput as error:
        faults.extend(error, field="documents")
    _check_budgets(faults, setup)
    faults.raise_any()
    return Plan(
        panel=panel,
        judge=judge,
        setup=setup,
        documents=documents,
        visibility=visibility,
        workspace=workspace,
        budget_usd=budget_usd,
        tags=clean_tags(request.tags),
        domain=_domain(request),
    )


def _check_texts(faults: Faults, request: NewDebate) -> None:
    if not request.question.strip():
        faults.add("question", "Ask a question.")
    check_text(faults, "question", request.question.strip(), longest=MAX_QUESTION_LENGTH)
    check_text(faults, "context", request.context, longest=MAX_CONTEXT_LENGTH)
    check_text(faults, "title", request.title.strip(), longest=MAX_TITLE_LENGTH)
    check_text(faults, "domain", request.domain.strip(), longest=64)
    check_tags(faults, clean_tags(request.tags))
    check_json_object(faults, "metadata", request.metadata, longest=MAX_METADATA_BYTES)


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags without blanks around them, each once, in order."""
    return tuple(dict.fromkeys(tag for tag in map(str.strip, tags) if tag))


def check_tags(faults: Faults, tags: Sequence[str]) -> None:
    """The tags are not too many, and each fits and can be stored."""
    if len(tags) > MAX_TAGS:
        faults.add("tags", f"Use at most {MAX_TAGS} tags; these are {len(tags)}.")
    for tag in tags[:MAX_TAGS]:
        check_text(faults, "tags", tag, longest=MAX_TAG_LENGTH)


def _check_documents(faults: Faults, request: NewDebate) -> None:
    if len(request.documents) > MAX_DOCUMENTS:
        faults.add(
            "documents",
            f"Give at most {MAX_DOCUMENTS} documents; these are {len(request.documents)}.",
        )
    for number, document in enumerate(request.documents[:MAX_DOCUMENTS], start=1):
        if not document.text.strip():
            faults.add("documents", f"Document {number} is empty.")
        elif not is_storable(document.text):
            faults.add("documents", f"Document {number}: {UNSTORABLE}")
        check_text(faults, "documents", document.title.strip(), longest=200)
        check_text(faults, "documents", document.source, longest=300)


def check_figures(faults: Faults, request: NewDebate) -> None:
    """Rounds, budgets, deadline and seed are within their bounds."""
    if not MIN_ROUNDS <= request.rounds <= MAX_ROUNDS:
        faults.add("rounds", f"Use {MIN_ROUNDS} to {MAX_ROUNDS} rounds.")
    money = request.budget_usd
    if money is not None and (not money.is_finite() or not CENTICENT <= money <= MAX_BUDGET_USD):
        faults.add("budget_usd", f"Use an amount from {CENTICENT} to {MAX_BUDGET_USD} dollars.")
    tokens = request.budget_tokens
    if tokens is not None and not 0 < tokens <= MAX_BUDGET_TOKENS:
        faults.add("budget_tokens", f"Use 1 to {MAX_BUDGET_TOKENS:,} tokens.")
    deadline = request.deadline_seconds
    if deadline is not None and not 0 < deadline <= MAX_DEADLINE_SECONDS:
        faults.add("deadline_seconds", f"Use 1 to {MAX_DEADLINE_SECONDS:,} seconds.")
    if request.seed is not None and not 0 <= request.seed <= MAX_SEED:
        faults.add("seed", f"Use a whole number from 0 to {MAX_SEED}.")


def read_word(faults: Faults, field: str, words: type[Word], value: str) -> Word:
    """The word that `value` names; when there is none, a fault, and the first word as a stand-in
    so that the other fields can be checked."""
    try:
        return words(value)
    except ValueError:
        faults.add(field, f"Use one of {', '.join(words)}.")
        return next(iter(words))


def _visibility(faults: Faults, request: NewDebate, owner: User | None) -> Visibility:
    if request.visibility is None:
        return Visibility.PUBLIC if owner is None else Visibility.PRIVATE
    try:
        visibility = Visibility(request.visibility)
    except ValueError:
        faults.add("visibility", f"Use one of {', '.join(Visibility.values)}.")
        return Visibility.PUBLIC
    if owner is None and visibility is not Visibility.PUBLIC:
        faults.add("visibility", f"Sign in to start a {visibility} debate, or make it public.")
    return visibility


def _workspace(faults: Faults, request: NewDebate, background: Background) -> Workspace | None:
    """The one that is meant; None for the owner's own."""
    key = key_behind(background.owner)
    reference = request.workspace
    if not reference:
        if key is None or key.workspace_id is None:
            return None
        reference = str(key.workspace_id)
    if background.owner is None:
        faults.add("workspace", "Sign in to start a debate in a workspace.")
        return None
    try:
        membership = background.membership(reference)
    except NotFound as error:
        faults.add("workspace", str(error))
        return None
    if membership.role == Role.VIEWER:
        faults.add("workspace", "You may only read in this workspace.")
    return membership.workspace


def choose_panel(faults: Faults, request: NewDebate, roster: panels.Roster) -> tuple[Agent, ...]:
    """Those who are named, or the default panel, in the order of names."""
    names = tuple(name.strip().lower() for name in request.agents)
    if not names:
        panel = panels.default_panel(roster.ready())
        if len(panel) < panels.LEAST_PANEL_SIZE:
            faults.add("agents", "Enable at least two agents that need no key or have theirs.")
        return panel
    most = settings.ARAGORA.max_agents_per_debate
    if len(names) > most:
        faults.add("agents", f"Name at most {most} agents; these are {len(names)}.")
        return ()
    if len(set(names)) < len(names):
        faults.add("agents", "Name each agent once.")
    for name in dict.fromkeys(names):
        if reason := roster.why_not(name):
            faults.add("agents", reason)
    if len(names) < panels.LEAST_PANEL_SIZE:
        faults.add("agents", f"Name at least {panels.LEAST_PANEL_SIZE} agents.")
    return roster.ready(names)


def _judge(
    faults: Faults, request: NewDebate, roster: panels.Roster, panel: tuple[Agent, ...]
) -> Agent | None:
    name = (request.judge or "").strip().lower()
    if request.decision not in (DecisionMode.JUDGE, DecisionMode.AUTO):
        if name and not faults.about("decision"):
            faults.add("judge", "Name a judge only with the decision judge or auto.")
        return None
    if not name:
        return panels.choose_judge(panel, roster.ready())
    if reason := roster.why_not(name):
        faults.add("judge", reason)
    elif any(agent.name == name for agent in panel):
        faults.add("judge", "Name a judge from outside the panel.")
    return next(iter(roster.ready([name])), None)


def _check_prices(faults: Faults, roster: panels.Roster, agents: Iterable[Agent]) -> None:
    """A cap on money holds only where prices are known, those of fallbacks too."""
    asked = dict.fromkeys(chain.from_iterable(map(roster.chain, agents)))
    unpriced = [agent.name for agent in asked if panels.price_of(agent) is None]
    if unpriced:
        faults.add(
            "budget_usd",
            f"The price of {', '.join(unpriced)} is not known: enter it with the agent, or set a "
            "budget in tokens.",
        )


def _check_budgets(faults: Faults, setup: Setup) -> None:
    """Each budget pays for a first answer of every agent, as long as it may be: the least that
    the engine can come to a verdict with."""
    opening = protocol_of(setup).shortest()[0]
    least = budget.most_of_phase(setup, opening)
    tokens = sum(usage.total for _, usage in least)
    if setup.budget_tokens is not None and setup.budget_tokens < tokens:
        faults.add(
            "budget_tokens",
            f"A first answer of every agent may take {tokens:,} tokens: raise the budget, or "
            "choose fewer agents or shorter documents.",
        )
    cost = math.fsum(who.price.cost(usage) for who, usage in least)
    if setup.budget_usd is not None and setup.budget_usd < cost:
        cents = Decimal(cost).quantize(CENTICENT, rounding=ROUND_UP)
        faults.add(
            "budget_usd",
            f"A first answer of every agent may cost ${cents}: raise the budget, or choose fewer "
            "or cheaper agents or shorter documents.",
        )


def _documents(request: NewDebate) -> tuple[NewDocument, ...]:
    return tuple(
        replace(document, title=document.title.strip() or f"Document {number}")
        for number, document in enumerate(request.documents, start=1)
    )


def _numbered(documents: tuple[NewDocument, ...]) -> tuple[EngineDocument, ...]:
    return tuple(
        EngineDocument(number, document.title, document.text)
        for number, document in enumerate(documents, start=1)
    )


def _budget_usd(request: NewDebate) -> Decimal | None:
    money = request.budget_usd
    return None if money is None else money.quantize(CENTICENT, rounding=ROUND_DOWN)


def _domain(request: NewDebate) -> str:
    return request.domain.strip().lower() or "general"
