"""What people say on a socket: votes and suggestions, carried out."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from debates.exceptions import NotFound
from debates.services import audience
from debates.streaming.client_frames import ClientFrame
from debates.streaming.queries import find_debate
from debates.streaming.subscription import NO_SUCH_DEBATE
from debates.visitors import Person
from ratelimit.keys import require_scope
from ratelimit.models import Scope
from ratelimit.workspaces import acting_as

VOTE, SUGGESTION = "user_vote", "user_suggestion"
"""Types of client frames."""


def carry_out(person: Person, frame: ClientFrame) -> UUID:
    """Do what a `user_vote` or `user_suggestion` says; the debate it is about. Touches the
    database. Raises `BadFrame` and whatever `services.audience` raises."""
    require_scope(person.viewer, Scope.WRITE)
    debate_id = find_debate(person.viewer, frame.reference)
    if debate_id is None:
        raise NotFound(NO_SUCH_DEBATE)
    now = timezone.now()
    with acting_as(person.viewer):
        if frame.type == VOTE:
            choice, intensity = frame.vote(default_intensity=audience.DEFAULT_INTENSITY)
            audience.cast_vote(
                debate_id=debate_id, person=person, choice=choice, intensity=intensity, now=now
            )
        else:
            audience.suggest(debate_id=debate_id, person=person, text=frame.suggestion, now=now)
    return debate_id
