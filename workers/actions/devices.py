"""The operator gives the USB devices of machines to customers, and takes them back."""

from django.core.exceptions import ValidationError
from django.db import transaction

from tenants.context import inside, installation
from tenants.models import Tenant
from workers.actions.leases import keep_leases
from workers.models import DeviceAssignment


def assign_device(*, host: str, device: int, tenant: Tenant) -> DeviceAssignment:
    """Let a tenant use a USB device. Raises ValidationError, also where another tenant has it."""
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
                f"The {given} belongs to the customer {owner}. Take it back first: manage.py assign_device "
                f"{given.host} {device} --tenant {owner.schema_name} --remove."
            )
    follow_devices(tenant=tenant)
    return given


def take_device_back(*, host: str, device: int, tenant: Tenant) -> bool:
    """The tenant may use the device no more, and a camera on it ends. False where it was not theirs."""
    with installation():
        own = DeviceAssignment.objects.filter(host=host.strip().lower(), device=device, tenant=tenant)
        gone, _ = own.delete()
    follow_devices(tenant=tenant)
    return bool(gone)


def follow_devices(*, tenant: Tenant) -> None:
    """Bring the leases of a tenant in step with the devices that it may use."""
    with inside(tenant):
        keep_leases()
