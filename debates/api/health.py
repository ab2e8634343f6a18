"""How this instance is."""

from http import HTTPStatus

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, Field

from debates.api.endpoints import endpoint
from monitoring.health import DependencyStatus, HealthStatus, check_health

router = Router(tags=["health"], auth=None)


class HealthOut(BaseModel):
    """The state of the instance that answered."""

    status: HealthStatus
    version: str
    uptime_seconds: int
    active_debates: int | None = Field(description="Running now, over all instances.")
    websocket_connections: int | None = Field(description="Open on this instance.")
    database: DependencyStatus
    redis: DependencyStatus


@endpoint(
    router,
    "GET",
    "/v1/health",
    answer=HealthOut,
    errors=(),
    also=[HTTPStatus.SERVICE_UNAVAILABLE],
    aliases=["/health"],
)
def get_health(request: HttpRequest) -> Status[HealthOut]:
    """How this instance is.

    Answers within two seconds, whatever is broken: 200 while it can serve, 503 when its database
    is away or it is shutting down."""
    health = check_health()
    said = HealthOut(**{key: getattr(health, key) for key in HealthOut.model_fields})
    return Status(health.http_status, said)
