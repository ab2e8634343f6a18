"""Ratings of agents, and the log they can be recomputed from."""

from django.db import models
from django.utils import timezone

from debates.ranking.elo import INITIAL_RATING

OVERALL = ""
"""The domain of the rating over all domains."""


class Rating(models.Model):
    """An agent's Elo rating, overall or in one domain."""

    agent = models.CharField(max_length=64)
    domain = models.CharField(max_length=64, blank=True, default=OVERALL)
    elo = models.FloatField(default=INITIAL_RATING)
    games = models.PositiveIntegerField(default=0)
    wins = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    draws = models.PositiveIntegerField(default=0)
    bt = models.FloatField(null=True, blank=True)
    """Bradley-Terry strength; None until there are games enough, and the fit has been made."""
    bt_low = models.FloatField(null=True, blank=True)
    bt_high = models.FloatField(null=True, blank=True)
    fitted_games = models.PositiveIntegerField(default=0, db_default=0)
    """How many games there were when the strengths were fitted."""
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("domain", "-elo", "agent")
        constraints = (models.UniqueConstraint(fields=("agent", "domain"), name="rating_unique"),)
        indexes = (
            # The leaderboard of a domain.
            models.Index(fields=("domain", "-elo"), name="rating_leaderboard"),
        )

    def __str__(self) -> str:
        return f"{self.agent} {self.elo:.0f}"


class Match(models.Model):
    """A debate that counted for the ranking."""

    shared_because = "The ranking is one for all; it names agents and who won, not what was said."

    debate = models.OneToOneField(
        "debates.Debate", null=True, on_delete=models.SET_NULL, related_name="match"
    )
    """None when the debate was deleted: the ratings that it moved stay as they are."""
    domain = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        # Ids are allotted under the locks of the ratings, so their order is that of the arithmetic.
        ordering = ("id",)
        verbose_name_plural = "matches"

    def __str__(self) -> str:
        return f"match {self.pk}"


class MatchResult(models.Model):
    """What a match did to one agent's ratings. The log of the ranking."""

    match = models.ForeignKey(
        Match, on_delete=models.CASCADE, related_name="results", db_index=False
    )
    agent = models.CharField(max_length=64)
    won = models.BooleanField()
    """Author of the winning proposal."""
    elo_before = models.FloatField()
    elo_after = models.FloatField()
    domain_elo_before = models.FloatField()
    domain_elo_after = models.FloatField()

    class Meta:
        ordering = ("match_id", "agent")
        constraints = (
            models.UniqueConstraint(fields=("match", "agent"), name="match_result_unique"),
        )

    def __str__(self) -> str:
        return f"{self.agent} {self.elo_after - self.elo_before:+.1f}"
