"""Addresses lead where Django says that they lead, the first time and every time."""

from __future__ import annotations

import pytest
from django.urls import Resolver404, resolve

from aragora_site import addresses
from aragora_site.addresses import view_at

ADDRESSES = ["/livez", "/api/health", "/api/v1/debates", "/", "/debates/", "/admin/login/"]


@pytest.mark.parametrize("path", [*ADDRESSES, "/api/v1/debates/x", "/api/nowhere", "/debates/x/"])
def test_it_is_the_view_that_django_finds(path: str) -> None:
    expected = resolve(path)
    for _ in range(2):
        found = view_at(path)
        assert (found.func, found.args, found.kwargs) == (
            expected.func,
            expected.args,
            expected.kwargs,
        )
        assert (found.route, found.view_name) == (expected.route, expected.view_name)


def test_what_anybody_may_make_up_is_not_kept() -> None:
    for path in ADDRESSES:
        view_at(path)
    before = len(addresses._found)
    for number in range(50):
        view_at(f"/api/v1/debates/{number}")
        view_at(f"/api/nowhere/{number}")
        with pytest.raises(Resolver404):
            view_at(f"/nowhere/{number}")
    assert len(addresses._found) == before
