"""The probes of orchestrators, outside the API: they need no key and are in no schema."""

from dataclasses import asdict
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring.conditions import conditions
from monitoring.health import check_health, is_draining, is_ready


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The same answer as `/api/health`."""
    health = check_health()
    return JsonResponse(asdict(health), status=health.http_status)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus reads. Being read is a reason to look what the instance does without."""
    from django_prometheus.exports import ExportToDjangoView

    conditions.known()
    response: HttpResponse = ExportToDjangoView(request)
    return response


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is touched."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether new requests may be sent here."""
    if is_ready():
        return JsonResponse({"status": "ready"})
    reason = "draining" if is_draining() else "the database does not answer"
    return JsonResponse(
        {"status": "not ready", "reason": reason}, status=HTTPStatus.SERVICE_UNAVAILABLE
    )
