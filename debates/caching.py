"""Answers that are kept for a while, in a cache that all instances share.

    RATINGS = KeptAnswers("ratings", seconds=60)

    RATINGS.get("law", lambda: read_ratings("law"))
    RATINGS.changed()          # where ratings are written

    PREFERENCES = KeptAnswers("preferences", seconds=3600, by_key=True)

    PREFERENCES.changed("7")   # where those of one person are written

An answer belongs to an era, which ends, when what it was made from has changed, with the commit of
that change. So an answer that somebody is just making from what was there before is never taken for
a new one. When an answer grows old, one process makes it anew while the others go on with it; when
there is none, one makes it while the others wait, for a while.

Asking Redis takes as long as a query or two, so a process also has what it was told last at hand,
for a second: other processes may see a change so much later than the one that made it. Not so with
answers that are forgotten one by one: who changed theirs sees it at once, wherever they come next.
Answers are shared between threads; nobody may change one.

What is kept is never more than a shortcut: with the cache away every answer is made by whoever asks
(`aragora_site.caches`); what has changed meanwhile is forgotten when it is back. Nothing is kept
within a transaction, which sees what others do not. What differs between tenants has to be told
apart by its key.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar, cast
from uuid import uuid4

from django.conf import settings
from django.core.cache import caches
from django.db import connection, transaction
from prometheus_client import Counter

T = TypeVar("T")

ALIAS = "answers"
OLD = 0.8
"""The part of its life after which an answer is made anew."""
REFILL_SECONDS = 10
"""How long one process may take for an answer before another one tries as well."""
WAIT_SECONDS = 1.0
"""How long the others wait for it."""
LOOK_SECONDS = 0.02
AT_HAND_SECONDS = 1.0
"""How long a process goes by what it was told last."""
MOST_AT_HAND = 128
"""Answers of one kind."""
LATE_SECONDS = 1
"""How long an answer is kept that a replica may have made from what was there before."""

ASKED = Counter("aragora_cache_requests_total", "Answers asked for.", ["cache", "result"])


class KeptAnswers:
    """Answers of one kind, kept for so many seconds. Callable from any thread."""

    def __init__(self, name: str, *, seconds: float, by_key: bool = False) -> None:
        """`by_key`: what each answer is made from changes by itself."""
        self._name = name
        self._seconds = seconds
        self._by_key = by_key
        # An era that outlives every answer of it may be dropped.
        self._era_seconds = 2 * seconds if by_key else None
        self._owed: set[str] = set()
        """Eras that ended where the cache could not be told."""
        self._owing = threading.Lock()
        self._at_hand: dict[str, tuple[float, Any]] = {}
        """Answers, and until when they need not be looked up."""
        self._changes = 0
        self._hits, self._misses = (ASKED.labels(name, result) for result in ("hit", "miss"))

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The answer, as it is kept, or made now. Whatever `make` raises is raised."""
        if not settings.ARAGORA.cache_ttl or connection.in_atomic_block:
            return make()
        at_hand = self._at_hand.get(key)
        if at_hand is not None and time.monotonic() < at_hand[0]:
            self._hits.inc()
            return cast(T, at_hand[1])
        changes = self._changes
        answer = self._shared(self._place(key), make)
        if changes == self._changes and not self._by_key:
            if len(self._at_hand) >= MOST_AT_HAND:
                self._at_hand.clear()
            self._at_hand[key] = (time.monotonic() + AT_HAND_SECONDS, answer)
        return answer

    def refresh(self, key: str, make: Callable[[], object]) -> None:
        """Make the answer now, so that nobody waits for it later."""
        if settings.ARAGORA.cache_ttl:
            place = self._place(key)
            era, _ = self._look(place)
            self._make(place, era, make)

    def changed(self, key: str | None = None) -> None:
        """What the answers are made from has been written: forget them when that is committed. The
        one of `key` where they are forgotten by key."""
        transaction.on_commit(lambda: self.forget(key))

    def forget(self, key: str | None = None) -> None:
        """Forget the answers, now; see `changed`."""
        self._changes += 1
        self._at_hand.clear()
        self._end_era(self._era_key(self._place(key) if key is not None else ""))

    def _place(self, key: str) -> str:
        return f"{self._name}:{_digest(key)}"

    def _era_key(self, place: str) -> str:
        if not self._by_key:
            return f"{self._name}:era"
        if not place:
            raise ValueError(f"Say whose {self._name} have changed.")
        return f"{place}:era"

    def _end_era(self, era_key: str) -> None:
        caches[ALIAS].set(era_key, _new_era(), self._era_seconds)
        if _is_away():
            with self._owing:
                self._owed.add(era_key)

    def tell_what_is_owed(self) -> bool:
        """End the eras that the cache could not be told of, if it can be now; whether there were
        any."""
        if not self._owed or _is_away():
            return False
        with self._owing:
            owed, self._owed = self._owed, set()
        for ended in owed:
            self._end_era(ended)
        return bool(owed)

    # --- What is shared ------------------------------------------------------------------------

    def _shared(self, key: str, make: Callable[[], T]) -> T:
        era, entry = self._look(key)
        if entry is None:
            era, entry = self._wait(key, era)
        if entry is not None and (
            time.time() < entry[1] or not caches[ALIAS].add(f"{key}:refill", 1, REFILL_SECONDS)
        ):
            self._hits.inc()
            return cast(T, entry[2])
        self._misses.inc()
        return self._make(key, era, make)

    def _make(self, key: str, era: str, make: Callable[[], T]) -> T:
        try:
            answer = make()
            lives = self._lifetime(era)
            old_at = time.time() + OLD * lives
            caches[ALIAS].set(key, (era, old_at, answer), lives)
        finally:
            caches[ALIAS].delete(f"{key}:refill")
        return answer

    def _lifetime(self, era: str) -> float:
        """Shorter when a replica, if there is one, may not have had the change yet."""
        late = "replica" in settings.DATABASES and (
            time.time() - float(era.partition(":")[0]) < settings.ARAGORA.replica_max_lag + 1
        )
        return LATE_SECONDS if late else self._seconds

    def _look(self, key: str) -> tuple[str, tuple[str, float, Any] | None]:
        """The era, and the answer of it."""
        era_key = self._era_key(key)
        found = caches[ALIAS].get_many([era_key, key])
        if self.tell_what_is_owed():
            found = caches[ALIAS].get_many([era_key, key])
        era, entry = found.get(era_key), found.get(key)
        if era is None:
            caches[ALIAS].add(era_key, _new_era(), self._era_seconds)
            return caches[ALIAS].get(era_key) or _new_era(), None
        return era, entry if entry is not None and entry[0] == era else None

    def _wait(self, key: str, era: str) -> tuple[str, tuple[str, float, Any] | None]:
        """Where somebody is making the answer, what comes of it within a while; otherwise None, and
        the answer is the caller's to make."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not caches[ALIAS].add(f"{key}:refill", 1, REFILL_SECONDS):
            if time.monotonic() > deadline:
                return era, None
            time.sleep(LOOK_SECONDS)
            era, entry = self._look(key)
            if entry is not None:
                return era, entry
        era, entry = self._look(key)  # Somebody may have finished just now.
        if entry is not None:
            caches[ALIAS].delete(f"{key}:refill")
        return era, entry


def _digest(key: str) -> str:
    """What users send is in some keys."""
    return blake2b(key.encode(), digest_size=16).hexdigest()


def _is_away() -> bool:
    """Whether the cache that is shared cannot be told anything just now."""
    return bool(getattr(caches[ALIAS], "is_away", False))


def _new_era() -> str:
    return f"{time.time():.3f}:{uuid4().hex}"


RATINGS = KeptAnswers("ratings", seconds=60)
"""What agents are rated at, and in which domains. The same for everybody."""
CALIBRATION = KeptAnswers("calibration", seconds=300)
"""How well agents' confidence foretold what turned out, over public debates. The same for
everybody."""
TOPICS = KeptAnswers("topics", seconds=300)
"""Of the debates that somebody may see. A debate that has been hidden or deleted since is left out
when they are read."""
ROUNDS = KeptAnswers("rounds", seconds=3600)
"""What was said in debates that are over, as it stands on their pages. The log of such a debate
never changes, and the key names how long it is: there is nothing to forget."""
PREFERENCES = KeptAnswers("preferences", seconds=3600, by_key=True)
"""What somebody's new debates begin with, by the account."""


def tell_what_is_owed() -> None:
    """Once Redis is back, have it forget what this process has changed meanwhile."""
    for kept in (RATINGS, CALIBRATION, TOPICS, ROUNDS, PREFERENCES):
        kept.tell_what_is_owed()
