"""The views that `loadtests.limiter_cost` asks."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django_ratelimit.decorators import ratelimit

from loadtests.limiter_cost import LARGE_RATE


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"ok", headers={"Content-Length": "2"})


urlpatterns = [
    path("api/plain", plain),
    path("api/decorated", ratelimit(key="ip", rate=LARGE_RATE)(plain)),
]
