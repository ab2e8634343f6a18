"""What memory needs from time to time; a periodic job calls `keep_memory`, as does
`manage.py expire_memory`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from debates.services.remembering import remember_missed
from memory.services.upkeep import expire_memory

EVERY_SECONDS = 60
"""How often it is worth doing: as often as the fastest tier forgets."""


@dataclass(frozen=True, slots=True)
class UpkeepDone:
    """What was done."""

    expired: int
    remembered: int
    """Debates whose worker died before it could write down what they left."""


def keep_memory(*, now: datetime) -> UpkeepDone:
    """Remove what has expired, and make up for what was missed. Blocking; in several processes at
    once it does no harm."""
    return UpkeepDone(expired=expire_memory(now=now), remembered=remember_missed(now=now))
