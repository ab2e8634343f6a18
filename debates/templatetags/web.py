"""How pages say figures, times and texts."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from debates.web.figures import (
    describe_age,
    describe_cost,
    describe_dollars,
    describe_seconds,
    describe_wait,
)
from debates.web.markdown import render_markdown
from debates.web.seats import kind_of
from debates.web.sources import EvidenceView, anchor_of, evidence_of, pieces
from monitoring.conditions import conditions

register = template.Library()


@register.simple_tag
def version() -> str:
    """The version of this server."""
    return str(settings.ARAGORA_VERSION)


@register.inclusion_tag("web/parts/banner.html")
def banner(is_staff: bool) -> dict[str, Any]:
    """What the instance does without just now; with what is wrong, for staff. No query."""
    known = [one for one in conditions.known() if is_staff or one.sentence]
    return {"conditions": known, "is_staff": is_staff}


@register.filter
def markdown(text: str, citable: Collection[int | str] = ()) -> SafeString:
    """An agent's or a person's text as safe HTML. Citations of what is `citable` are links."""
    return render_markdown(text, citable or ())


@register.filter
def markdown_document(text: str) -> SafeString:
    """A document that stands under a heading of the second level."""
    return render_markdown(text, under=2)


@register.filter
def cite(text: str, citable: Collection[int | str] = ()) -> SafeString:
    """A plain text, its citations of what is `citable` as links."""
    return format_html_join(
        "",
        "{}",
        (
            (
                words
                if number is None
                else format_html('<a href="#{}">{}</a>', anchor_of(number), words),
            )
            for words, number in pieces(text, citable or ())
        ),
    )


@register.filter
def evidence(position: Mapping[str, Any]) -> EvidenceView:
    """What a proposal or a revision brings forward, in words and as citations alone."""
    return evidence_of(position)


@register.filter
def percent(share: float | str | None) -> str:
    """0.666 → "67%"; a dash when there is no figure (templates pass "" for what is missing)."""
    return f"{share * 100:.0f}%" if isinstance(share, int | float) else "–"


@register.filter
def cost(amount: float, price_known: bool) -> str:
    """What was spent, or that nobody can tell."""
    return describe_cost(float(amount), price_known=price_known)


@register.filter
def dollars(amount: float | None) -> str:
    """US dollars, with as many places as it takes to tell the amount from nothing."""
    return "–" if amount is None else describe_dollars(float(amount))


@register.filter
def seconds(duration: float | None) -> str:
    """A duration in words."""
    return "–" if duration is None else describe_seconds(duration)


@register.filter
def wait(duration: int | None) -> str:
    """When a debate in the queue begins."""
    return describe_wait(duration)


@register.filter
def ago(moment: datetime | str) -> str:
    """How long since; `moment` may be ISO 8601."""
    then = parse_datetime(moment) if isinstance(moment, str) else moment
    return "" if then is None else describe_age(then, timezone.now())


@register.filter
def day(moment: str) -> str:
    """The day of an ISO 8601 moment, such as 26 November 2026, in UTC."""
    then = parse_datetime(moment)
    return "" if then is None else f"{then:%-d %B %Y}"


@register.filter
def kilobytes(size: int) -> str:
    """Bytes in kB or MB, as file managers count."""
    return f"{size / 1_000_000:.3g} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"


@register.filter
def thousands(count: int) -> str:
    """1234567 → "1,234,567"."""
    return f"{count:,}"


@register.filter
def hundredths(share: float | None) -> str:
    """A share as the width of a bar of 100; nought when there is none."""
    return f"{min(1.0, max(0.0, share or 0.0)) * 100:.1f}"


@register.filter
def provider_label(provider: str) -> str:
    """What sort of agent it is; an extractive one is never called a model."""
    return kind_of(provider)
