"""The operator assigns the USB devices of machines to tenants, and withdraws them."""

from django.core.exceptions import ValidationError
from django.db import transaction

from tenants.isolation.context import inside, installation
from tenants.models import Tenant
from workers.fleet.leases import keep_leases
from workers.fleet.models import DeviceAssignment


def assign_device(*, host: str, device: int, tenant: Tenant) -> DeviceAssignment:
    """Let a tenant use a USB device. Raises ValidationError, also if it is assigned to another tenant."""
    wanted = DeviceAssignment(host=host.strip().lower(), device=device, tenant=tenant)
    with installation(), transaction.atomic():
        wanted.clean_fields(exclude=["id", "tenant"])
        wanted.clean()
        given, _ = DeviceAssignment.objects.get_or_create(
            host=wanted.host, device=device, defaults={"tenant": tenant}
        )
        if given.tenant_id != tenant.pk:
            owner = Tenant.objects.get(pk=given.tenant_id)
            raise ValidationError(
                f"The {given} is assigned to the customer {owner}. Withdraw it first: manage.py "
                f"assign_device {given.host} {device} --tenant {owner.schema_name} --remove."
            )
    follow_devices(tenant=tenant)
    return given


def take_device_back(*, host: str, device: int, tenant: Tenant) -> bool:
    """The tenant may no longer use the device; a camera on it ends. Returns False if it was not assigned."""
    with installation():
        own = DeviceAssignment.objects.filter(host=host.strip().lower(), device=device, tenant=tenant)
        gone, _ = own.delete()
    follow_devices(tenant=tenant)
    return bool(gone)


def follow_devices(*, tenant: Tenant) -> None:
    """Update a tenant's leases after its devices have changed."""
    with inside(tenant):
        keep_leases()
