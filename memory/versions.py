"""Versions of scopes: another after every change, by which searchers tell whether what they have at
hand is current. The upper part is the edition of the vectors, which stays until they are made anew.

Both are drawn by lot and not counted: a count that was rolled back would come again for something
else.
"""

from __future__ import annotations

import secrets

LOT_BITS = 40
"""Of a version, below its edition."""
EDITION_BITS = 22


def next_version(version: int) -> int:
    """Another, of the same edition."""
    return edition_of(version) << LOT_BITS | new_lot()


def new_edition() -> int:
    """A version whose vectors may all be others than those of the versions before."""
    return secrets.randbits(EDITION_BITS + LOT_BITS)


def new_lot() -> int:
    """What tells a version from others of its edition."""
    return secrets.randbits(LOT_BITS)


def edition_of(version: int) -> int:
    """Of which making the vectors are."""
    return version >> LOT_BITS
