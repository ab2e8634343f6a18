"""Figures in words. Pure."""

from datetime import datetime

PRICE_UNKNOWN = "price unknown"
MINUTE, HOUR, DAY = 60, 3600, 86_400


def describe_dollars(amount: float) -> str:
    """0 → "no cost", 0.0123 → "$0.012", 1.5 → "$1.50"."""
    if amount <= 0:
        return "no cost"
    if amount < 0.001:
        return "under $0.001"
    return f"${amount:.3f}" if amount < 1 else f"${amount:,.2f}"


def describe_cost(amount: float, *, price_known: bool = True) -> str:
    """What was spent. Where somebody's price is not known, nothing counted is not no cost."""
    if price_known:
        return describe_dollars(amount)
    return f"at least {describe_dollars(amount)}" if amount > 0 else PRICE_UNKNOWN


def describe_range(low: float, high: float) -> str:
    """Two whole numbers, or one when they are the same: "12–40", "3,400"."""
    low, high = round(low), round(high)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def describe_cost_range(low: float, high: float, *, price_known: bool = True) -> str:
    """What a debate may cost, from its lowest to its highest."""
    if not price_known:
        return describe_cost(low, price_known=False)
    if high <= 0:
        return describe_dollars(0)
    first, last = describe_dollars(low), describe_dollars(high)
    if low <= 0:
        return f"up to {last}"
    return last if first == last else f"{first}–{last.removeprefix('$')}"


def describe_seconds(duration: float) -> str:
    """4.2 → "4 s", 95 → "1 min 35 s", 4000 → "1 h 6 min"."""
    whole = round(duration)
    if whole < 1:
        return "under 1 s"
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return (
            f"{whole // MINUTE} min {whole % MINUTE} s" if whole % MINUTE else f"{whole // 60} min"
        )
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def describe_wait(seconds: int | None) -> str:
    """When a debate in the queue begins: roughly, as the estimate is rough."""
    if seconds is None:
        return "It begins as soon as there is room."
    if seconds < 5:
        return "It begins in a moment."
    if seconds < MINUTE:
        return f"It begins in about {-(-seconds // 10) * 10} seconds."
    minutes = -(-seconds // MINUTE)
    if seconds > HOUR:
        return f"It begins in about {-(-seconds // HOUR)} hours."
    return f"It begins in about {minutes} minute{'s' if minutes > 1 else ''}."


def describe_age(then: datetime, now: datetime) -> str:
    """How long ago `then` was: "just now", "5 minutes ago", and from a week on the date."""
    passed = (now - then).total_seconds()
    if passed < MINUTE:
        return "just now"
    for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if passed >= size:
            count = int(passed // size)
            if word == "day" and count > 6:
                break
            return f"{count} {word}{'s' if count > 1 else ''} ago"
    return f"{then:%-d %B %Y}"
