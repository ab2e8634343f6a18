"""Where the API lives. An address under /api that nobody knows is a 404 in the API's form."""

from typing import NoReturn

from django.http import Http404, HttpRequest
from django.urls import URLPattern, path, re_path
from django.urls.resolvers import RoutePattern

from debates.api.api import api
from debates.api.gate import guarded


def unknown_address(request: HttpRequest) -> NoReturn:
    raise Http404


_patterns, _app_name, _namespace = api.urls
_guarded = [
    URLPattern(pattern.pattern, guarded(pattern.callback), pattern.default_args, pattern.name)
    for pattern in _patterns
    if isinstance(pattern, URLPattern) and isinstance(pattern.pattern, RoutePattern)
]

urlpatterns = [
    path("api/", (_guarded, _app_name, _namespace)),
    re_path(r"^api(?:/|$)", guarded(unknown_address)),
]
