from django.apps import AppConfig


class CamerasConfig(AppConfig):
    name = "cameras"
    verbose_name = "Places"

    def ready(self) -> None:
        from cameras.queries import site_names
        from cameras.tables import AUDIT
        from tenants.access.sites import named_by
        from tenants.audit.tracked_models import track
        from tenants.events import networks_allowed

        track(AUDIT)
        named_by(site_names)
        networks_allowed.connect(_announce_cameras, dispatch_uid="cameras.announce_cameras")


def _announce_cameras(**_: object) -> None:
    from cameras.actions import announce_cameras

    announce_cameras()
