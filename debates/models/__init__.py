"""Rows of the product, a module a subject."""

from debates.models.agent import Agent
from debates.models.audience import AudienceVote, Suggestion
from debates.models.chore import Chore
from debates.models.debate import Debate
from debates.models.document import Document
from debates.models.event import DebateEvent
from debates.models.idempotency import IdempotencyRecord
from debates.models.outcome import Outcome
from debates.models.preferences import Preferences
from debates.models.question import QuestionVector
from debates.models.rating import Match, MatchResult, Rating
from debates.models.sharing import ShareLink
from debates.models.stream import StreamPlace
from debates.models.transcript import Ballot, Round, Turn, Verdict
from debates.models.usage import UsageRecord

__all__ = [
    "Agent",
    "AudienceVote",
    "Ballot",
    "Chore",
    "Debate",
    "DebateEvent",
    "Document",
    "IdempotencyRecord",
    "Match",
    "MatchResult",
    "Outcome",
    "Preferences",
    "QuestionVector",
    "Rating",
    "Round",
    "ShareLink",
    "StreamPlace",
    "Suggestion",
    "Turn",
    "UsageRecord",
    "Verdict",
]
