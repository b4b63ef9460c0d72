"""USB devices of machines: only the customer to whom the operator gave one can use it."""

from collections.abc import Callable, Iterator
from html import unescape
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.actions import DeviceNotAssigned, save_camera, set_enabled
from cameras.models import Camera
from tenants.isolation.context import installation
from tenants.models import Tenant
from tests.api.answers import V1, problem
from tests.conftest import make_camera
from workers.control import operations
from workers.control.operations import Answer, NoAnswer, ask
from workers.fleet import machines
from workers.fleet.devices import assign_device, take_device_back
from workers.fleet.leases import keep_leases, take
from workers.fleet.models import CameraLease, DeviceAssignment, Worker
from workers.fleet.registration import Introduction, register
from workers.process.sinks.answers import Operation

USB: dict[str, Any] = {"kind": "usb", "location": "0", "host": "gate"}
Committed = Callable[..., Any]


@pytest.fixture
def gate(db: None) -> Worker:
    return register(
        introduction=Introduction(name="w1", capacity=4, host="gate", devices=["/dev/video0", "/dev/video2"])
    )


def command(*words: str) -> str:
    """As from a shell, where no tenant is active."""
    said = StringIO()
    with installation():
        call_command("assign_device", *words, stdout=said)
    return said.getvalue()


def theirs(other: Tenant) -> None:
    assign_device(host="gate", device=0, tenant=other)


def test_a_device_of_another_customer_cannot_be_started_nor_opened(
    acme: Tenant, other: Tenant, gate: Worker, django_capture_on_commit_callbacks: Committed
) -> None:
    theirs(other)
    camera = make_camera(**USB)
    for force in (False, True):
        with pytest.raises(DeviceNotAssigned, match=r"manage\.py assign_device gate 0 --tenant acme"):
            set_enabled(camera=camera, enabled=True, by=None, force=force)
    with pytest.raises(NoAnswer, match="not assigned to your organisation"):
        ask(Operation.TEST, camera)
    new = Camera(site=camera.site, name="New", enabled=True, kind="usb", location="0", host="GATE ")
    with pytest.raises(DeviceNotAssigned):
        save_camera(camera=new, by=None)
    Camera.objects.update(enabled=True)
    keep_leases()
    assert not CameraLease.objects.get().desired
    CameraLease.objects.update(desired=True)
    assert take(camera_id=camera.pk, worker=gate) is None, "the lease itself asks whose the device is"


@pytest.mark.parametrize(("host", "said"), [("", "of any machine"), ("yard", "of the machine yard")])
def test_a_machine_left_out_or_another_one_is_no_way_to_it(
    acme: Tenant, other: Tenant, gate: Worker, host: str, said: str
) -> None:
    theirs(other)
    site = make_camera("Any").site
    camera = Camera.objects.create(site=site, name="Usb", kind="usb", location="0", host=host)
    with pytest.raises(DeviceNotAssigned, match=said):
        set_enabled(camera=camera, enabled=True, by=None)


def test_whose_device_it_is_starts_it_also_without_naming_the_machine(
    acme: Tenant, other: Tenant, gate: Worker, django_capture_on_commit_callbacks: Committed
) -> None:
    assign_device(host=" Gate", device=0, tenant=acme)
    camera = make_camera(**USB | {"host": ""})
    with django_capture_on_commit_callbacks(execute=True):
        set_enabled(camera=camera, enabled=True, by=None)
    yard = register(introduction=Introduction(name="w2", capacity=4, host="yard"))
    assert CameraLease.objects.get().host == "gate"
    assert take(camera_id=camera.pk, worker=yard) is None
    assert take(camera_id=camera.pk, worker=gate)
    assign_device(host="yard", device=0, tenant=acme)
    with pytest.raises(DeviceNotAssigned, match=r"on several machines \(gate, yard\): choose"):
        set_enabled(camera=camera, enabled=True, by=None)


def test_what_is_taken_back_ends(acme: Tenant, other: Tenant, gate: Worker) -> None:
    camera = make_camera(**USB, enabled=True)
    assert take(camera_id=camera.pk, worker=gate)
    assert take_device_back(host="gate", device=0, tenant=acme)
    with tenant_context(acme):
        assert not CameraLease.objects.get().desired
    assign_device(host="gate", device=0, tenant=acme)
    with tenant_context(acme):
        assert CameraLease.objects.get().desired


def test_a_device_has_one_customer(acme: Tenant, other: Tenant) -> None:
    theirs(other)
    with pytest.raises(ValidationError, match="is assigned to the customer other"):
        assign_device(host="GATE", device=0, tenant=acme)
    with installation(), pytest.raises(IntegrityError), transaction.atomic():
        DeviceAssignment.objects.create(host="gate", device=0, tenant=acme)


def test_a_customer_sees_its_own_and_gives_itself_none(acme: Tenant, other: Tenant) -> None:
    theirs(other)
    with tenant_context(acme):
        assert not DeviceAssignment.objects.exists()
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            DeviceAssignment.objects.create(host="gate", device=1, tenant=acme)


def test_the_only_customer_needs_no_assignment_and_keeps_what_it_used(
    acme: Tenant, other: Tenant, gate: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a second one comes, the first one's cameras go on. Here the second one is not there at first."""
    with monkeypatch.context() as alone:
        alone.setattr(machines, "customers", lambda: [acme])
        site = make_camera("Any").site
        camera = Camera.objects.create(site=site, name="Usb", kind="usb", location="0", enabled=True)
        keep_leases()
        assert take(camera_id=camera.pk, worker=gate)
    with installation():
        given = DeviceAssignment.objects.get()
        assert (given.host, given.device, given.tenant) == ("gate", 0, acme)
    with tenant_context(acme):
        assert keep_leases() == 0
        lease = CameraLease.objects.get(pk=camera.pk)
        assert (lease.desired, lease.host, lease.source_key) == (True, "gate", "usb:gate:0")


@pytest.fixture
def api(acme: Tenant, client_of: Callable[..., APIClient]) -> APIClient:
    return client_of(acme, kind=APIClient)


def test_only_devices_of_ones_own_are_listed(
    acme: Tenant, other: Tenant, gate: Worker, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the broker only the far end is played: the worker names all that its machine has."""
    assign_device(host="gate", device=2, tenant=acme)
    theirs(other)
    monkeypatch.setattr(
        operations, "_asked", lambda *_: Answer(True, "w1", facts={"devices": list(gate.devices)})
    )
    answer = api.get(f"{V1}/workers/{gate.pk}/devices/").json()
    assert answer["facts"] == {"devices": ["/dev/video2"]}
    assert api.get(f"{V1}/workers/{gate.pk}/").json()["devices"] == ["/dev/video2"]
    assert api.get(f"{V1}/workers/").json()["results"][0]["devices"] == ["/dev/video2"]


def test_pages_and_api_say_what_is_missing(
    acme: Tenant, other: Tenant, gate: Worker, api: APIClient, client_of: Callable[..., Client]
) -> None:
    theirs(other)
    camera = make_camera(**USB, enabled=True)
    assert api.get(f"{V1}/cameras/{camera.pk}/").json()["state"] == "Device not assigned"
    text = unescape(client_of(acme).get(f"/cameras/{camera.pk}/").content.decode())
    assert "ask FaceTrack's operators to assign the device" in text
    assert "assign_device" in problem(api.post(f"{V1}/cameras/{camera.pk}/test/"), 409)["detail"]


def test_the_command_assigns_and_takes_back(acme: Tenant, other: Tenant) -> None:
    assert "assigned to acme only" in command("gate", "0", "--tenant", "acme")
    with pytest.raises(CommandError, match="is assigned to the customer acme"):
        command("gate", "0", "--tenant", "other")
    assert "can no longer use" in command("gate", "0", "--tenant", "acme", "--remove")
    with pytest.raises(CommandError, match="was not assigned"):
        command("gate", "0", "--tenant", "acme", "--remove")
    for words in (
        ("gate", "100", "--tenant", "acme"),
        ("gate", "-1", "--tenant", "acme"),
        ("", "0", "--tenant", "acme"),
    ):
        with pytest.raises(CommandError):
            command(*words)
    with pytest.raises(CommandError, match="no tenant"):
        command("gate", "0", "--tenant", "nobody")


@pytest.fixture
def operator(db: None, django_user_model: Any) -> Iterator[Client]:
    with installation():
        user = django_user_model.objects.create_user("root@installation.test", is_staff=True)
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        yield client


def test_the_operator_assigns_in_the_admin(acme: Tenant, other: Tenant, operator: Client) -> None:
    path = "/admin/workers/deviceassignment/"
    form = {"host": "Gate", "device": "0", "tenant": str(acme.pk)}
    assert operator.post(f"{path}add/", form).status_code == 302
    again = operator.post(f"{path}add/", form | {"tenant": str(other.pk)})
    assert again.status_code == 200
    assert "already exists" in again.content.decode()
    with installation():
        given = DeviceAssignment.objects.get()
        assert (given.host, given.tenant) == ("gate", acme)
    assert "gate" in operator.get(path).content.decode()
    assert operator.post(f"{path}{given.pk}/delete/", {"post": "yes"}).status_code == 302
    with installation():
        assert not DeviceAssignment.objects.exists()


def test_cameras_of_the_time_before_keep_their_devices(acme: Tenant, other: Tenant, gate: Worker) -> None:
    """The migration's own function, on the tables as it leaves them."""
    named = make_camera("Named", **USB, enabled=True)
    unnamed = make_camera("Unnamed", kind="usb", location="2", enabled=True)
    with tenant_context(other):
        late = make_camera("Late", **USB)
    migration = import_module("workers.migrations.0002_devices_and_fair_shares")
    with installation():
        DeviceAssignment.objects.all().delete()
        CameraLease.objects.update(device=None)
        CameraLease.objects.filter(pk=unnamed.pk).update(source_key="usb:*:2", host="")
        migration.give_devices(apps, None)
        found = {(one.host, one.device): one.tenant_id for one in DeviceAssignment.objects.all()}
        assert found == {("gate", 0): acme.pk, ("gate", 2): acme.pk}
        leases = {lease.pk: lease for lease in CameraLease.objects.all()}
    assert [leases[one.pk].device for one in (named, unnamed, late)] == [0, 2, 0]
    assert [leases[one.pk].desired for one in (named, unnamed, late)] == [True, True, False]
