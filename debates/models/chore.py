"""When the regular work of the whole installation is due."""

from django.db import models


class Chore(models.Model):
    """One kind of regular work. Whoever moves `due_at` on carries it out, and nobody else."""

    name = models.CharField(max_length=64, primary_key=True)
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
