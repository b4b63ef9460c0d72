from django.apps import AppConfig


class CamerasConfig(AppConfig):
    name = "cameras"
    verbose_name = "Places"

    def ready(self) -> None:
        from cameras.queries import site_names
        from tenants.sites import named_by

        named_by(site_names)
