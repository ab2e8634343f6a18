"""The URL space: the admin, probes, the stream, the API and the pages."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from aragora_site.limited import limited
from aragora_site.memory_profile import memory_profile
from monitoring.views import metrics
from ratelimit.forms import SIGN_IN, limit_form

urlpatterns = [
    # Before the view that it guards, at the same address.
    path("admin/login/", limit_form(SIGN_IN)(admin.site.login)),
    path("admin/limits/", admin.site.admin_view(limited), name="limited"),
    path("admin/memory-profile/", admin.site.admin_view(memory_profile), name="memory_profile"),
    path("admin/", admin.site.urls),
    path("", include("monitoring.urls")),
    path("", include("debates.streaming.sse")),
    path("", include("debates.api.urls")),
    path("", include("debates.web.urls")),
]
if settings.ARAGORA.enable_telemetry:
    urlpatterns.insert(0, path("metrics", metrics, name="metrics"))

handler400 = "aragora_site.error_views.bad_request"
handler403 = "aragora_site.error_views.forbidden"
handler404 = "aragora_site.error_views.not_found"
handler500 = "aragora_site.error_views.server_error"
