"""What turned out to be true."""

from django.conf import settings
from django.db import models

from aragora_site.tenancy.rules import TenantManager
from debates.models.tenants import OF_A_DEBATE


class Outcome(models.Model):
    """Whether a decision proved right, as a person recorded it."""

    tenancy = OF_A_DEBATE
    debate = models.OneToOneField(
        "debates.Debate", on_delete=models.CASCADE, related_name="outcome"
    )
    came_true = models.BooleanField()
    """Whether the decision was right."""
    note = models.TextField(blank=True)
    """What happened."""
    confidence = models.FloatField()
    """What the decision was held for."""
    surprise = models.FloatField()
    """The probability that was given to what did not happen."""
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    recorded_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        ordering = ("-recorded_at", "-pk")
        constraints = (
            models.CheckConstraint(
                name="outcome_shares_in_range",
                condition=models.Q(confidence__range=(0.0, 1.0), surprise__range=(0.0, 1.0)),
            ),
        )

    def __str__(self) -> str:
        return "right" if self.came_true else "wrong"
