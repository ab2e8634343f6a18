"""What is remembered: found, kept, moved and forgotten."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field

from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ERRORS, WRITE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.paging import MAX_LIMIT, PageIn, PageOut, page_of
from debates.exceptions import InvalidInput, NotFound, SignInRequired
from debates.selectors.readers import reader_of, scope_of_person, writer_of
from debates.streaming.envelope import timestamp
from memory.models import Entry, Kind
from memory.scopes import Reader
from memory.selectors import entries as found
from memory.selectors.candidates import Filter
from memory.selectors.search import Hit, search
from memory.services import entries as writing
from memory.services.upkeep import consolidate as consolidate_scopes
from memory.tiers import Tier

router = Router(tags=["memory"])

HIGH, CRITICAL = 0.8, 0.95


class MemorySearchIn(BaseModel):
    """What is looked for."""

    q: str = Field(default="", max_length=2000)
    query: str = Field(default="", max_length=2000, description="The same as `q`.")
    tier: str = Field(default="", max_length=100, description="One or several, with commas.")
    tiers: str = Field(default="", max_length=100, description="The same as `tier`.")
    limit: int = Field(default=20, ge=1, le=MAX_LIMIT)
    min_importance: float = Field(default=0.0, ge=0.0, le=1.0)


class MemoryOut(BaseModel):
    """Something remembered."""

    id: str
    tier: str
    kind: str
    content: str
    importance: float
    surprise_score: float
    confidence: float | None = Field(description="What a decision was held for.")
    score: float | None = Field(description="How well it answers the query, from 0 to 1.")
    why: str = Field(description="Why it was found.")
    pinned: bool
    uses: int = Field(description="Debates that it was used in.")
    scope: str = Field(description="`workspace`, `user` or `debate`.")
    debate_id: str | None = Field(description="The debate that left it.")
    slug: str
    turn: int | None
    created_at: str
    last_used_at: str
    expires_at: str | None = Field(description="null: it is pinned.")


class FoundOut(BaseModel):
    results: list[MemoryOut]
    memories: list[MemoryOut] = Field(description="The same as `results`.")
    items: list[MemoryOut] = Field(description="The same as `results`.")
    count: int
    total: int
    query: str


class EntriesOut(PageOut):
    entries: list[MemoryOut]
    items: list[MemoryOut] = Field(description="The same as `entries`.")


class EntriesIn(PageIn):
    tier: str = Field(default="", max_length=100, description="One or several, with commas.")


class StoreIn(BaseModel):
    """Something to remember."""

    content: str = Field(description="At most 20,000 characters, and within the tier's bytes.")
    tier: str = Field(default="fast", description="`fast`, `medium`, `slow` or `glacial`.")
    importance: float = Field(default=0.5, description="From 0 to 1.")
    pinned: bool = Field(default=False, description="A fact to keep for good.")
    workspace_id: UUID | None = Field(default=None, description="Your own without one.")


class StoredOut(BaseModel):
    success: bool = True
    id: str
    tier: str
    importance: float
    memory: MemoryOut


class PromoteIn(BaseModel):
    target_tier: str | None = Field(default=None, description="The next slower one without.")


class PinIn(BaseModel):
    pinned: bool = True


class ForgottenOut(BaseModel):
    success: bool = True
    id: str
    message: str


class ConsolidatedOut(BaseModel):
    success: bool = True
    expired: int
    promoted: int


class TierOut(BaseModel):
    """A tier, over all scopes that the caller sees."""

    tier: str
    name: str = Field(description="The same as `tier`.")
    count: int
    entries: int = Field(description="The same as `count`.")
    pinned: int
    bytes: int
    max_bytes: int = Field(description="Of each scope.")
    utilization: float = Field(description="Of the fullest scope, from 0 to 1.")
    ttl_seconds: float = Field(description="From the last use.")


class TierStatsOut(BaseModel):
    tiers: list[TierOut]
    items: list[TierOut] = Field(description="The same as `tiers`.")
    total_memories: int
    total_bytes: int


class MemoryStatsOut(TierStatsOut):
    moves_24h: dict[str, int] = Field(description="What happened to entries in a day.")
    embedder: str


class PressureOut(BaseModel):
    """How full memory is."""

    pressure: float = Field(description="Of the fullest tier, from 0 to 1.")
    utilization: float = Field(description="The same as `pressure`.")
    level: str = Field(description="`normal`, `high` or `critical`.")
    status: str = Field(description="The same as `level`.")
    tiers: dict[str, float]
    recommendations: list[str]


@endpoint(
    router,
    "GET",
    "/v1/memory/search",
    answer=FoundOut,
    errors=READ_ERRORS,
    aliases=["/v1/memory/continuum/retrieve"],
)
def search_memory(request: ApiRequest, asked: Query[MemorySearchIn]) -> FoundOut:
    """What is remembered about something, best first.

    By meaning and by words. Without a query, what was used last."""
    reader, now = _reader(request), timezone.now()
    query, tiers = asked.q or asked.query, _tiers(asked.tier or asked.tiers)
    if query.strip():
        only = Filter(tiers=tiers, min_importance=asked.min_importance)
        hits = search(reader=reader, query=query, now=now, limit=asked.limit, only=only)
        prefetch_related_objects([hit.entry for hit in hits], "scope")
        rows = [_hit(hit) for hit in hits]
    else:
        seen = found.visible_entries(reader=reader, now=now, tiers=tiers)
        wanted = seen.filter(importance__gte=asked.min_importance)[: asked.limit]
        rows = [entry_out(entry) for entry in wanted]
    return FoundOut(
        results=rows, memories=rows, items=rows, count=len(rows), total=len(rows), query=query
    )


@endpoint(router, "GET", "/v1/memory/entries", answer=EntriesOut, errors=READ_ERRORS)
def list_memory_entries(request: ApiRequest, asked: Query[EntriesIn]) -> EntriesOut:
    """Everything that is remembered, the last used first."""
    seen = found.visible_entries(
        reader=_reader(request), now=timezone.now(), tiers=_tiers(asked.tier)
    )
    total = seen.count()
    rows = [entry_out(entry) for entry in seen[asked.offset : asked.offset + asked.limit]]
    page = page_of([], asked)
    more = asked.offset + len(rows) < total
    fields = {**page.fields(), "total": total, "count": len(rows), "has_more": more}
    return EntriesOut.model_validate({"entries": rows, "items": rows, **fields})


@endpoint(router, "POST", "/v1/memory/store", answer=StoredOut, status=201, errors=WRITE_ONE_ERRORS)
def store_memory(request: ApiRequest, body: StoreIn) -> StoredOut:
    """Remember something, in the caller's own workspace or one that they name.

    What is worth least leaves a tier that is full; 409 when that would be this."""
    _check_writer(request)
    scope, now = scope_of_person(request.auth.user, body.workspace_id), timezone.now()
    author_id = request.auth.user.pk if request.auth.user else None
    is_public = scope.workspace_id is None
    if body.pinned:
        entry = writing.pin_fact(
            scope=scope, content=body.content, author_id=author_id, is_public=is_public, now=now
        )
    else:
        new = writing.NewEntry(
            content=body.content.strip(),
            kind=Kind.NOTE,
            tier=_tier(body.tier, "tier"),
            importance=body.importance,
            reason="a person stored it",
            is_public=is_public,
            author_id=author_id,
        )
        entry = writing.store(scope=scope, entry=new, now=now)
    told = entry_out(entry)
    return StoredOut(id=told.id, tier=told.tier, importance=told.importance, memory=told)


# Before the address that takes any word for a key.
@endpoint(
    router,
    "POST",
    "/v1/memory/consolidate",
    answer=ConsolidatedOut,
    errors=WRITE_ERRORS,
    aliases=["/v1/memory/continuum/consolidate"],
)
def consolidate_memory(request: ApiRequest) -> ConsolidatedOut:
    """Remove what has expired, and promote what has earned it."""
    _check_writer(request)
    done = consolidate_scopes(reader=_writer(request), now=timezone.now())
    return ConsolidatedOut(expired=done.expired, promoted=done.promoted)


@endpoint(
    router,
    "DELETE",
    "/v1/memory/continuum/{memory_id}",
    answer=ForgottenOut,
    errors=WRITE_ONE_ERRORS,
)
def forget_memory(request: ApiRequest, memory_id: str) -> ForgottenOut:
    """Forget an entry for good: its text, its words and its vector."""
    _check_writer(request)
    writing.forget(entry_ids=[_key(memory_id)], reader=_writer(request), now=timezone.now())
    return ForgottenOut(id=memory_id, message="The entry was forgotten.")


@endpoint(
    router,
    "POST",
    "/v1/memory/{memory_id}/promote",
    answer=StoredOut,
    errors=WRITE_ONE_ERRORS,
)
def promote_memory(request: ApiRequest, memory_id: str, body: PromoteIn) -> StoredOut:
    """Move an entry to another tier."""
    from memory.tiers import slower

    _check_writer(request)
    reader, now = _writer(request), timezone.now()
    if body.target_tier is None:
        entry = found.get_entry(reader=reader, entry_id=_key(memory_id), now=now)
        tier = slower(Tier(entry.tier)) or Tier.GLACIAL
    else:
        tier = _tier(body.target_tier, "target_tier")
    moved = writing.promote(entry_id=_key(memory_id), reader=reader, tier=tier, now=now)
    told = entry_out(moved)
    return StoredOut(id=told.id, tier=told.tier, importance=told.importance, memory=told)


@endpoint(router, "POST", "/v1/memory/{memory_id}/pin", answer=StoredOut, errors=WRITE_ONE_ERRORS)
def pin_memory(request: ApiRequest, memory_id: str, body: PinIn) -> StoredOut:
    """Keep an entry for good, or no longer."""
    _check_writer(request)
    entry = writing.pin(
        entry_id=_key(memory_id), reader=_writer(request), pinned=body.pinned, now=timezone.now()
    )
    told = entry_out(entry)
    return StoredOut(id=told.id, tier=told.tier, importance=told.importance, memory=told)


@endpoint(
    router,
    "GET",
    "/v1/memory/tier-stats",
    answer=TierStatsOut,
    errors=READ_ERRORS,
    aliases=["/v1/memory/tiers"],
)
def get_memory_tier_stats(request: ApiRequest) -> TierStatsOut:
    """The four tiers, and how full they are."""
    return TierStatsOut.model_validate(_tier_stats(_reader(request), timezone.now()))


@endpoint(router, "GET", "/v1/memory/stats", answer=MemoryStatsOut, errors=READ_ERRORS)
def get_memory_stats(request: ApiRequest) -> MemoryStatsOut:
    """The tiers, and what happened in a day."""
    reader, now = _reader(request), timezone.now()
    moves = found.moves_since(reader=reader, since=now - timedelta(days=1))
    return MemoryStatsOut.model_validate(
        {
            **_tier_stats(reader, now),
            "moves_24h": moves,
            "embedder": settings.ARAGORA.embedder,
        }
    )


@endpoint(router, "GET", "/v1/memory/pressure", answer=PressureOut, errors=READ_ERRORS)
def get_memory_pressure(request: ApiRequest) -> PressureOut:
    """How full memory is, and what to do about it."""
    figures = found.tier_figures(reader=_reader(request), now=timezone.now())
    most = round(max(one.fullest for one in figures), 4)
    level = "critical" if most >= CRITICAL else "high" if most >= HIGH else "normal"
    full = [one.tier.value for one in figures if one.fullest >= HIGH]
    return PressureOut(
        pressure=most,
        utilization=most,
        level=level,
        status=level,
        tiers={one.tier.value: round(one.fullest, 4) for one in figures},
        recommendations=[
            f"The {tier} tier is nearly full: what is worth least leaves it. Forget what is not "
            "needed, or promote what is."
            for tier in full
        ],
    )


def _tier_stats(reader: Reader, now: datetime) -> dict[str, object]:
    figures = found.tier_figures(reader=reader, now=now)
    tiers = [
        TierOut(
            tier=one.tier,
            name=one.tier,
            count=one.entries,
            entries=one.entries,
            pinned=one.pinned,
            bytes=one.bytes,
            max_bytes=one.max_bytes,
            utilization=round(one.fullest, 4),
            ttl_seconds=one.lifetime_seconds,
        )
        for one in figures
    ]
    return {
        "tiers": tiers,
        "items": tiers,
        "total_memories": sum(one.entries for one in figures),
        "total_bytes": sum(one.bytes for one in figures),
    }


def entry_out(entry: Entry, *, score: float | None = None, why: str = "") -> MemoryOut:
    """An entry as clients see it."""
    return MemoryOut(
        id=str(entry.pk),
        tier=entry.tier,
        kind=entry.kind,
        content=entry.content,
        importance=entry.importance,
        surprise_score=entry.surprise,
        confidence=entry.confidence,
        score=score,
        why=why,
        pinned=entry.pinned,
        uses=entry.total_uses,
        scope=entry.scope.kind,
        debate_id=str(entry.debate_id) if entry.debate_id else None,
        slug=entry.debate_slug,
        turn=entry.turn,
        created_at=timestamp(entry.created_at),
        last_used_at=timestamp(entry.last_used_at),
        expires_at=timestamp(entry.expires_at) if entry.expires_at else None,
    )


def _hit(hit: Hit) -> MemoryOut:
    return entry_out(hit.entry, score=hit.score, why=hit.why)


def _reader(request: ApiRequest) -> Reader:
    return reader_of(request.auth.user)


def _writer(request: ApiRequest) -> Reader:
    return writer_of(request.auth.user)


def _check_writer(request: ApiRequest) -> None:
    if request.auth.user is None and not settings.ARAGORA.allow_anonymous_debates:
        raise SignInRequired("Sign in, or send an API key, to change what is remembered.")


def _key(memory_id: str) -> int:
    if not memory_id.isascii() or not memory_id.isdigit() or len(memory_id) > 18:
        raise NotFound("There is no such entry, or it is not yours to see.")
    return int(memory_id)


def _tier(word: str, field: str) -> Tier:
    try:
        return Tier(word.strip().lower())
    except ValueError:
        message = f"Use one of {', '.join(Tier)}."
        raise InvalidInput(f"{field}: {message}", fields=((field, message),)) from None


def _tiers(words: str) -> list[Tier]:
    return [_tier(word, "tier") for word in words.split(",") if word.strip()]
