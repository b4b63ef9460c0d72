from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "staff"
    verbose_name = "Staff"

    def ready(self) -> None:
        from staff.tables import AUDIT
        from tenants.audit.tracked_models import track

        track(AUDIT)
