"""Links by which people without an account read a debate."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from aragora_site.tenancy.rules import TenantManager
from debates.models.tenants import OF_A_DEBATE


class ShareLink(models.Model):
    """That a debate may be read by whoever has its link.

    The link is made of `id` and the server's secret (`debates.services.sharing`), so that nobody
    who reads this table can open a debate. Revoking deletes the row; a new link has a new id."""

    tenancy = OF_A_DEBATE

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    debate = models.OneToOneField(
        "debates.Debate", on_delete=models.CASCADE, related_name="share_link"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"share link of {self.debate_id}"
