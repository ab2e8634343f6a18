from django.apps import AppConfig


class RateLimitConfig(AppConfig):
    name = "ratelimit"
    verbose_name = "Workspaces, keys and limits"
    default_auto_field = "django.db.models.BigAutoField"
