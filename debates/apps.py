from django.apps import AppConfig


class DebatesConfig(AppConfig):
    name = "debates"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from debates.conditions import register
        from debates.selectors import count_running
        from debates.selectors.queue import count_waiting
        from memory.selectors.occupancy import bytes_by_tier
        from monitoring.conditions import conditions
        from monitoring.gauges import ACTIVE_DEBATES, register_gauge
        from monitoring.metrics import register_reading

        register_gauge(ACTIVE_DEBATES, count_running)
        register(conditions)
        register_reading(
            "aragora_queue_depth",
            "Debates that wait, of the whole installation.",
            lambda: {"": count_waiting()},
        )
        register_reading(
            "aragora_memory_tier_bytes",
            "What a tier of the memory holds, of the whole installation.",
            bytes_by_tier,
            label="tier",
        )
