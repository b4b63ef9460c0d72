from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Installation"

    def ready(self) -> None:
        from facetrack.core.text import search
        from tenants.accounts import session_limits  # noqa: F401  register a check and a receiver
        from tenants.audit.listeners import listen
        from tenants.audit.tracked_models import track
        from tenants.isolation import policies  # noqa: F401  register a check and a receiver
        from tenants.isolation.policies import isolate
        from tenants.tables import AUDIT, ISOLATION

        search.register()
        isolate(ISOLATION)
        track(AUDIT)
        listen()
