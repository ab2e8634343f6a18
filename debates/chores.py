"""The regular work of this app (`debates.running.chores`)."""

from datetime import datetime

from debates.running.jobs import reconcile

RECONCILIATION_SECONDS = 5.0


def _reconcile(now: datetime) -> None:
    reconcile(now=now)


CHORES = (("job_reconciliation", RECONCILIATION_SECONDS, _reconcile),)
