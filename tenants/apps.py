from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Installation"

    def ready(self) -> None:
        from tenants import isolation  # noqa: F401  registers its check
