"""Lets those who follow a debate in the queue see it move up."""

from __future__ import annotations

from collections.abc import Collection

from debates.selectors.queue import queue_places
from debates.streaming.envelope import ephemeral_frame
from debates.streaming.events import EphemeralType, QueuePosition
from debates.streaming.followed import Followed
from debates.streaming.packets import Packet
from debates.streaming.queries import run_query


async def tell_places(waiting: Collection[Followed]) -> None:
    """Tell the readers of these debates their places, where they are others than before."""
    if not waiting:
        return
    places = await run_query(queue_places)
    for followed in waiting:
        place = places.get(followed.debate_id)
        if place is None or place == followed.place:
            continue
        followed.place = place
        told = QueuePosition(
            debate_id=followed.key,
            queue_position=place.position,
            estimated_wait_seconds=place.estimated_wait_seconds,
        )
        frame = ephemeral_frame(
            debate_id=followed.key, type=EphemeralType.QUEUE_POSITION, data=told
        )
        followed.broadcast([Packet.of_frame(frame, followed.epoch)])
