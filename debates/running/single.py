"""One debate in this process, now: for the command line, and for jobs that name a debate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from debates.choices import DebateStatus
from debates.providers.gateway import Gateway
from debates.running.keeper import Keeper
from debates.running.loading import take_one
from debates.running.run import Ending

STARTABLE = frozenset({DebateStatus.CREATED, DebateStatus.PENDING})


async def run_debate(
    debate_id: UUID,
    *,
    holder: str = "",
    gateway: Gateway | None = None,
    now: Callable[[], datetime] = timezone.now,
) -> Ending:
    """Take the debate up out of turn and go on with it to its end, or until it is paused,
    cancelled or somebody else's. `Ending.LOST` when it cannot be taken up.

    When the caller is cancelled, calls under way are cut off and the debate is handed back."""
    keeper = Keeper(gateway=gateway, holder=holder, now=now)
    keeper.start()
    ending = Ending.LOST
    try:
        while True:
            loaded = await keeper.threads.run(
                take_one,
                debate_id=debate_id,
                holder=keeper.holder,
                statuses=STARTABLE,
                now=now(),
            )
            if loaded is None:
                return ending
            ending = await asyncio.shield(keeper.launch(loaded))
            if ending is not Ending.CRASHED:
                return ending
    finally:
        await keeper.stop(grace_seconds=0.0)
