"""What model calls cost, also those whose turn came to nothing."""

from django.db import models
from django.utils import timezone

from aragora_site.tenancy.rules import TenantManager
from debates.models.tenants import OF_A_DEBATE


class UsageRecord(models.Model):
    """Tokens and money of one model call. Append-only."""

    tenancy = OF_A_DEBATE

    debate = models.ForeignKey(
        "debates.Debate",
        null=True,
        on_delete=models.SET_NULL,
        related_name="usage_records",
        db_index=False,
    )
    agent = models.CharField(max_length=64)
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128, blank=True)
    call = models.CharField(max_length=160)
    """The engine's call key, or the key with a suffix for a call that was interrupted."""
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    estimated = models.BooleanField(default=False)
    """The server did not say; counted from the text (a call that was cut off)."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantManager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # Costs of a debate, by call.
            models.Index(fields=("debate", "call"), name="usage_by_debate"),
            # An operator's report over a time, by model.
            models.Index(fields=("created_at", "provider", "model"), name="usage_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.agent} {self.call}"
