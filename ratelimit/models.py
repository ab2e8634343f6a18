"""Who works together, in which tier, and by which keys their programs come in."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from ratelimit.tiers import Tier


class Role(models.TextChoices):
    """What a member may do in a workspace."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Workspace(models.Model):
    """A tenant: the people in it share debates, memory and limits; nobody else sees them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    tier = models.CharField(
        max_length=16,
        choices=[(tier.value, tier.value) for tier in Tier],
        default=Tier.AUTHENTICATED.value,
    )
    personal_to = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="personal_workspace",
    )
    """Whose own workspace this is: every account has one. Empty for those that are shared."""
    roster = models.PositiveBigIntegerField(default=0, editable=False)
    """Grows whenever somebody's rights in it change, so that open streams look again."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """That somebody belongs to a workspace."""

    shared_because = "It is what says of which tenants somebody is."

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("workspace_id", "user_id")
        constraints = (
            models.UniqueConstraint(
                fields=("workspace", "user"), name="membership_once_a_workspace"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id}, {self.role}"


class KeyKind(models.TextChoices):
    """What an API key is for."""

    KEY = "key"
    """Made by a person for a program of theirs."""
    SIGN_IN = "sign_in"
    """What signing in over the API gives: as good as a session, for a day."""
    INTERNAL = "internal"
    """Service to service, made by an operator: not limited."""


class Scope(models.TextChoices):
    """What may be done with an API key; each includes the one before."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    """Also keys, workspaces and the account itself."""


class ApiKey(models.Model):
    """A key, without the key: what is stored tells nobody how to call."""

    shared_because = "It is what says for which tenant somebody calls."

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys"
    )
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="api_keys"
    )
    """The only one that the key reaches. Empty: whatever its account reaches."""
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=16, choices=KeyKind, default=KeyKind.KEY)
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.WRITE)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    """The part by which a key is found, and by which people know it again."""
    digest = models.CharField(max_length=64, editable=False)
    """HMAC-SHA256 of the whole key, hexadecimal."""
    session_hash = models.CharField(max_length=128, blank=True, editable=False)
    """Of a sign-in: what Django keeps in sessions, so that a new password ends it too."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    """To the minute."""

    class Meta:
        ordering = ("-created_at", "id")
        constraints = (
            models.CheckConstraint(
                name="api_key_of_a_person_has_workspace",
                condition=~models.Q(kind=KeyKind.KEY) | models.Q(workspace__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} (ara_{self.prefix}_…)"
