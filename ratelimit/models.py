"""Who works together, and in which tier."""

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
