"""Whether a tenant may use a USB device of a machine: asked before anything opens it."""

from collections.abc import Sequence

from cameras.actions import DeviceNotAssigned
from cameras.models import Camera
from cameras.rules import SourceKind
from tenants.context import installation
from tenants.models import Tenant
from tenants.queries import active_tenant, customers
from workers.models import DeviceAssignment

DEVICE = "/dev/video"


def device_of(camera: Camera) -> int | None:
    """The number of the USB device that a camera opens; None where its source is no device."""
    return int(camera.location) if camera.kind == SourceKind.USB else None


def machine_of(camera: Camera) -> str:
    """The only machine that can run a camera of the active tenant; empty: any.

    Raises DeviceNotAssigned for a USB device that the tenant may not use, or may on several machines.
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
            f"Your organisation has a device {device} on several machines ({', '.join(hosts)}): say under "
            "“machine” which one it is."
        )
    if is_only_customer(active_tenant()):
        return named  # whose else could it be: `adopt_device` notes it when a worker opens it
    where = f"of the machine {named}" if named else "of any machine"
    raise DeviceNotAssigned(
        f"The USB device {device} {where} is not assigned to your organisation. Ask whoever runs the "
        f"installation to assign it: manage.py assign_device {named or 'MACHINE'} {device} --tenant "
        f"{active_tenant().schema_name}."
    )


def adopt_device(*, tenant: Tenant, host: str, device: int) -> bool:
    """In an installation of one customer, a device becomes theirs when a worker first opens it.

    Whether it just did.
    """
    if not host or not is_only_customer(tenant):
        return False
    with installation():
        _, adopted = DeviceAssignment.objects.get_or_create(
            host=host, device=device, defaults={"tenant": tenant}
        )
    return adopted


def is_only_customer(tenant: Tenant) -> bool:
    """Whether the installation has no other customer, from whom a device would have to be kept."""
    with installation():
        return [one.pk for one in customers()] == [tenant.pk]


class UsableDevices:
    """Which devices of which machines the active tenant may use, as they are at this moment."""

    def __init__(self) -> None:
        own = DeviceAssignment.objects.filter(tenant=active_tenant()).values_list("host", "device")
        self._all = is_only_customer(active_tenant())
        self._own = {(host, f"{DEVICE}{device}") for host, device in own}

    def among(self, host: str, devices: Sequence[str]) -> list[str]:
        """Of a machine's devices, such as /dev/video0, those that may be used."""
        return [name for name in devices if self._all or (host, name) in self._own]
