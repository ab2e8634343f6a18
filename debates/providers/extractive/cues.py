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
    stems = [text.stem(word) for word in found]
    good = bad = 0.0
    for at, stem in enumerate(stems):
        value = _value(stems, at, stem)
        if value == 0.0:
            continue
        before = found[max(0, at - _WINDOW) : at]
        turned = any(word in _NOT or word.endswith("n't") for word in before)
        # "less reliable", "fewer outages"; of a quantity its direction has told that already.
        if found[at - 1 : at] in (["less"], ["fewer"]) and not _is_quantity(stem):
            turned = not turned
        if turned:
            value = -value
        good += max(0.0, value)
        bad += max(0.0, -value)
    return good, bad


def _is_quantity(stem: str) -> bool:
    return stem in _MORE_IS_GOOD or stem in _MORE_IS_BAD


def _value(stems: list[str], at: int, stem: str) -> float:
    """1 for a good word, -1 for a bad one; a quantity counts by its direction."""
    if _is_quantity(stem):
        near = stems[max(0, at - _WINDOW) : at] + stems[at + 1 : at + 1 + _WINDOW]
        direction = sum(word in _UP for word in near) - sum(word in _DOWN for word in near)
        sign = 1.0 if stem in _MORE_IS_GOOD else -1.0
        if direction:
            return sign * (1.0 if direction > 0 else -1.0)
        return sign * 0.5 if stem not in _GOOD and stem not in _BAD else sign
    if stem in _GOOD:
        return 1.0
    return -1.0 if stem in _BAD else 0.0
