from django.apps import AppConfig


class AragoraSiteConfig(AppConfig):
    name = "aragora_site"

    def ready(self) -> None:
        from aragora_site import checks  # noqa: F401  (registers them)
