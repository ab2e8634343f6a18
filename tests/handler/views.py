"""Views that do what handlers get wrong."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator

from django.contrib.auth.models import User
from django.db import connection
from django.http import (
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from aragora_site import urls as site

SHORT, LONG = b"x" * 10, b"y" * 200_000


class Latch:
    """Lets a test hold a view, and know that it is held."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.runs = 0

    def hold(self) -> None:
        self.runs += 1
        self.entered.release()
        assert self.go_on.wait(10)


latch = Latch()
closed = threading.Event()


def thread_name(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="application/octet-stream")


@csrf_exempt
def upload(request: HttpRequest) -> JsonResponse:
    files = {name: len(file.read()) for name, file in request.FILES.items()}
    return JsonResponse({"files": files, "fields": request.POST.dict()})


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a view failed")


def held(request: HttpRequest) -> HttpResponse:
    latch.hold()
    return HttpResponse("done")


def pieces(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([SHORT, LONG, SHORT]), content_type="text/plain")


def endless(request: HttpRequest) -> StreamingHttpResponse:
    def forever() -> Iterator[bytes]:
        try:
            while True:
                yield LONG
        finally:
            closed.set()

    return StreamingHttpResponse(forever(), content_type="text/plain")


def breaks_off(request: HttpRequest) -> StreamingHttpResponse:
    def some() -> Iterator[bytes]:
        yield SHORT
        raise RuntimeError("the rest is missing")

    return StreamingHttpResponse(some(), content_type="text/plain")


async def coroutine(request: HttpRequest, name: str) -> StreamingHttpResponse:
    async def some() -> AsyncIterator[bytes]:
        yield SHORT
        yield SHORT

    return StreamingHttpResponse(some(), content_type="text/plain")


def cookies(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("cookies")
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", httponly=True)
    return response


def database(request: HttpRequest) -> HttpResponse:
    was_open = connection.connection is not None
    User.objects.count()
    return HttpResponse(str(was_open))


urlpatterns = [
    path("thread/", thread_name),
    path("echo/", echo),
    path("upload/", upload),
    path("broken/", broken),
    path("held/", held),
    path("livez", thread_name),
    path("pieces/", pieces),
    path("endless/", endless),
    path("breaks-off/", breaks_off),
    path("coroutine/<str:name>/", coroutine),
    path("cookies/", cookies),
    path("database/", database),
    *site.urlpatterns,
]
handler400, handler403 = site.handler400, site.handler403
handler404, handler500 = site.handler404, site.handler500
