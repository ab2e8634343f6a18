"""What debates are about: clusters of their questions, with names that people can read."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from aragora_site.tenancy.scopes import act_for
from debates.caching import TOPICS
from debates.models import Debate, QuestionVector
from debates.selectors.finding import Viewer, debates_visible_to, listed
from memory.words import stem, terms
from ratelimit.keys import key_behind

HALF_LIFE = timedelta(days=2)
"""After which a debate counts half."""
SAME_TOPIC = 0.5
MOST_DEBATES = 500
"""The newest, of which topics are made."""
LABEL_WORDS = 3
_WORD = re.compile(r"\w+")
_WORDS_OF_ANY_QUESTION = """
actually allow allowed answer bad best better choose consider debate decide decision enough ever get
give go good great idea important instead keep kind less let like likely long lot made make makes
making many matter may might much must need needed needs new one people possible prefer question
rather really reason right start still stop sure take thing things think true try use used using
want way ways well whether without work worse worst worth wrong yes yet
"""
_LIGHT = frozenset(_WORDS_OF_ANY_QUESTION.split())


@dataclass(frozen=True, slots=True)
class Topic:
    """Debates about the same thing, the newest first."""

    label: str
    score: float
    """The sum over its debates of 1, halved for every `HALF_LIFE` of age."""
    debate_ids: tuple[UUID, ...]


def trending_topics(*, viewer: Viewer, now: datetime, limit: int = 10) -> list[Topic]:
    """The topics of the debates that the viewer may see, the liveliest first. Kept for 300 s; what
    has been hidden, put away or deleted since is left out."""
    found = TOPICS.get(_who(viewer), lambda: make_topics(visible=_talked_of(viewer), now=now))
    shown: list[Topic] = []
    for start in range(0, len(found), limit):
        if len(shown) >= limit:
            break
        shown += _still_visible(found[start : start + limit], viewer)
    return shown[:limit]


def warm_topics(*, now: datetime) -> None:
    """Have the topics that everybody sees at hand before they are asked for."""
    with act_for():
        TOPICS.refresh(_who(None), lambda: make_topics(visible=_talked_of(None), now=now))


def _talked_of(viewer: Viewer) -> QuerySet[Debate]:
    return listed(debates_visible_to(viewer))


def _still_visible(topics: Sequence[Topic], viewer: Viewer) -> list[Topic]:
    ids = {debate_id for topic in topics for debate_id in topic.debate_ids}
    there = set(_talked_of(viewer).filter(pk__in=ids).values_list("pk", flat=True))
    left = [
        Topic(topic.label, topic.score, tuple(one for one in topic.debate_ids if one in there))
        for topic in topics
    ]
    return [topic for topic in left if topic.debate_ids]


def _who(viewer: Viewer) -> str:
    """Names those who see the same debates: a key that is bound to a workspace sees fewer than its
    account."""
    if viewer is None or not viewer.is_authenticated:
        return "anybody"
    key = key_behind(viewer)
    return f"{viewer.pk}:{key.workspace_id if key else None}"


def make_topics(*, visible: QuerySet[Debate], now: datetime) -> list[Topic]:
    """Topics by leader clustering: a question joins the topic whose centre is closest, if that is
    close enough, else it begins one. One query, and no embedding."""
    rows = list(
        QuestionVector.objects.filter(debate__in=visible)
        .order_by("-debate__created_at", "-debate_id")
        .values_list("debate_id", "debate__question", "debate__created_at", "embedder", "vector")[
            :MOST_DEBATES
        ]
    )
    if not rows:
        return []
    import numpy as np

    embedder = rows[0][3]
    rows = [row for row in rows if row[3] == embedder]
    vectors = np.stack([np.frombuffer(row[4], dtype=np.float32) for row in rows])
    sums = np.zeros_like(vectors)
    members: list[list[int]] = []
    for place, vector in enumerate(vectors):
        centres = sums[: len(members)]
        lengths = np.linalg.norm(centres, axis=1)
        close = centres @ vector / np.maximum(lengths, 1e-9) if members else np.zeros(0)
        best = int(close.argmax()) if members else -1
        if not members or close[best] < SAME_TOPIC:
            members.append([])
            best = len(members) - 1
        members[best].append(place)
        sums[best] += vector
    common = _document_counts([row[1] for row in rows])
    topics = [
        Topic(
            label=_label([rows[place][1] for place in group], common, len(rows)),
            score=round(sum(_weight(now - rows[place][2]) for place in group), 4),
            debate_ids=tuple(rows[place][0] for place in group),
        )
        for group in members
    ]
    return sorted(topics, key=lambda topic: (-topic.score, topic.label))


def _weight(age: timedelta) -> float:
    return math.exp2(-max(age, timedelta()) / HALF_LIFE)


def _document_counts(questions: Sequence[str]) -> Counter[str]:
    return Counter(
        one for question in questions for one in {stem(term) for term in terms(question)}
    )


def _label(questions: Sequence[str], common: Mapping[str, int], total: int) -> str:
    """The words that most of the topic's questions share and few others have, each in one form, in
    the order and the spelling of its newest question."""
    written = {
        word.lower(): word for question in reversed(questions) for word in _WORD.findall(question)
    }
    forms: dict[str, str] = {}
    for question in questions:
        for term in terms(question):
            if _says_something(term, written[term]):
                forms.setdefault(stem(term), term)
    counts = _document_counts(questions)
    worth = {one: counts[one] * math.log(1 + total / common[one]) for one in forms}
    best = sorted(forms, key=lambda one: -worth[one])[:LABEL_WORDS]
    words = [written[term] for one, term in forms.items() if one in best]
    label = " ".join(words) or questions[0][:40]
    return label[:1].upper() + label[1:]


def _says_something(term: str, written: str) -> bool:
    if term.isdigit() or term in _LIGHT:
        return False
    return len(term) > 2 or (len(term) == 2 and written.isupper())
