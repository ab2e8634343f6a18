"""How long the queue is, over all tenants: a place in it says nothing of whom one waits behind."""

from datetime import datetime

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus
from debates.models import Debate


@across_tenants(Purpose.QUEUE)
def count_waiting(*, before: datetime | None = None) -> int:
    """How many debates wait for a worker; with `before`, those that were queued earlier."""
    waiting = Debate.objects.filter(status=DebateStatus.PENDING)
    return (waiting if before is None else waiting.filter(queued_at__lt=before)).count()
