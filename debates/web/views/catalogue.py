"""Pages that list: debates, ratings, agents, and what the words mean."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from debates import selectors
from debates.choices import DebateStatus, ProviderName, Visibility
from debates.engine.types import DecisionMode
from debates.models import Debate
from debates.web.forms import options
from debates.web.seats import SEAT_COLOURS
from debates.web.words import DECISIONS, PROTOCOLS, STATUSES, STOP_REASONS

PAGE_SIZE = 20
LEADERBOARD_SIZE = 100
FEW_GAMES = 30
"""Below this a rating says little, and the page says so."""
MAX_QUERY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A debate in the list."""

    url: str
    title: str
    status: str
    status_label: str
    seats: range
    created_at: str
    readers: str
    """Who may read it; empty: everybody."""
    answer: str | None
    confidence: float | None
    outcome: str


@require_safe
def debate_list(request: HttpRequest) -> HttpResponse:
    """The debates that the viewer may see, newest first; `q`, `status` and `page` narrow it. With
    `archived` those that were put away."""
    query = request.GET.get("q", "")[:MAX_QUERY_LENGTH].strip()
    wanted = request.GET.get("status", "")
    status = DebateStatus(wanted) if wanted in DebateStatus.values else None
    archived = bool(request.GET.get("archived"))
    debates = selectors.list_debates(
        user=request.user, q=query, statuses=(status,) if status else (), archived=archived
    ).select_related("workspace")
    paginator = Paginator(debates, PAGE_SIZE)
    number = request.GET.get("page", "")
    page = paginator.get_page(number if number.isascii() and number.isdigit() else 1)
    kept = {
        "q": query,
        "status": status.value if status else "",
        "archived": "1" if archived else "",
    }
    kept = {key: value for key, value in kept.items() if value}
    return render(
        request,
        "web/debate_list.html",
        {
            "rows": [_row(debate) for debate in page.object_list],
            "page": page,
            "newer": _page_url(kept, page.previous_page_number()) if page.has_previous() else "",
            "older": _page_url(kept, page.next_page_number()) if page.has_next() else "",
            "q": query,
            "statuses": options(STATUSES.items(), status.value if status else ""),
            "filtered": bool(kept),
            "archived": archived,
        },
    )


def _page_url(kept: dict[str, str], number: int) -> str:
    return f"{reverse('web:debate_list')}?{urlencode({**kept, 'page': number})}"


_OUTCOMES = {
    DebateStatus.COMPLETED: "No decision was reached.",
    DebateStatus.FAILED: "It failed before there was a verdict.",
    DebateStatus.CANCELLED: "It was cancelled.",
}


def _outcome(debate: Debate, status: DebateStatus) -> str:
    """What stands in the place of an answer."""
    if status is DebateStatus.COMPLETED and debate.decision == DecisionMode.NONE:
        return "No decision was asked for: the positions stand side by side."
    return _OUTCOMES.get(status, "")


def _row(debate: Debate) -> Row:
    summary = selectors.debate_summaries([debate])[0]
    status = DebateStatus(summary["status"])
    return Row(
        url=reverse("web:debate", kwargs={"slug": summary["slug"]}),
        title=summary["title"] or summary["task"],
        status=status.value,
        status_label=STATUSES[status].label,
        seats=range(len(summary["agents"])),
        created_at=summary["created_at"],
        readers=_readers(debate),
        answer=summary["final_answer"],
        confidence=summary["confidence"],
        outcome=_outcome(debate, status),
    )


def _readers(debate: Debate) -> str:
    if debate.visibility == Visibility.PUBLIC:
        return ""
    if debate.visibility == Visibility.WORKSPACE and debate.workspace is not None:
        return f"Workspace: {debate.workspace.name}"
    return Visibility(debate.visibility).label


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    """The Elo ratings, overall or in one domain."""
    domain = request.GET.get("domain", "").strip()[:64]
    ranking = selectors.leaderboard(domain=domain, limit=LEADERBOARD_SIZE)
    return render(
        request,
        "web/leaderboard.html",
        {
            "rows": ranking.rows,
            "total": ranking.total,
            "domain": domain,
            "domains": selectors.rated_domains(),
            "has_strengths": any(row["bt"] is not None for row in ranking.rows),
            "has_brier": any(row["brier"] is not None for row in ranking.rows),
            "few_games": any(row["games"] < FEW_GAMES for row in ranking.rows),
        },
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Agents of one kind."""

    label: str
    line: str
    cards: list[selectors.AgentCard]


_PROVIDER_LINES = {
    ProviderName.EXTRACTIVE: "Not language models. They quote, weigh and cite documents; "
    "they need no key and cost nothing.",
    ProviderName.OPENAI_COMPATIBLE: "OpenAI, or any server that speaks its language: "
    "OpenRouter, Ollama, LM Studio, vLLM and others.",
    ProviderName.ANTHROPIC: "Claude models.",
}


@require_safe
def agents(request: HttpRequest) -> HttpResponse:
    """Who can be asked."""
    cards = selectors.agent_cards()
    groups = [
        Group(
            provider.label,
            _PROVIDER_LINES.get(provider, ""),
            [card for card in cards if card["provider"] == provider],
        )
        # Language models first: they are what people look for.
        for provider in sorted(ProviderName, key=lambda one: one is ProviderName.EXTRACTIVE)
    ]
    return render(
        request,
        "web/agents.html",
        {
            "groups": [group for group in groups if group.cards],
            "has_language_model": has_language_model(cards),
        },
    )


def has_language_model(cards: list[selectors.AgentCard]) -> bool:
    """Whether any language model can be asked."""
    return any(card["is_language_model"] and card["available"] for card in cards)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for this address unasked, where a page names no icon."""
    return redirect(static("img/favicon.svg"), permanent=True)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """What the words mean."""
    return render(
        request,
        "web/about.html",
        {
            "protocols": PROTOCOLS.values(),
            "decisions": DECISIONS.values(),
            "stop_reasons": STOP_REASONS.values(),
            "most_agents": settings.ARAGORA.max_agents_per_debate,
            "seats": range(SEAT_COLOURS),
        },
    )
