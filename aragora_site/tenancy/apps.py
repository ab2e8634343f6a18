from django.apps import AppConfig
from django.db.backends.signals import connection_created


class TenancyConfig(AppConfig):
    name = "aragora_site.tenancy"
    label = "tenancy"

    def ready(self) -> None:
        from aragora_site.tenancy.database import guard

        connection_created.connect(guard, dispatch_uid="tenancy")
