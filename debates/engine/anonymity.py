"""Who sees whose words, in what order and under which letter.

Order is drawn from the debate's seed and from names alone: by the hash of the seed, the purpose
and the item. So it differs from reader to reader and from round to round, and does not depend on
the order of the panel or of the turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from itertools import islice
from string import ascii_uppercase

from debates.engine.positions import ABSTAINED
from debates.engine.types import CandidateId

MOST_PEERS = 2
"""More peers are more pressure to conform, and cost more (Du 2023, arXiv 2305.14325)."""
LONGEST_RATIONALE = 1200
"""Characters of a rationale that others are shown."""


def shuffled(items: Iterable[str], seed: int, purpose: str) -> list[str]:
    """`items`, which must differ from each other, in the order that the seed gives them."""
    salt = f"{seed}:{purpose}:".encode()
    return [item for _, item in sorted([(_lot(salt, item), item) for item in items])]


def _lot(salt: bytes, item: str) -> bytes:
    return blake2b(salt + item.encode(), digest_size=8).digest()


def letters(count: int) -> list[str]:
    """A, B, …, Z, AA, AB, …"""
    if count <= len(ascii_uppercase):
        return list(ascii_uppercase[:count])
    double = (a + b for a in ascii_uppercase for b in ascii_uppercase)
    return [*ascii_uppercase, *islice(double, count - len(ascii_uppercase))]


def choose_peers(
    reader: str, answers: Mapping[str, CandidateId], *, seed: int, round_number: int
) -> list[str]:
    """At most `MOST_PEERS` agents that disagree with the reader, and the second with the first
    where that is to be had, in the order in which they are shown. Those who abstain contradict
    nobody: they come last."""
    own = answers[reader]
    differing = shuffled(
        [name for name, answer in answers.items() if answer != own],
        seed,
        f"peers:{round_number}:{reader}",
    )
    differing.sort(key=lambda name: answers[name] == ABSTAINED)
    first = differing[:1]
    others = [name for name in differing[1:] if answers[name] != answers[differing[0]]]
    rest = [name for name in differing[1:] if answers[name] == answers[differing[0]]]
    second = sorted([*others, *rest], key=lambda name: answers[name] == ABSTAINED)
    return [*first, *second][:MOST_PEERS]


def pair_up(members: Iterable[str], *, seed: int, round_number: int) -> dict[str, str]:
    """Whom each member criticises: everybody one, everybody by one, others in the next round."""
    order = shuffled(members, seed, "rotation")
    if len(order) < 2:
        return {}
    shift = 1 + (round_number - 1) % (len(order) - 1)
    return {name: order[(at + shift) % len(order)] for at, name in enumerate(order)}


def shorten(text: str, limit: int = LONGEST_RATIONALE) -> str:
    """The first sentences of `text`, as many as fit into `limit` characters."""
    if len(text) <= limit:
        return text
    head = text[: limit - 2]
    end = max(head.rfind(stop) for stop in (". ", ".\n", "! ", "? ", "\n"))
    return (head[: end + 1] if end > limit // 2 else head).rstrip() + " …"
