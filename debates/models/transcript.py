"""What was said and decided. Rows are written once, by the worker that holds the fence."""

from django.db import models
from django.utils import timezone

from aragora_site.tenancy.rules import TenantManager, Through
from debates.choices import choices_of
from debates.engine.types import DecisionMode, Phase
from debates.models.tenants import DEBATES, OF_A_DEBATE


class Round(models.Model):
    """A round of a debate; closed when its figures are known."""

    tenancy = OF_A_DEBATE

    debate = models.ForeignKey(
        "debates.Debate", on_delete=models.CASCADE, related_name="round_set", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    agreement = models.FloatField(null=True, blank=True)
    stability = models.FloatField(null=True, blank=True)

    objects = TenantManager()

    class Meta:
        ordering = ("debate_id", "number")
        constraints = (
            models.UniqueConstraint(fields=("debate", "number"), name="round_number_unique"),
        )

    def __str__(self) -> str:
        return f"round {self.number}"


class Turn(models.Model):
    """A finished model call: what the agent answered, or why it did not."""

    tenancy = Through("debate", DEBATES, sample={"reply": {}})

    debate = models.ForeignKey(
        "debates.Debate", on_delete=models.CASCADE, related_name="turns", db_index=False
    )
    index = models.PositiveIntegerField()
    """Dense, from 0, in the order of finishing."""
    round = models.PositiveSmallIntegerField()
    phase = models.CharField(max_length=16, choices=choices_of(Phase))
    agent = models.CharField(max_length=64)
    part = models.CharField(max_length=80, blank=True)
    text = models.TextField(blank=True)
    reply = models.JSONField(null=True)
    """The engine's reply type as JSON (`debates.engine.codec`); null for a failure."""
    failure_code = models.CharField(max_length=32, blank=True)
    failure_message = models.TextField(blank=True)
    model = models.CharField(max_length=128, blank=True)
    served_by = models.CharField(max_length=64, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    duration_seconds = models.FloatField(default=0.0)
    inherited = models.BooleanField(default=False, db_default=False)
    """In a fork: it was taken in the debate that this one was forked from, and paid for there."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantManager()

    class Meta:
        ordering = ("debate_id", "index")
        constraints = (
            models.UniqueConstraint(
                fields=("debate", "round", "phase", "agent", "part"), name="turn_call_unique"
            ),
            models.UniqueConstraint(fields=("debate", "index"), name="turn_index_unique"),
            models.CheckConstraint(
                name="turn_reply_or_failure",
                condition=models.Q(reply__isnull=False, failure_code="")
                | (models.Q(reply__isnull=True, text="") & ~models.Q(failure_code="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent}, {self.phase}, round {self.round}"


class Ballot(models.Model):
    """A ballot as it was counted in the verdict."""

    tenancy = OF_A_DEBATE

    debate = models.ForeignKey(
        "debates.Debate", on_delete=models.CASCADE, related_name="ballots", db_index=False
    )
    voter = models.CharField(max_length=64)
    ranking = models.JSONField()
    approved = models.JSONField()
    confidence = models.FloatField()
    reason = models.TextField(blank=True)

    objects = TenantManager()

    class Meta:
        ordering = ("debate_id", "voter")
        constraints = (
            models.UniqueConstraint(fields=("debate", "voter"), name="ballot_voter_unique"),
            models.CheckConstraint(
                name="ballot_confidence_in_range",
                condition=models.Q(confidence__range=(0.0, 1.0)),
            ),
        )

    def __str__(self) -> str:
        return self.voter


class Verdict(models.Model):
    """The outcome of a debate that completed."""

    tenancy = OF_A_DEBATE

    debate = models.OneToOneField(
        "debates.Debate", on_delete=models.CASCADE, related_name="verdict"
    )
    reached = models.BooleanField()
    method = models.CharField(max_length=32, choices=choices_of(DecisionMode))
    answer = models.TextField(null=True, blank=True)  # noqa: DJ001 (null: nothing was reached)
    winners = models.JSONField(default=list)
    confidence = models.FloatField()
    agreement = models.FloatField()
    hollow = models.BooleanField(default=False)
    explanation = models.TextField(blank=True)
    detail = models.JSONField()
    """The engine's `Verdict` as JSON (`debates.engine.codec`), and the audience's if it voted
    (`streaming.events.AudienceVerdict`)."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantManager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="verdict_confidence_in_range",
                condition=models.Q(confidence__range=(0.0, 1.0)),
            ),
            models.CheckConstraint(
                name="verdict_answer_when_reached",
                condition=models.Q(reached=False, answer__isnull=True)
                | models.Q(reached=True, answer__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.answer or "no decision"
