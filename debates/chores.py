"""The regular work of this app (`debates.running.chores`)."""

from datetime import datetime

from debates.ranking.refit import refit_ratings
from debates.running.jobs import reconcile
from debates.running.upkeep import EVERY_SECONDS, keep_memory
from debates.selectors.agents import warm_ratings
from debates.selectors.topics import warm_topics

RECONCILIATION_SECONDS = 5.0
WARM_RATINGS_SECONDS = 45.0
"""Before the ratings that are kept grow old."""
WARM_TOPICS_SECONDS = 240.0
REFIT_SECONDS = 600.0


def _reconcile(now: datetime) -> None:
    reconcile(now=now)


def _keep_memory(now: datetime) -> None:
    keep_memory(now=now)


def _warm_ratings(now: datetime) -> None:
    warm_ratings()


def _warm_topics(now: datetime) -> None:
    warm_topics(now=now)


def _refit_ratings(now: datetime) -> None:
    refit_ratings(now=now)


CHORES = (
    ("job_reconciliation", RECONCILIATION_SECONDS, _reconcile),
    ("memory_upkeep", float(EVERY_SECONDS), _keep_memory),
    ("rating_refit", REFIT_SECONDS, _refit_ratings),
    ("ratings_warmer", WARM_RATINGS_SECONDS, _warm_ratings),
    ("topics_warmer", WARM_TOPICS_SECONDS, _warm_topics),
)
