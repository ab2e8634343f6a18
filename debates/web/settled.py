"""What a question that is about to be asked has come to before."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from debates.models import Debate, QuestionVector
from debates.selectors.finding import Viewer, debates_visible_to
from debates.selectors.objects import has_language_model
from debates.selectors.similar import settled_before
from debates.services.branching import decision_told
from debates.web.forms import Pasted
from debates.web.words import BY_EXTRACTIVE_AGENTS

SHORTEST = 12
"""Characters below which a question is still being written."""
EMBEDDING_SECONDS = 1.0
"""That a page waits for it; the notice is left out then, and is there the next time."""
SHOWN = 200


def present_settled(*, viewer: Viewer, question: str) -> list[dict[str, str]]:
    """Where a question was decided before, as far as the viewer may see it. Of debates that came to
    the same answer the newest."""
    from memory.embeddings.service import get_service

    question = question.strip()
    if len(question) < SHORTEST or not QuestionVector.objects.exists():
        return []
    embedded = get_service().embed_within([question], seconds=EMBEDDING_SECONDS)
    if embedded is None:
        return []
    found = settled_before(
        visible=debates_visible_to(viewer or AnonymousUser()), question=question, embedded=embedded
    )
    newest: dict[tuple[str, str | None], Debate] = {}
    for debate in sorted((one.debate for one in found), key=_end):
        newest[debate.question, debate.verdict.answer] = debate
    return [_told(one.debate) for one in found if one.debate in newest.values()]


def earlier_decision(debate: Debate) -> Pasted | None:
    """What a debate came to, as a document for the next; None when it came to nothing."""
    verdict = getattr(debate, "verdict", None)
    if verdict is None or not verdict.answer:
        return None
    address = reverse("web:debate", kwargs={"slug": debate.slug})
    return Pasted("What an earlier debate decided", decision_told(debate, verdict), address)


def _end(debate: Debate) -> datetime:
    return debate.completed_at or datetime.min.replace(tzinfo=UTC)


def _told(debate: Debate) -> dict[str, str]:
    return {
        "question": _short(debate.question),
        "answer": _short(debate.verdict.answer or ""),
        "confidence": f"{debate.verdict.confidence:.0%}",
        "by": "" if has_language_model(debate.panel) else BY_EXTRACTIVE_AGENTS,
        "url": reverse("web:debate", kwargs={"slug": debate.slug}),
        "build_on": f"{reverse('web:home')}?build_on={debate.slug}",
    }


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1].rstrip() + "…"
