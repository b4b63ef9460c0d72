"""What is said of the private networks that a tenant may use."""

from tenants.models import Tenant


def said_of_networks(tenant: Tenant) -> str:
    """A sentence for operators, with the way to change it."""
    if tenant.allowed_networks:
        return f"Its cameras may be in the private networks {', '.join(tenant.allowed_networks)}."
    return (
        "Its cameras may be in no private network yet. Allow one with "
        f'manage.py networks "{tenant}" --add 192.168.1.0/24'
    )
