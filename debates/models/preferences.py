"""What a person's new debates begin with."""

from decimal import Decimal

from django.conf import settings
from django.db import models

from debates.engine.types import DEFAULT_ROUNDS, DecisionMode, ProtocolName
from debates.models.debate import MAX_ROUNDS, MIN_ROUNDS


class Preferences(models.Model):
    """What the form for a new debate begins with, for somebody who chose it. They belong to a
    person, in whatever workspace the debate is then started."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="preferences",
    )
    agents = models.JSONField(default=list, blank=True)
    """Names, in the order of names. Empty: the default panel, whoever is on it then."""
    protocol = models.CharField(max_length=32, default=ProtocolName.ADAPTIVE.value)
    decision = models.CharField(max_length=32, default=DecisionMode.AUTO.value)
    rounds = models.PositiveSmallIntegerField(default=DEFAULT_ROUNDS)
    budget_usd = models.DecimalField(max_digits=10, decimal_places=4, null=True, blank=True)
    """Empty: no limit."""
    use_memory = models.BooleanField(default=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("user_id",)
        verbose_name_plural = "preferences"
        constraints = (
            models.CheckConstraint(
                name="preferences_rounds_in_range",
                condition=models.Q(rounds__range=(MIN_ROUNDS, MAX_ROUNDS)),
            ),
            models.CheckConstraint(
                name="preferences_budget_above_nothing",
                condition=models.Q(budget_usd__isnull=True) | models.Q(budget_usd__gt=Decimal(0)),
            ),
        )

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
