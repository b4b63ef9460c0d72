from django.apps import AppConfig


class WorkersConfig(AppConfig):
    name = "workers"
    verbose_name = "Workers"

    def ready(self) -> None:
        from tenants.audit.tracked_models import track
        from tenants.isolation.policies import isolate
        from workers import listeners
        from workers.tables import AUDIT, ISOLATION

        isolate(ISOLATION)
        track(AUDIT)
        listeners.listen()
