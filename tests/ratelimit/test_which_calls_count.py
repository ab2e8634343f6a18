"""A request is a page, a call or the start of a debate, by its method and address."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from ratelimit.policy import FREE, Call, call_of


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/examples/0/",
        "/debates/what-now/clone/",
        "/debates/what-now/followup/",
        "/debates/what-now/fork/",
        "/api/v1/debates",
        "/api/debates",
        "/api/v1/debate",
        "/api/debate",
        "/api/v1/debate-this",
        "/api/v1/debates/batch",
        "/api/v1/batch",
        "/api/v1/debates/what-now/fork",
        "/api/v1/debates/what-now/clone",
        "/api/v1/debates/what-now/followup",
        "/api/v1/duels",
    ],
)
def test_what_starts_a_debate(path: str) -> None:
    assert call_of("POST", path) is Call.DEBATE
    assert call_of("GET", path) is (Call.REQUEST if path.startswith("/api/") else Call.PAGE)


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("GET", "/debates/", Call.PAGE),
        ("HEAD", "/admin/", Call.PAGE),
        ("POST", "/sign-in/", Call.REQUEST),
        ("POST", "/estimate/", Call.REQUEST),
        ("POST", "/api/v1/debates/what-now/cancel", Call.REQUEST),
        ("POST", "/api/v1/debates/batch/7/cancel", Call.REQUEST),
        ("POST", "/api/v1/duels/7/vote", Call.REQUEST),
        ("DELETE", "/api/v1/debates/what-now", Call.REQUEST),
        ("PUT", "/about/", Call.REQUEST),
        ("OPTIONS", "/api/v1/debates", Call.REQUEST),
        ("POST", "/livez", Call.FREE),
        ("GET", "/livez/", Call.PAGE),
        ("GET", "/api/v1/health/agents", Call.REQUEST),
        ("POST", "//", Call.REQUEST),
    ],
)
def test_the_rest(method: str, path: str, call: Call) -> None:
    assert call_of(method, path) is call


def test_nothing_else_of_the_site_is_free() -> None:
    """Going by the URL configuration, so that a new address is counted unless somebody says not."""
    paths = set(addresses(get_resolver().url_patterns, "/"))
    assert len(paths) > 50
    assert {path for path in paths if call_of("GET", path) is Call.FREE} <= FREE


def addresses(patterns: list[URLPattern | URLResolver], above: str) -> list[str]:
    found = []
    for entry in patterns:
        path = above + str(entry.pattern)
        found += addresses(entry.url_patterns, path) if isinstance(entry, URLResolver) else [path]
    return found
