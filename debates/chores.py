"""The regular work of this app (`debates.running.chores`)."""

from datetime import datetime

from debates.running.jobs import reconcile
from debates.running.upkeep import EVERY_SECONDS, keep_memory

RECONCILIATION_SECONDS = 5.0


def _reconcile(now: datetime) -> None:
    reconcile(now=now)


def _keep_memory(now: datetime) -> None:
    keep_memory(now=now)


CHORES = (
    ("job_reconciliation", RECONCILIATION_SECONDS, _reconcile),
    ("memory_upkeep", float(EVERY_SECONDS), _keep_memory),
)
