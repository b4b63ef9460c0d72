from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Installation"

    def ready(self) -> None:
        from tenants import isolation, session_limits  # noqa: F401  register a check and a receiver
        from tenants.listeners import listen

        listen()
