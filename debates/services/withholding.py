"""What a debate was shown of others, when more people may read it than before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from debates.choices import EventType, Visibility
from debates.models import Debate, DebateEvent
from debates.selectors.finding import debates_open_with, is_open_to_all
from debates.selectors.readers import reader_of_debate
from memory.models import Entry

WITHHELD = "withheld: not everybody who may read this debate may read it"


def withhold_recalled(debate: Debate) -> None:
    """Take out of the log what was recalled and not everybody may read who may read the debate now.
    Under the debate's lock, when it has been opened to others.

    Where it has not begun, a worker may be looking things up for it: that is to be done again; a
    fork may have something in its log already. What its owner alone may read stays as it was."""
    if debate.visibility == Visibility.PRIVATE and not is_open_to_all(debate):
        return
    if debate.started_at is None:
        debate.fence += 1
        debate.save(update_fields=["fence"])
    recalls = DebateEvent.objects.filter(debate=debate, type=EventType.MEMORY_RECALL)
    for event in recalls:
        shown = readable_recall(debate, event.data)
        if shown != event.data:
            event.data = shown
            event.save(update_fields=["data"])


def readable_recall(debate: Debate, data: Mapping[str, Any]) -> dict[str, Any]:
    """What was recalled, without the words of what not everybody may read who may read the
    debate."""
    entries, settled = data["entries"], data["settled"]
    sources = {one["debate_id"] for one in [*entries, *settled] if one["debate_id"]}
    found = debates_open_with(debate).filter(pk__in=sources).values_list("pk", flat=True)
    is_open = {str(key) for key in found}
    written = [entry["id"] for entry in entries if not entry["debate_id"]]
    readable = Entry.objects.filter(reader_of_debate(debate).entries(), pk__in=written)
    may_stay = set(readable.values_list("pk", flat=True))

    def stays(entry: dict[str, Any]) -> bool:
        return entry["debate_id"] in is_open if entry["debate_id"] else entry["id"] in may_stay

    return {
        **data,
        "entries": [
            entry
            if stays(entry)
            else {**entry, "content": "", "why": WITHHELD, "debate_id": None, "slug": ""}
            for entry in entries
        ],
        "settled": [one for one in settled if one["debate_id"] in is_open],
    }
