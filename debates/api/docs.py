"""The browsable page at /api/docs, from files of this server alone."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase


class Docs(DocsBase):
    """Swagger UI as it lies in static/vendor, without inline scripts."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        context = {"title": f"{api.title} API", "schema_url": self.get_openapi_url(api, kwargs)}
        return render(request, "api/docs.html", context)
