from django.apps import AppConfig


class DebatesConfig(AppConfig):
    name = "debates"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from debates.selectors import count_running
        from monitoring.gauges import ACTIVE_DEBATES, register_gauge

        register_gauge(ACTIVE_DEBATES, count_running)
