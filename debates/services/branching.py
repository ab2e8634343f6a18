"""Debates that are made from another one: the same again, or a further question.

Whoever may read a debate may do so: the new one is theirs, in a workspace of theirs, and what it
costs as well. How a debate is forked: `debates.services.forking`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from debates.choices import DebateStatus, Origin
from debates.exceptions import StateForbids
from debates.models import Debate, Verdict
from debates.selectors.objects import agent_names, verdict_of
from debates.services.creation import Branch, create_debate
from debates.services.planning import NewDebate, NewDocument


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be otherwise than in the debate that a new one is made from; None: as there."""

    question: str | None = None
    context: str | None = None
    agents: tuple[str, ...] | None = None
    judge: str | None = None
    title: str | None = None
    seed: int | None = None
    visibility: str | None = None
    """None: private to the owner, public without one, whatever the other one is."""
    workspace: str | None = None
    """None: the owner's own, or that of the API key."""
    autostart: bool | None = None


def clone_debate(*, debate: Debate, changes: Changes, owner: User | None, now: datetime) -> Debate:
    """Ask the same once more: question, context, documents, panel, protocol and settings are those
    of `debate`, the agents as they are now.

    Raises `InvalidInput`, about `agents` where one of them cannot be asked any more,
    `SignInRequired` or `QueueFull`."""
    branch = Branch(debate.pk, Origin.CLONE)
    request = request_like(debate, changes)
    return create_debate(request=request, owner=owner, now=now, branch=branch)


def follow_up(*, debate: Debate, changes: Changes, owner: User | None, now: datetime) -> Debate:
    """Ask a further question, or the same further, with what `debate` had before it and what it
    decided as the context; `changes.context` is added to that.

    Raises `StateForbids` for a debate without a verdict, and what `clone_debate` does."""
    verdict = verdict_of(debate)
    if debate.status != DebateStatus.COMPLETED or verdict is None:
        raise StateForbids(
            f"The debate is {debate.status}; it can be followed up once it has come to a verdict."
        )
    context = [debate.context, "What an earlier debate came to:", decision_told(debate, verdict)]
    added = (changes.context or "").strip()
    told = "\n\n".join(part for part in (*context, added) if part)
    request = replace(
        request_like(debate, replace(changes, context=told)),
        seed=changes.seed,
        title=changes.title or "",
    )
    branch = Branch(debate.pk, Origin.FOLLOW_UP)
    return create_debate(request=request, owner=owner, now=now, branch=branch)


def request_like(debate: Debate, changes: Changes) -> NewDebate:
    """What somebody would ask for who wanted the same, but for the changes. One query.

    Notes that a program left in `metadata` are about that debate, and stay with it."""
    documents = debate.documents.order_by("number").values_list("title", "text", "source")
    like = NewDebate(
        question=debate.question,
        context=debate.context,
        documents=tuple(NewDocument(*document) for document in documents),
        agents=tuple(agent_names(debate)),
        judge=_judge(debate, changes.agents or ()),
        protocol=debate.protocol,
        decision=debate.decision,
        rounds=debate.rounds,
        budget_usd=debate.budget_usd,
        budget_tokens=debate.budget_tokens,
        deadline_seconds=debate.deadline_seconds,
        seed=debate.seed,
        title=debate.title,
        tags=tuple(debate.tags),
        domain=debate.domain,
        use_memory=debate.use_memory,
    )
    wanted: dict[str, Any] = {
        field.name: value
        for field in fields(changes)
        if (value := getattr(changes, field.name)) is not None
    }
    return replace(like, **wanted)


def _judge(debate: Debate, agents: Sequence[str]) -> str | None:
    """Who judged, unless they argue now: then another one is chosen."""
    name = debate.judge["name"] if debate.judge else None
    return None if name in {agent.strip().lower() for agent in agents} else name


def decision_told(debate: Debate, verdict: Verdict) -> str:
    """What a debate came to, and what spoke against it, in words for another panel."""
    decided = f"Decided before: {verdict.answer}" if verdict.answer else "Nothing was decided."
    parts: Sequence[str] = (
        debate.question,
        decided,
        verdict.explanation,
        *(
            f"Against it: {view['answer']} {view['rationale']}"
            for view in verdict.detail["dissenting"]
        ),
    )
    return "\n\n".join(part.strip() for part in parts if part.strip())
