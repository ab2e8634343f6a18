"""What is remembered, where, and what became of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from aragora_site.tenancy.rules import Own, TenantManager, Unowned
from memory.fields import VectorField
from memory.tiers import Move, Tier


class ScopeKind(models.TextChoices):
    """Whose memory it is."""

    DEBATE = "debate"
    USER = "user"
    WORKSPACE = "workspace"


class Kind(models.TextChoices):
    """What an entry says."""

    DECISION = "decision"
    DISSENT = "dissent"
    ARGUMENT = "argument"
    OUTCOME = "outcome"
    FACT = "fact", "fact, written by a person"
    NOTE = "note"


TIERS = [(tier.value, tier.value) for tier in Tier]
LONGEST_KEY = 96

OF_A_TENANT = Own(unowned=Unowned.OPEN)
"""The bound of the tenant; within it `memory.scopes.Reader` says who sees what."""


class Scope(models.Model):
    """The memory of a debate, a person or a workspace: the row that its writers lock.

    It keeps the bytes of each tier, so that a writer knows them without adding up, and a version
    that is another after every change, by which searchers tell whether what they have at hand is
    current."""

    tenancy = OF_A_TENANT
    key = models.CharField(max_length=LONGEST_KEY, unique=True)
    """`memory.scopes.ScopeName.key`."""
    kind = models.CharField(max_length=16, choices=ScopeKind)
    workspace = models.ForeignKey(
        "ratelimit.Workspace", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    """The tenant. Empty: of those who are not signed in."""
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    debate_id = models.UUIDField(null=True, blank=True)
    fast_bytes = models.PositiveBigIntegerField(default=0)
    medium_bytes = models.PositiveBigIntegerField(default=0)
    slow_bytes = models.PositiveBigIntegerField(default=0)
    glacial_bytes = models.PositiveBigIntegerField(default=0)
    version = models.PositiveBigIntegerField(default=0)

    objects = TenantManager()

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.key

    def bytes_of(self, tier: Tier) -> int:
        occupied: int = getattr(self, f"{tier}_bytes")
        return occupied


class Entry(models.Model):
    """Something remembered. `memory.services` alone writes these."""

    tenancy = Own(unowned=Unowned.OPEN, sample={"pinned": True})
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="entries")
    workspace = models.ForeignKey(
        "ratelimit.Workspace", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    """The tenant, as the scope has it."""
    tier = models.CharField(max_length=8, choices=TIERS)
    kind = models.CharField(max_length=16, choices=Kind)
    content = models.TextField()
    size = models.PositiveIntegerField()
    """UTF-8 bytes of the content."""
    importance = models.FloatField()
    surprise = models.FloatField(default=0.0)
    confidence = models.FloatField(null=True, blank=True)
    """What a decision was held for; null for what is not one."""
    uses = models.PositiveIntegerField(default=0)
    """Debates that it was used in, since it came to its tier."""
    total_uses = models.PositiveIntegerField(default=0)
    falls = models.PositiveSmallIntegerField(default=0)
    pinned = models.BooleanField(default=False)
    standing = models.FloatField()
    """`memory.tiers.standing`: who leaves first."""
    is_public = models.BooleanField(default=False)
    """Whether it comes from what everybody may read; public debates recall nothing else."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    """Null: never, it is pinned."""
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    """The person who wrote it; empty for what a debate left."""
    debate_id = models.UUIDField(null=True, blank=True)
    debate_slug = models.CharField(max_length=96, blank=True)
    turn = models.PositiveIntegerField(null=True, blank=True)
    """The index of the turn that it was said in."""
    source = models.CharField(max_length=LONGEST_KEY, unique=True, null=True, blank=True)
    """What a program wrote it from, so that it is written once; null for people."""
    embedder = models.CharField(max_length=80, blank=True)
    vector = VectorField(half=True, null=True, blank=True, editable=False)

    objects = TenantManager()

    class Meta:
        ordering = ("-last_used_at", "-id")
        verbose_name_plural = "entries"
        constraints = (
            models.CheckConstraint(
                name="memory_entry_importance_in_range",
                condition=models.Q(importance__range=(0.0, 1.0)),
            ),
            models.CheckConstraint(
                name="memory_entry_surprise_in_range",
                condition=models.Q(surprise__range=(0.0, 1.0)),
            ),
            models.CheckConstraint(
                name="memory_entry_pinned_never_expires",
                condition=models.Q(pinned=True, expires_at__isnull=True)
                | models.Q(pinned=False, expires_at__isnull=False),
            ),
        )
        indexes = (
            # Who leaves first, of one tier of a scope.
            models.Index(
                fields=("scope", "tier", "pinned", "standing", "id"), name="memory_entry_leaving"
            ),
            # What has expired of one tier of a scope, before anything has to leave it.
            models.Index(fields=("scope", "tier", "expires_at"), name="memory_entry_expiring"),
            # What has expired.
            models.Index(fields=("expires_at",), name="memory_entry_expiry"),
            # What a debate left.
            models.Index(fields=("debate_id",), name="memory_entry_debate"),
        )

    def __str__(self) -> str:
        return f"{self.kind}, {self.tier}"


class EntryEvent(models.Model):
    """A move of an entry, with its reason. Holds nothing of the content, and outlives it."""

    tenancy = OF_A_TENANT
    entry_id = models.BigIntegerField()
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="events")
    workspace = models.ForeignKey(
        "ratelimit.Workspace", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    move = models.CharField(max_length=16, choices=[(move.value, move.value) for move in Move])
    tier = models.CharField(max_length=8, choices=TIERS)
    """Where it is now, or was last."""
    from_tier = models.CharField(max_length=8, blank=True)
    reason = models.CharField(max_length=200)
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            # The story of one entry.
            models.Index(fields=("entry_id", "id"), name="memory_event_entry"),
            # What is old enough to go.
            models.Index(fields=("created_at",), name="memory_event_age"),
        )

    def __str__(self) -> str:
        return f"{self.entry_id} {self.move}"
