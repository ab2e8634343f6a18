"""The API: what it is made of. Mounted by `debates.api.urls`."""

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from debates.api import (
    accounts,
    agents,
    audience,
    batches,
    branches,
    consensus,
    control,
    debates,
    details,
    events,
    exports,
    health,
    interventions,
    keys,
    memory,
    messages,
    preferences,
    ranking,
    sharing,
    workspaces,
)
from debates.api.auth import CALLERS
from debates.api.docs import Docs
from debates.api.errors import install_handlers
from debates.api.parsing import StrictParser

DESCRIPTION = """\
Put a question to a panel of agents, watch them argue, get a decision and everything that speaks
against it.

Debates start at once and run on; follow them by their events, over a WebSocket or by asking again.
"""


class AragoraApi(NinjaAPI):
    """Django-ninja's API, with a schema that also says that a call may be anonymous."""

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """None, since every operation answers by itself (`endpoint`)."""
        return cast(HttpResponse, None)

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for operations in schema["paths"].values():
            for operation in operations.values():
                if "security" in operation:
                    operation["security"].append({})
        return schema


api = AragoraApi(
    title="Aragora",
    version=settings.ARAGORA_VERSION,
    description=DESCRIPTION,
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url="/docs",
    docs=Docs(),
    auth=CALLERS,
    parser=StrictParser(),
)
install_handlers(api)
MODULES = (
    # `/v1/debates/trending` and `/batch` have to be known before `/v1/debates/{ref}`.
    *(consensus, batches, debates, branches, control, messages, details, audience, events),
    *(sharing, ranking, agents, memory, interventions, exports, accounts, preferences, keys),
    *(workspaces, health),
)
for module in MODULES:
    api.add_router("", module.router)
