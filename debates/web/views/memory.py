"""What is remembered: by tier, searched, explained, kept and forgotten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from aragora_site.errors import AragoraError
from debates.exceptions import NotAllowed, NotFound, SignInRequired
from debates.selectors.objects import without_language_models
from debates.selectors.readers import looker_of, reader_of, scope_of_person, writer_of
from debates.selectors.topics import trending_topics
from debates.services.outcomes import came_true, record_outcome
from debates.streaming.envelope import timestamp
from debates.web.views.debate import find_debate
from debates.web.words import BY_EXTRACTIVE_AGENTS
from memory.exceptions import EntryNotFound
from memory.models import Entry, EntryEvent, ScopeKind
from memory.scopes import Reader
from memory.selectors.candidates import Filter
from memory.selectors.entries import (
    count_by_workspace,
    get_entry,
    story_of,
    tier_figures,
    visible_entries,
)
from memory.selectors.search import search
from memory.services.entries import forget, pin, pin_fact, promote
from memory.tiers import Tier, slower
from ratelimit.models import Membership, Role
from ratelimit.workspaces import my_workspaces

PAGE_SIZE = 20
MAX_QUERY_LENGTH = 500
MOST_EXPORTED = 20_000
OPEN = "open"
"""What the address says for the memory of people without an account. No workspace has this slug:
theirs have a hyphen."""
OUTCOME_PLACE = "outcome"
"""Tags messages that are shown where the outcome is."""
MOVES = {
    "stored": "Stored",
    "promoted": "Moved to a slower tier",
    "demoted": "Moved to a faster tier",
    "evicted": "Driven out",
    "expired": "Expired",
    "pinned": "Pinned",
    "unpinned": "Unpinned",
    "forgotten": "Forgotten",
}


@dataclass(frozen=True, slots=True)
class Row:
    """An entry on the page."""

    entry: Entry
    why: str = ""
    """Why it was found."""
    by: str = ""
    """Who held the debate that left it, where they are no language models."""

    @property
    def whose(self) -> str:
        """Who sees it."""
        workspace = self.entry.workspace
        if self.entry.scope.kind == ScopeKind.USER:
            return f"yours alone{f' in {workspace.name}' if workspace else ''}"
        return f"of {workspace.name}" if workspace else "of people without an account"

    @property
    def slower(self) -> Tier | None:
        return slower(Tier(self.entry.tier))


@dataclass(frozen=True, slots=True)
class Place:
    """Memory that somebody can look at by itself."""

    of: str
    """How the address names it; empty for what is shown first."""
    name: str
    entries: int
    reader: Reader


@require_safe
def memory_page(request: HttpRequest) -> HttpResponse:
    """What the viewer may see of memory; `of`, `q`, `tier` and `page` narrow it."""
    return _page(request, fact={})


def _page(request: HttpRequest, *, fact: dict[str, str], status: int = 200) -> HttpResponse:
    """The page; `fact` is what somebody wrote that could not be kept, and why."""
    now, mine = timezone.now(), my_workspaces(request.user)
    places = _places(request, mine, now)
    place = _place_of(request, places)
    reader = place.reader
    query = request.GET.get("q", "").replace("\0", "")[:MAX_QUERY_LENGTH].strip()
    wanted = request.GET.get("tier", "")
    tier = Tier(wanted) if wanted in list(Tier) else None
    tiers = (tier,) if tier else ()
    page: Any = None
    if query:
        hits = search(
            reader=reader, query=query, now=now, limit=PAGE_SIZE, only=Filter(tiers=tiers)
        )
        prefetch_related_objects([hit.entry for hit in hits], "scope", "workspace")
        found = [(hit.entry, hit.why) for hit in hits]
    else:
        number = request.GET.get("page", "")
        paginator = Paginator(visible_entries(reader=reader, now=now, tiers=tiers), PAGE_SIZE)
        page = paginator.get_page(number if number.isascii() and number.isdigit() else 1)
        found = [(entry, "") for entry in page]
    context = {
        "rows": _rows(found),
        "page": page,
        "query": query,
        "tier": tier,
        "figures": tier_figures(reader=reader, now=now),
        "topics": trending_topics(viewer=request.user, now=now, limit=8),
        "may_write": _may_write(request),
        "workspaces": [row.workspace for row in mine if row.role != Role.VIEWER],
        "places": places,
        "place": place,
        "of": f"of={place.of}&" if place.of else "",
        "elsewhere": [one for one in places if one.entries and one.of and one is not place],
        "fact": fact,
    }
    return render(request, "web/memory.html", context, status=status)


def _rows(found: Sequence[tuple[Entry, str]]) -> list[Row]:
    """One query, where debates left any of them."""
    origins = {entry.debate_id for entry, _ in found if entry.debate_id}
    extractive = without_language_models(origins) if origins else set()
    return [
        Row(entry, why, BY_EXTRACTIVE_AGENTS if entry.debate_id in extractive else "")
        for entry, why in found
    ]


def _places(request: HttpRequest, mine: Sequence[Membership], now: datetime) -> list[Place]:
    """What a person who is signed in can choose from."""
    user = request.user
    if not user.is_authenticated:
        return []
    counts = count_by_workspace(reader=looker_of(user), now=now)
    own = [
        Place(
            row.workspace.slug,
            row.workspace.name,
            counts.get(row.workspace_id, 0),
            Reader(user.pk, frozenset({row.workspace_id})),
        )
        for row in mine
    ]
    return [
        Place("", "All of yours", sum(place.entries for place in own), reader_of(user)),
        *(own if len(own) > 1 else ()),
        Place(OPEN, "People without an account", counts.get(None, 0), Reader(is_shared=True)),
    ]


def _place_of(request: HttpRequest, places: Sequence[Place]) -> Place:
    """The one that is asked for; without a choice, all that the viewer sees."""
    wanted = request.GET.get("of", "")
    found = [place for place in places if place.of == wanted] or places[:1]
    return found[0] if found else Place("", "", 0, reader_of(request.user))


@require_safe
def memory_entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One entry, with its story."""
    entry = _find(looker_of(request.user), entry_id)
    story = [_told(event) for event in story_of(entry)]
    theirs = Entry.objects.filter(writer_of(request.user).entries(), pk=entry_id).exists()
    (row,) = _rows([(entry, "")])
    context = {"row": row, "story": story, "may_write": theirs and _may_write(request)}
    return render(request, "web/memory_entry.html", context)


@require_safe
def confirm_forgetting(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Ask before something is gone for good."""
    return render(
        request, "web/memory_forget.html", {"entry": _find(reader_of(request.user), entry_id)}
    )


@require_POST
def change_entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Promote, pin, unpin or forget; then back."""
    if not _may_write(request):
        return redirect_to_login(reverse("web:memory"), login_url="web:sign_in")
    reader, now, action = writer_of(request.user), timezone.now(), request.POST.get("action")
    entry = _find(reader_of(request.user), entry_id)
    try:
        if action == "forget":
            forget(entry_ids=[entry.pk], reader=reader, now=now)
            messages.success(request, "It is forgotten.")
            return redirect("web:memory")
        if action in ("pin", "unpin"):
            pin(entry_id=entry.pk, reader=reader, pinned=action == "pin", now=now)
        elif action == "promote" and (tier := slower(Tier(entry.tier))):
            promote(entry_id=entry.pk, reader=reader, tier=tier, now=now)
        else:
            messages.error(request, "Choose what is to be done with it.")
    except AragoraError as error:
        messages.error(request, str(error))
    return redirect("web:memory_entry", entry_id=entry_id)


@require_POST
def add_fact(request: HttpRequest) -> HttpResponse:
    """Keep a fact for good that a person writes."""
    if not _may_write(request):
        return redirect_to_login(reverse("web:memory"), login_url="web:sign_in")
    content, wanted = request.POST.get("content", ""), request.POST.get("workspace", "")
    try:
        scope = scope_of_person(request.user, _workspace_id(wanted))
        entry = pin_fact(
            scope=scope,
            content=content.replace("\r\n", "\n"),
            author_id=request.user.pk,
            is_public=scope.workspace_id is None,
            now=timezone.now(),
        )
    except AragoraError as error:
        fact = {"content": content, "workspace": wanted, "error": str(error)}
        return _page(request, fact=fact, status=error.status)
    messages.success(request, "It is kept until somebody forgets it.")
    return redirect("web:memory_entry", entry_id=entry.pk)


@require_safe
def export_memory(request: HttpRequest) -> HttpResponse:
    """Everything that the viewer sees, or that of one place (`of`), as a JSON file."""
    now = timezone.now()
    place = _place_of(request, _places(request, my_workspaces(request.user), now))
    seen = visible_entries(reader=place.reader, now=now)
    rows = [
        {
            "id": entry.pk,
            "tier": entry.tier,
            "kind": entry.kind,
            "content": entry.content,
            "importance": entry.importance,
            "surprise": entry.surprise,
            "pinned": entry.pinned,
            "uses": entry.total_uses,
            "debate_id": str(entry.debate_id) if entry.debate_id else None,
            "created_at": timestamp(entry.created_at),
            "last_used_at": timestamp(entry.last_used_at),
        }
        for entry in seen[:MOST_EXPORTED]
    ]
    content = json.dumps({"entries": rows, "count": len(rows)}, ensure_ascii=False, indent=1)
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="aragora-memory.json"'
    return response


@require_POST
def outcome(request: HttpRequest, slug: str) -> HttpResponse:
    """Record on a debate whether its decision proved right."""
    debate = find_debate(request, slug)
    page = reverse("web:debate", kwargs={"slug": slug})
    try:
        record_outcome(
            debate_id=debate.pk,
            actor=request.user,
            came_true=came_true(request.POST.get("came_true", "")),
            note=request.POST.get("note", "").replace("\r\n", "\n"),
            now=timezone.now(),
        )
    except SignInRequired:
        return redirect_to_login(page, login_url="web:sign_in")
    except NotFound as error:
        raise Http404(str(error)) from error
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except AragoraError as error:
        messages.error(request, str(error), extra_tags=OUTCOME_PLACE)
    else:
        said = "Recorded. Memory and calibration know it now."
        messages.success(request, said, extra_tags=OUTCOME_PLACE)
    return redirect(f"{page}#outcome")


def _workspace_id(wanted: str) -> UUID | None:
    try:
        return UUID(wanted) if wanted else None
    except ValueError:
        raise NotFound("There is no such workspace, or you do not belong to it.") from None


def _find(reader: Reader, entry_id: int) -> Entry:
    try:
        return get_entry(reader=reader, entry_id=entry_id, now=timezone.now())
    except EntryNotFound as error:
        raise Http404(str(error)) from error


def _may_write(request: HttpRequest) -> bool:
    return request.user.is_authenticated or bool(settings.ARAGORA.allow_anonymous_debates)


def _told(event: EntryEvent) -> dict[str, Any]:
    return {"word": MOVES[event.move], "event": event}
