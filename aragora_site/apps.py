from django.apps import AppConfig
from django.core.cache import close_caches
from django.core.signals import request_finished


class AragoraSiteConfig(AppConfig):
    name = "aragora_site"

    def ready(self) -> None:
        from aragora_site import checks  # noqa: F401  (registers them)

        # None of the caches has anything to be closed. To look for them takes as long as to read
        # the request.
        request_finished.disconnect(close_caches)
