"""A checksum is the same for the same rows, and another one for any others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aragora_site.persistence.checksums import Checksum

texts = st.text()
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(texts, inner)),
    max_leaves=10,
)
rows = st.lists(st.tuples(texts, json_values, st.integers()), max_size=10)


def of(*found: Any) -> Checksum:
    return Checksum().with_rows(found)


@given(rows, st.randoms(use_true_random=False), st.integers(0, 10))
def test_neither_order_nor_batches_matter(found: list[Any], random: Any, cut: int) -> None:
    shuffled = random.sample(found, len(found))
    assert of(*found) == of(*shuffled[:cut]).with_rows(shuffled[cut:])


@given(rows, texts, texts)
def test_another_value_is_another_checksum(found: list[Any], old: str, new: str) -> None:
    row = (old, None, 1)
    assert (of(*found, row) == of(*found, (new, None, 1))) == (old == new)
    assert of(*found) != of(*found, row)


def test_what_databases_write_differently_is_the_same() -> None:
    assert of([{"a": 1, "b": [1e22, -0.0]}]) == of([{"b": [10**22, 0], "a": 1.0}])
    assert of([Decimal("0.1000")]) == of([Decimal("0.1")])
    assert of([b"x"]) == of([memoryview(b"x")])


def test_values_of_different_kinds_are_different() -> None:
    values = ["1", 1, True, None, "", [], {}, [1], {"1": 1}, b"1", Decimal(1)]
    assert len({of([value]) for value in values}) == len(values)
