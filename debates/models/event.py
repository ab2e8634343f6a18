"""The event log: the truth that the stream, the pages and the exports are made from."""

from django.db import models

from aragora_site.tenancy.rules import TenantManager
from debates.choices import EventType
from debates.models.tenants import OF_A_DEBATE


class DebateEvent(models.Model):
    """One durable event. `seq` is dense per debate and starts at 1."""

    tenancy = OF_A_DEBATE

    debate = models.ForeignKey(
        "debates.Debate", on_delete=models.CASCADE, related_name="events", db_index=False
    )
    seq = models.PositiveBigIntegerField()
    type = models.CharField(max_length=32, choices=EventType)
    round = models.PositiveSmallIntegerField(null=True, blank=True)
    agent = models.CharField(max_length=150, blank=True)
    """Who spoke: an agent, or a person by user name."""
    data = models.JSONField(default=dict)
    """The payload of its type in `debates.streaming.events`."""
    created_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        ordering = ("debate_id", "seq")
        constraints = (
            # Also serves the replay: events of one debate after a seq, in order. Like the other
            # tables of a debate it needs no index of the foreign key alone.
            models.UniqueConstraint(fields=("debate", "seq"), name="event_seq_unique"),
        )

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"
