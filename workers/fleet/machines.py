"""Whether a tenant may use a USB device of a machine: checked before the device is opened."""

from collections.abc import Sequence

from cameras.actions import DeviceNotAssigned
from cameras.models import Camera
from cameras.rules import SourceKind
from tenants.isolation.context import installation
from tenants.models import Tenant
from tenants.queries import active_tenant, customers
from workers.fleet.models import DeviceAssignment

DEVICE = "/dev/video"


def device_of(camera: Camera) -> int | None:
    """The number of the USB device that a camera opens; None if its source is not a device."""
    return int(camera.location) if camera.kind == SourceKind.USB else None


def machine_of(camera: Camera) -> str:
    """The only machine that can run a camera of the active tenant; empty: any.

    Raises DeviceNotAssigned if the tenant may not use the USB device, or may use it on several machines.
    """
    named, device = camera.host.strip().lower(), device_of(camera)
    if device is None:
        return named
    own = DeviceAssignment.objects.filter(tenant=active_tenant(), device=device)
    hosts = sorted(own.values_list("host", flat=True))
    if named in hosts:
        return named
    if not named and len(hosts) == 1:
        return hosts[0]
    if not named and hosts:
        raise DeviceNotAssigned(
            f"Your organisation has a device {device} on several machines ({', '.join(hosts)}): choose one "
            "in the field “machine”.",
        )
    if is_only_customer(active_tenant()):
        return named  # the only tenant: `adopt_device` records the device when a worker opens it
    where = f"of the machine {named}" if named else "of any machine"
    raise DeviceNotAssigned(
        f"The USB device {device} {where} is not assigned to your organisation. Ask an operator to assign "
        f"it: manage.py assign_device {named or 'MACHINE'} {device} --tenant "
        f"{active_tenant().schema_name}."
    )


def adopt_device(*, tenant: Tenant, host: str, device: int) -> bool:
    """In an installation with one tenant, a device is assigned to it when a worker first opens it.

    Returns whether it was assigned now.
    """
    if not host or not is_only_customer(tenant):
        return False
    with installation():
        _, adopted = DeviceAssignment.objects.get_or_create(
            host=host, device=device, defaults={"tenant": tenant}
        )
    return adopted


def is_only_customer(tenant: Tenant) -> bool:
    """Whether the installation has one tenant only, so that devices need no separation."""
    with installation():
        return [one.pk for one in customers()] == [tenant.pk]


class UsableDevices:
    """The devices of each machine that the active tenant may use now."""

    def __init__(self) -> None:
        own = DeviceAssignment.objects.filter(tenant=active_tenant()).values_list("host", "device")
        self._all = is_only_customer(active_tenant())
        self._own = {(host, f"{DEVICE}{device}") for host, device in own}

    def among(self, host: str, devices: Sequence[str]) -> list[str]:
        """Those of a machine's devices, such as /dev/video0, that may be used."""
        return [name for name in devices if self._all or (host, name) in self._own]
