"""Which view an address leads to, without trying a hundred patterns for it.

Django tries them one by one, which takes longer than most views. An address without parameters
leads to the same view every time, so what was found for it once is kept; there are as many as there
are such patterns.
"""

from __future__ import annotations

from django.conf import settings
from django.urls import ResolverMatch, get_resolver

_found: dict[tuple[str, str], ResolverMatch] = {}


def view_at(path: str) -> ResolverMatch:
    """As `django.urls.resolve`, for the URL space of the settings. Raises `Resolver404`."""
    urls: str = settings.ROOT_URLCONF
    match = _found.get((urls, path))
    if match is None:
        match = get_resolver(urls).resolve(path)
        if match.route == path[1:]:
            _found[urls, path] = match
    return match
