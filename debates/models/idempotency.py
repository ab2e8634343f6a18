"""Answers that are kept so that a request which is sent again is not carried out again."""

from django.db import models

from aragora_site.tenancy.rules import Own, TenantManager, Unowned


class IdempotencyRecord(models.Model):
    """A request that was carried out under an Idempotency-Key, and what it was answered."""

    tenancy = Own(unowned=Unowned.OPEN)

    key = models.CharField(max_length=255)
    principal = models.CharField(max_length=64)
    """Whose key it is: two callers may choose the same one."""
    workspace = models.ForeignKey(
        "ratelimit.Workspace", null=True, on_delete=models.CASCADE, related_name="+"
    )
    """Of whoever called. Empty for people who are not signed in, whose debates are public."""
    operation = models.CharField(max_length=255)
    """Method and path."""
    request_hash = models.CharField(max_length=64)
    """SHA-256 of the body, hexadecimal."""
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    expires_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        constraints = (
            # Also serves the look-up; the insert is the claim.
            models.UniqueConstraint(
                fields=("key", "principal", "operation"), name="idempotency_unique"
            ),
        )
        indexes = (
            # Sweeping out what has expired.
            models.Index(fields=("expires_at",), name="idempotency_expiry"),
        )

    def __str__(self) -> str:
        return f"{self.operation} {self.status}"
