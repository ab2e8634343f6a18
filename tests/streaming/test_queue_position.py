"""Readers of a debate that waits see it move up."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from debates.choices import DebateStatus
from debates.models import Debate
from tests.factories import make_debate
from tests.support.streams import StreamServer, reader


def test_a_debate_moves_up(stream: StreamServer, debate: Debate) -> None:
    earlier = make_debate(queued_at=timezone.now() - timedelta(minutes=1))
    with reader(stream, debate.pk) as client:
        frame = client.until("queue_position")
        assert frame["data"] == {
            "debate_id": str(debate.pk),
            "queue_position": 2,
            "estimated_wait_seconds": 0,
        }
        assert "seq" not in frame
        Debate.objects.filter(pk=earlier.pk).update(status=DebateStatus.RUNNING)
        assert client.until("queue_position")["data"]["queue_position"] == 1
