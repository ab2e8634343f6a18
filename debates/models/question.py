"""What a debate was about, as a vector."""

from django.db import models

from aragora_site.tenancy.rules import TenantManager, Through
from debates.models.tenants import DEBATES
from memory.fields import VectorField

ZEROS = bytes(4 * VectorField().dimensions)


class QuestionVector(models.Model):
    """The question of a debate that is over, so that similar ones are found. That it is there also
    says that the debate has been remembered."""

    tenancy = Through("debate", DEBATES, sample={"vector": ZEROS})
    debate = models.OneToOneField(
        "debates.Debate", on_delete=models.CASCADE, related_name="question_vector"
    )
    embedder = models.CharField(max_length=80)
    vector = VectorField()

    objects = TenantManager()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return str(self.debate_id)
