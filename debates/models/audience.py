"""What people say: votes for standing answers, and suggestions to the panel."""

from django.db import models

from aragora_site.tenancy.rules import TenantManager
from debates.choices import choices_of
from debates.engine.types import HeardAs
from debates.models.tenants import OF_A_DEBATE

LEAST_INTENSITY, MOST_INTENSITY = 1, 10
MAX_SUGGESTION_LENGTH = 500
MAX_INTERVENTION_LENGTH = 2000


class AudienceVote(models.Model):
    """The last vote of one person in one debate."""

    tenancy = OF_A_DEBATE

    debate = models.ForeignKey(
        "debates.Debate",
        on_delete=models.CASCADE,
        related_name="audience_votes",
        db_index=False,
    )
    person = models.CharField(max_length=64)
    """Who voted (`debates.visitors.Person.key`)."""
    source = models.CharField(max_length=32, blank=True)
    """Stands for the address of somebody who is not signed in; empty otherwise."""
    candidate = models.CharField(max_length=32)
    """The engine's `CandidateId`. The answer stood when the vote was cast; it may not any more."""
    answer = models.TextField()
    """In the words of the panel."""
    intensity = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        ordering = ("debate_id", "id")
        constraints = (
            # Also serves the tally of a debate.
            models.UniqueConstraint(fields=("debate", "person"), name="audience_vote_once"),
            models.CheckConstraint(
                name="audience_vote_intensity_in_range",
                condition=models.Q(intensity__range=(LEAST_INTENSITY, MOST_INTENSITY)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.candidate} ({self.intensity})"


class Suggestion(models.Model):
    """Something that a person wants the panel to consider. Shown to agents as a quotation.

    Those who steer the debate may say for which round, and what it is: an intervention."""

    tenancy = OF_A_DEBATE

    debate = models.ForeignKey(
        "debates.Debate", on_delete=models.CASCADE, related_name="suggestions", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    """Dense per debate, from 1."""
    person = models.CharField(max_length=64)
    source = models.CharField(max_length=32, blank=True)
    """As in `AudienceVote`."""
    kind = models.CharField(
        max_length=16,
        choices=choices_of(HeardAs),
        default=HeardAs.SUGGESTION.value,
        db_default=HeardAs.SUGGESTION.value,
    )
    text = models.CharField(max_length=MAX_INTERVENTION_LENGTH)
    """A suggestion of the audience has at most `MAX_SUGGESTION_LENGTH` characters."""
    fingerprint = models.CharField(max_length=32, blank=True)
    """The same for texts that differ in nothing but case, spaces and punctuation. Empty for an
    intervention, which may be said again."""
    apply_at_round = models.PositiveSmallIntegerField(default=0, db_default=0)
    """No exchange before this round is shown it."""
    offered_in_round = models.PositiveSmallIntegerField(null=True, blank=True)
    """The round whose exchange was shown it; null while it waits for one."""
    created_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        ordering = ("debate_id", "number")
        constraints = (
            # Also serves the worker, which reads those that wait, in order.
            models.UniqueConstraint(fields=("debate", "number"), name="suggestion_number_unique"),
            models.UniqueConstraint(
                fields=("debate", "fingerprint"),
                condition=models.Q(kind=HeardAs.SUGGESTION.value),
                name="suggestion_said_once",
            ),
        )

    def __str__(self) -> str:
        return f"suggestion {self.number}"
