"""Rows with valid defaults. alice owns, bob is a team-mate, charlie is a stranger."""

from collections.abc import Iterable
from functools import cache
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from debates.choices import (
    TERMINAL_STATUSES,
    DebateStatus,
    EventType,
    ProviderName,
    Visibility,
)
from debates.engine.positions import candidate_id
from debates.engine.types import Phase
from debates.models import (
    Agent,
    AudienceVote,
    Ballot,
    Debate,
    DebateEvent,
    Document,
    Match,
    MatchResult,
    Rating,
    Round,
    StreamPlace,
    Suggestion,
    Turn,
    UsageRecord,
    Verdict,
)
from debates.providers.base import AgentSpec
from debates.services.audience import fingerprint
from debates.services.events import NewEvent, append_events
from debates.services.panels import spec_to_json
from ratelimit.keys import create_key
from ratelimit.models import ApiKey
from ratelimit.workspaces import personal_workspace

_numbers = count(1)

PASSWORD = "correct horse battery staple"


def make_user(name: str = "alice", *, staff: bool = False, superuser: bool = False) -> User:
    """A person who can sign in with `PASSWORD`."""
    return User.objects.create(
        username=name,
        password=_hashed_password(settings.PASSWORD_HASHERS[0]),
        is_staff=staff or superuser,
        is_superuser=superuser,
    )


@cache
def _hashed_password(_hasher: str) -> str:
    """Hashing is slow on purpose; once for each way of hashing is enough for a run of tests."""
    return make_password(PASSWORD)


def make_agent(name: str = "", **fields: Any) -> Agent:
    """An enabled extractive agent; pass `provider` and `model` for a language model."""
    provider = fields.setdefault("provider", ProviderName.EXTRACTIVE)
    if provider == ProviderName.EXTRACTIVE:
        fields.setdefault("family", "extractive")
        fields.setdefault("rated", False)
    else:
        fields.setdefault("model", "test-model")
        fields.setdefault("input_price", 1)
        fields.setdefault("output_price", 2)
    return Agent.objects.create(name=name or f"agent-{next(_numbers)}", **fields)


def make_model_agent(name: str = "", *, family: str = "gpt", **fields: Any) -> Agent:
    """An enabled language-model agent that needs no key."""
    fields.setdefault("provider", ProviderName.OPENAI_COMPATIBLE)
    fields.setdefault("model", f"{family}-test")
    return make_agent(name, family=family, **fields)


def make_spec(name: str = "ada", **fields: Any) -> AgentSpec:
    """The snapshot of an extractive agent, without a row."""
    if fields.setdefault("provider", ProviderName.EXTRACTIVE.value) == ProviderName.EXTRACTIVE:
        fields.setdefault("family", "extractive")
        fields.setdefault("is_language_model", False)
        fields.setdefault("rated", False)
    return AgentSpec(name=name, **fields)


def make_model_spec(name: str = "ada", **fields: Any) -> AgentSpec:
    """The snapshot of a rated language-model agent, without a row."""
    fields.setdefault("provider", ProviderName.OPENAI_COMPATIBLE.value)
    fields.setdefault("model", "test-model")
    fields.setdefault("family", "gpt")
    return make_spec(name, **fields)


def make_debate(
    question: str = "Should the town build the tram?",
    *,
    panel: Iterable[AgentSpec] | None = None,
    judge: AgentSpec | None = None,
    documents: Iterable[str] = (),
    owner: User | None = None,
    **fields: Any,
) -> Debate:
    """A stored debate among ada, ben and cleo: public and queued unless told otherwise."""
    debate_id: UUID = fields.setdefault("id", uuid4())
    status = fields.setdefault("status", DebateStatus.PENDING)
    fields.setdefault("slug", f"debate-{debate_id.hex[:12]}")
    fields.setdefault("visibility", Visibility.PUBLIC)
    fields.setdefault("protocol", "adaptive")
    fields.setdefault("decision", "plurality")
    fields.setdefault("seed", 7)
    if owner is not None:
        fields.setdefault("workspace", personal_workspace(owner))
    if status != DebateStatus.CREATED:
        fields.setdefault("queued_at", timezone.now())
    if status in TERMINAL_STATUSES:
        fields.setdefault("completed_at", timezone.now())
    specs = [make_spec(name) for name in ("ada", "ben", "cleo")] if panel is None else panel
    debate = Debate.objects.create(
        question=question,
        owner=owner,
        panel=[spec_to_json(spec) for spec in sorted(specs, key=lambda spec: spec.name)],
        judge=spec_to_json(judge) if judge else None,
        **fields,
    )
    for number, text in enumerate(documents, start=1):
        make_document(text, debate=debate, number=number)
    return debate


def give_to(owner: User, debate: Debate, **changes: Any) -> None:
    """Make the debate somebody's, in their own workspace."""
    workspace = personal_workspace(owner)
    Debate.objects.filter(pk=debate.pk).update(owner=owner, workspace=workspace, **changes)


def make_document(
    text: str = "The tram cut traffic by a tenth.",
    *,
    debate: Debate | None = None,
    number: int = 1,
    title: str = "",
) -> Document:
    """A document of a debate, or without one of the corpus."""
    return Document.objects.create(
        debate=debate, number=number, title=title or f"Document {number}", text=text
    )


def make_event(
    debate: Debate, type: EventType = EventType.DEBATE_QUEUED, *, agent: str = "", **data: Any
) -> DebateEvent:
    """One more event in the debate's log. The debate's `last_seq` in memory moves along."""
    payload = {"debate_id": str(debate.pk), **data}
    if agent:
        payload["agent"] = agent
    event = NewEvent(type, payload, data.get("round_number"), agent)
    with transaction.atomic():
        rows = append_events(debate_id=debate.pk, events=[event], now=timezone.now())
    debate.last_seq = rows[-1].seq
    return DebateEvent.objects.get(debate=debate, seq=rows[0].seq)


def make_proposal(debate: Debate, agent: str = "ada", answer: str = "Yes") -> DebateEvent:
    """A `propose` event of round 0, as a worker logs it."""
    return make_event(
        debate,
        EventType.PROPOSE,
        agent=agent,
        round_number=0,
        content=f"{answer}, because of the figures.",
        answer=answer,
        rationale="The figures say so.",
        confidence=0.7,
        evidence=[],
        role="proposer",
        turn_id=f"0:draft:{agent}",
    )


def make_round(debate: Debate, number: int = 0, **fields: Any) -> Round:
    """A round that has begun."""
    fields.setdefault("started_at", timezone.now())
    return Round.objects.create(debate=debate, number=number, **fields)


def make_turn(debate: Debate, agent: str = "ada", **fields: Any) -> Turn:
    """A finished draft; pass `failure_code` for a call that came to nothing."""
    fields.setdefault("index", debate.turns.count())
    fields.setdefault("round", 0)
    fields.setdefault("phase", Phase.DRAFT.value)
    if not fields.get("failure_code"):
        fields.setdefault("text", "Yes, because of the figures.")
        fields.setdefault("reply", {"type": "position", "answer": "Yes"})
    return Turn.objects.create(debate=debate, agent=agent, **fields)


def make_verdict(debate: Debate, answer: str | None = "Yes", **fields: Any) -> Verdict:
    """The verdict that ada and ben won against cleo; without an answer, nothing was reached."""
    reached = answer is not None
    fields.setdefault("winners", ["ada", "ben"] if reached else [])
    fields.setdefault("confidence", 0.6 if reached else 0.0)
    fields.setdefault("explanation", "Plurality: two of three.")
    fields.setdefault(
        "detail",
        {
            "supporting": ["ada", "ben"] if reached else [],
            "dissenting": [{"agent": "cleo", "answer": "No", "rationale": "Too dear."}],
        },
    )
    return Verdict.objects.create(
        debate=debate,
        reached=reached,
        method=fields.pop("method", "plurality"),
        answer=answer,
        agreement=fields.pop("agreement", 2 / 3),
        **fields,
    )


def make_ballot(debate: Debate, voter: str = "ada", **fields: Any) -> Ballot:
    """A ballot for the only candidate."""
    fields.setdefault("ranking", ["yes"])
    fields.setdefault("approved", ["yes"])
    fields.setdefault("confidence", 0.7)
    return Ballot.objects.create(debate=debate, voter=voter, **fields)


def make_audience_vote(debate: Debate, person: str = "user:1", **fields: Any) -> AudienceVote:
    """Somebody's vote for "Yes"."""
    answer = fields.setdefault("answer", "Yes")
    fields.setdefault("candidate", candidate_id(answer))
    fields.setdefault("intensity", 5)
    now = timezone.now()
    return AudienceVote.objects.create(
        debate=debate, person=person, created_at=now, updated_at=now, **fields
    )


def make_suggestion(
    debate: Debate, text: str = "Ask the bus drivers.", **fields: Any
) -> Suggestion:
    """A suggestion that no exchange has been shown."""
    fields.setdefault("number", debate.suggestions.count() + 1)
    fields.setdefault("person", "user:1")
    fields.setdefault("fingerprint", fingerprint(text))
    return Suggestion.objects.create(debate=debate, text=text, created_at=timezone.now(), **fields)


def make_stream_place(debate: Debate, **fields: Any) -> StreamPlace:
    """Where an open socket is."""
    fields.setdefault("person", "user:1")
    fields.setdefault("connection", uuid4().hex)
    fields.setdefault("seq", debate.last_seq)
    fields.setdefault("seen_at", timezone.now())
    return StreamPlace.objects.create(debate=debate, epoch=debate.epoch, **fields)


def make_usage_record(debate: Debate | None, agent: str = "ada", **fields: Any) -> UsageRecord:
    """What one call of a language model used."""
    fields.setdefault("provider", ProviderName.OPENAI_COMPATIBLE)
    fields.setdefault("call", f"0:draft:{agent}")
    return UsageRecord.objects.create(debate=debate, agent=agent, **fields)


def make_rating(agent: str = "ada", elo: float = 1500.0, **fields: Any) -> Rating:
    """A rating after one game."""
    fields.setdefault("games", 1)
    return Rating.objects.create(agent=agent, elo=elo, **fields)


def make_match(debate: Debate, *, won: str = "ada", lost: str = "ben") -> Match:
    """A match in the log, without its effect on any `Rating`."""
    match = Match.objects.create(debate=debate, domain=debate.domain)
    for agent, has_won in ((won, True), (lost, False)):
        after = 1516.0 if has_won else 1484.0
        MatchResult.objects.create(
            match=match,
            agent=agent,
            won=has_won,
            elo_before=1500.0,
            elo_after=after,
            domain_elo_before=1500.0,
            domain_elo_after=after,
        )
    return match


def make_api_key(user: User, **fields: Any) -> tuple[ApiKey, str]:
    """A key that may write in the user's own workspace, and its text."""
    fields.setdefault("workspace", personal_workspace(user))
    fields.setdefault("name", "a program")
    fields.setdefault("now", timezone.now())
    return create_key(user=user, **fields)
