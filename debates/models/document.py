"""Texts to argue from."""

from django.db import models
from django.utils import timezone

from aragora_site.tenancy.rules import TenantManager, Through, Unowned
from debates.models.tenants import DEBATES


class Document(models.Model):
    """A text given with a debate, or, without a debate, one of the shipped corpus."""

    tenancy = Through("debate", DEBATES, unowned=Unowned.READABLE)

    debate = models.ForeignKey(
        "debates.Debate",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="documents",
        db_index=False,
    )
    number = models.PositiveSmallIntegerField(help_text="What agents cite: [1], [2], …")
    title = models.CharField(max_length=200)
    text = models.TextField()
    source = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TenantManager()

    class Meta:
        ordering = ("debate_id", "number")
        constraints = (
            models.UniqueConstraint(fields=("debate", "number"), name="document_number_unique"),
            # SQL holds nulls to be distinct, so the corpus has a rule of its own.
            models.UniqueConstraint(
                fields=("number",),
                condition=models.Q(debate__isnull=True),
                name="document_corpus_number_unique",
            ),
        )

    def __str__(self) -> str:
        return f"[{self.number}] {self.title}"
