"""Where the readers of the stream are, for those that come back and cannot say it themselves."""

from django.db import models

from aragora_site.tenancy.rules import TenantManager
from debates.models.tenants import OF_A_DEBATE


class StreamPlace(models.Model):
    """How far a socket has come in a debate that it follows. Kept for a minute after it was seen.

    Only of sockets whose client does not number what it has: others say it when they come back."""

    tenancy = OF_A_DEBATE

    person = models.CharField(max_length=80)
    """By whom it is found again (`debates.streaming.places.key_of`)."""
    connection = models.CharField(max_length=32)
    debate = models.ForeignKey(
        "debates.Debate", on_delete=models.CASCADE, related_name="stream_places"
    )
    epoch = models.UUIDField(null=True, blank=True)
    """Null until the log has been looked at."""
    seq = models.PositiveBigIntegerField()
    """The last event that was sent."""
    holder = models.CharField(max_length=128)
    """The process that has the socket (`debates.running.holders`)."""
    left = models.BooleanField(default=False)
    """The socket is gone. Otherwise it is open, as far as its process has said."""
    replaced = models.BooleanField(default=False)
    """Another socket has gone on in place of this one."""
    seen_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "debate"), name="stream_place_once_a_connection"
            ),
        )
        indexes = (
            # Somebody comes back.
            models.Index(fields=("person", "seen_at"), name="stream_place_of_person"),
            # Sweeping out what is too old.
            models.Index(fields=("seen_at",), name="stream_place_age"),
        )

    def __str__(self) -> str:
        return f"{self.person} at {self.seq}"
