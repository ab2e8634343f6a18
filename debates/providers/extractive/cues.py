"""What a sentence sounds like: for or against, firm or hedged, with figures or without.

Opinion words with valence shifters, after Hu and Liu (2004, doi 10.1145/1014052.1014073) and
Polanyi and Zaenen (2006, doi 10.1007/1-4020-4102-0_1); the lists are the project's own. A reader
by lists errs, and that is why every agent shows the sentence it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from debates.providers.extractive import text


def _stems(listed: str) -> frozenset[str]:
    return frozenset(map(text.stem, text.word_set(listed)))


_GOOD = _stems(
    "benefit advantage improve gain better best faster simple simpler cheap cheaper safe safer "
    "reliable efficient succeed success successful help protect enable allow easy easier robust "
    "strong stronger healthy comfortable clean cleaner consistent bargain popular satisfied "
    "flexible profit profitable affordable free stable secure mature recommend welcome win "
    "support favour favor independent warm good sustainable effective lighter smooth "
    "enjoy happy love prefer"
)
_BAD = _stems(
    "risk danger dangerous harm harmful fail failure failing problem drawback disadvantage worse "
    "worst slow slower difficult hard harder expensive loss lose lost suffer damage burden "
    "complaint complain critic criticism objection error conflict fragile unsafe unreliable weak "
    "weaker trouble tangle stress burnout loneliness accident crash death attack outage delay "
    "corrosion damp mould debt bureaucracy inequality unfair patchwork decline worsen threat "
    "vulnerable overrun waste unpopular dark severe bad poor wrong bound"
)
_MORE_IS_GOOD = _stems(
    "productivity revenue output performance satisfaction sales profit safety availability "
    "reliability quality health wellbeing trust growth passenger ridership comfort resilience"
)
_MORE_IS_BAD = _stems(
    "cost price risk emission stress burnout accident death delay failure complexity latency debt "
    "bill turnover attrition resignation absence traffic congestion pollution waste consumption "
    "crash error tax unemployment crime loss expense inflation car rent fee workload"
)
_UP = _stems(
    "rise rose risen raise increase grow grew grown gain double higher more boost expand surge "
    "climb"
)
_DOWN = _stems(
    "fall fell fallen reduce reduction cut lower drop decrease save saved saving less fewer "
    "decline shrink halve avoid prevent lessen eliminate"
)
_REMOVING = _stems(
    "remove removal fix solve resolve avert mitigate overcome prevent avoid eliminate"
)
_NOT_GOVERNED = text.word_set(
    "that which who because when while if although since where and or but to is are was were be "
    "has have had may might can could will would should must caused bring brings brought take "
    "takes took"
)
"""What stands behind one of these is no part of what is removed."""
_UNSETTLED = text.word_set("undecided unclear uncertain unknown unsure")
_NOT = text.word_set("not no never without hardly neither nor cannot nobody nothing rarely")
_HEDGES = text.word_set(
    "may might could perhaps possibly probably likely seem seems suggest suggests appear appears "
    "sometimes hope hoped expect expected claim claims"
)
_REASONS = text.word_set("because since therefore thus hence so causes caused leads led means")
_TRIED = re.compile(
    r"\b(?:1[89]|20)\d\d\b|\b(?:trial|pilot|experiment|study|studies|survey|tried|reported|found)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_CONTRAST = re.compile(r"(?:,|;|\s—|\s–)\s+(?:but|yet|however)\s|\bhowever,\s", re.IGNORECASE)
_CONCESSION = re.compile(
    r"^(?:although|though|while|despite|even though)\b[^,]*,\s*", re.IGNORECASE
)
_WINDOW = 4
"""Words: how far a shifter reaches."""
_GOVERNED = 8
"""Words: how far "remove" and the like reach: "remove the causes of 14 of the 17 failures"."""


@dataclass(frozen=True, slots=True)
class Features:
    """What `scoring` weighs."""

    polarity: float
    """From -1, against, to 1, in favour of what the sentence is about."""
    figures: bool
    """Has a number other than a year."""
    hedged: bool
    reasoned: bool
    tried: bool
    length: int
    """Words."""


@lru_cache(maxsize=8192)
def features(sentence: str) -> Features:
    found = text.words(sentence)
    return Features(
        polarity=polarity(sentence),
        figures=bool(_FIGURE.search(_YEAR.sub("", sentence))),
        hedged=any(word in _HEDGES for word in found),
        reasoned=any(word in _REASONS for word in found),
        tried=bool(_TRIED.search(sentence)),
        length=len(found),
    )


def hedge_in(sentence: str) -> str:
    """The first hedging word; "" for none."""
    return next((word for word in text.words(sentence) if word in _HEDGES), "")


def polarity(sentence: str) -> float:
    """The balance of opinion words, (good - bad) / (good + bad + 1), in (-1, 1).

    What follows a "but", or a concession, counts double: it is where a sentence ends up."""
    main = _CONCESSION.sub("", sentence)
    parts = [(main, 1.0)] if main == sentence else [(main, 2.0)]
    if split := _CONTRAST.split(main, maxsplit=1)[1:]:
        parts.append((split[0], 1.0))
    good = bad = 0.0
    for part, weight in parts:
        more_good, more_bad = _count(part)
        good += weight * more_good
        bad += weight * more_bad
    return (good - bad) / (good + bad + 1.0)


def _count(part: str) -> tuple[float, float]:
    found = text.words(part)
    if _UNSETTLED.intersection(found):
        return 0.0, 0.0
    stems = [text.stem(word) for word in found]
    good = bad = 0.0
    for at, stem in enumerate(stems):
        value = _value(stems, at)
        if value == 0.0:
            continue
        # "It would remove the failures"; of a quantity its direction has told that already.
        is_bad = value < 0.0 and not _direction(stems, at)
        remover = _remover(found, stems, at) if is_bad else None
        start = at if remover is None else remover
        before = found[max(0, start - _WINDOW) : at]
        turned = any(word in _NOT or word.endswith("n't") for word in before)
        # "less reliable", "fewer outages"; of a quantity its direction has told that already.
        if found[at - 1 : at] in (["less"], ["fewer"]) and not _is_quantity(stem):
            turned = not turned
        if turned != (remover is not None):
            value = -value
        good += max(0.0, value)
        bad += max(0.0, -value)
    return good, bad


def _remover(found: list[str], stems: list[str], at: int) -> int | None:
    """Where the word stands that removes what stands at `at`; None when none does."""
    for place in range(at - 1, max(-1, at - 1 - _GOVERNED), -1):
        if found[place] in _NOT_GOVERNED:
            return None
        if stems[place] in _REMOVING:
            return place
    return None


def _is_quantity(stem: str) -> bool:
    return stem in _MORE_IS_GOOD or stem in _MORE_IS_BAD


def _direction(stems: list[str], at: int) -> int:
    """1 where the quantity at `at` rises, -1 where it falls, else 0."""
    if not _is_quantity(stems[at]):
        return 0
    near = stems[max(0, at - _WINDOW) : at] + stems[at + 1 : at + 1 + _WINDOW]
    direction = sum(word in _UP for word in near) - sum(word in _DOWN for word in near)
    return (direction > 0) - (direction < 0)


def _value(stems: list[str], at: int) -> float:
    """1 for a good word, -1 for a bad one. A quantity counts by its direction, and without one not
    at all, unless its word is good or bad of itself."""
    stem = stems[at]
    if direction := _direction(stems, at):
        return float(direction if stem in _MORE_IS_GOOD else -direction)
    if stem in _GOOD:
        return 1.0
    return -1.0 if stem in _BAD else 0.0
