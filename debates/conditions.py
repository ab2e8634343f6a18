"""What debates have to do without, or have to wait for (`monitoring.conditions`)."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from debates.providers import breaker
from debates.running.jobs import count_workers, has_jobs
from debates.selectors.queue import queue_status
from monitoring.conditions import Condition, Conditions

QUEUE_FULL, NO_WORKER, AT_CAPACITY = "queue_full", "no_worker", "at_capacity"
MODELS = "models"
MODELS_AWAY = "models-away"
AWAY_SECONDS = 20
"""How long it counts what a process said of its models; it says so every few seconds."""


def register(conditions: Conditions) -> None:
    """Have these looked after."""
    conditions.register(queue_trouble, QUEUE_FULL, NO_WORKER, AT_CAPACITY)
    conditions.register(models_away, MODELS)


def queue_trouble() -> Condition | None:
    """New debates are refused, or have to wait."""
    found = queue_status()
    if found.queued >= found.limit:
        return Condition(
            QUEUE_FULL,
            "So many debates wait that new ones are refused for now. Those that wait go on.",
            f"{found.queued} debates wait, and ARAGORA_MAX_QUEUED_DEBATES is {found.limit}. Add "
            "workers, or raise it.",
        )
    if found.queued and _nobody_works():
        return Condition(
            NO_WORKER,
            "Debates wait: nothing runs them at the moment.",
            "No worker is alive, and ARAGORA_SERVER_RUNS_DEBATES is false. Start `manage.py "
            "worker`.",
        )
    if found.queued and found.running >= found.seats:
        return Condition(
            AT_CAPACITY,
            "All places are taken: new debates wait for their turn.",
            f"{found.running} of {found.seats} places are taken, and {found.queued} debates wait. "
            "Add workers if that goes on.",
            degrades=False,
        )
    return None


def _nobody_works() -> bool:
    outside = has_jobs() and settings.ARAGORA.server_runs_debates is False
    return outside and not count_workers(now=timezone.now())


def models_away() -> Condition | None:
    """No model server is asked, because all of them keep failing."""
    servers = breaker.SHARED.all_open() or cache.get(MODELS_AWAY)
    if not servers:
        return None
    return Condition(
        MODELS,
        "The language models do not answer. Debates wait for them, and may lack some voices.",
        f"The circuit breakers are open for {', '.join(servers)}. They are tried again within a "
        "minute.",
    )


def tell_others_of_models() -> None:
    """A process that runs debates says when none of its models answer: those that serve pages ask
    none themselves."""
    if servers := breaker.SHARED.all_open():
        cache.set(MODELS_AWAY, servers, AWAY_SECONDS)
