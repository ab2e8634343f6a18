"""Everything that is read, a module a subject. Nothing here writes."""

from debates.selectors.agents import (
    AgentCard,
    Leaderboard,
    Mover,
    SortBy,
    Standing,
    agent_cards,
    leaderboard,
    rated_domains,
    recent_movers,
)
from debates.selectors.finding import (
    Viewer,
    count_running,
    debates_visible_to,
    find_debate_id,
    get_debate,
    get_shared_debate,
    list_debates,
)
from debates.selectors.objects import (
    DebateObject,
    DebateSummary,
    agent_names,
    debate_object,
    debate_summaries,
)
from debates.selectors.queue import (
    QueuePlace,
    QueueStatus,
    queue_place,
    queue_position,
    queue_status,
)
from debates.selectors.snapshot import (
    Message,
    Snapshot,
    count_messages,
    debate_snapshot,
    list_events,
    messages,
)

__all__ = [
    "AgentCard",
    "DebateObject",
    "DebateSummary",
    "Leaderboard",
    "Message",
    "Mover",
    "QueuePlace",
    "QueueStatus",
    "Snapshot",
    "SortBy",
    "Standing",
    "Viewer",
    "agent_cards",
    "agent_names",
    "count_messages",
    "count_running",
    "debate_object",
    "debate_snapshot",
    "debate_summaries",
    "debates_visible_to",
    "find_debate_id",
    "get_debate",
    "get_shared_debate",
    "leaderboard",
    "list_debates",
    "list_events",
    "messages",
    "queue_place",
    "queue_position",
    "queue_status",
    "rated_domains",
    "recent_movers",
]
