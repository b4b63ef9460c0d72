from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Installation"

    def ready(self) -> None:
        from tenants.accounts import session_limits  # noqa: F401  register a check and a receiver
        from tenants.audit.listeners import listen
        from tenants.isolation import policies  # noqa: F401  register a check and a receiver

        listen()
