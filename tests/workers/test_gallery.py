"""Who a worker knows: the tenant's staff, by the template of their pictures, fresh within a second."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django_tenants.utils import tenant_context

from facetrack.core.images import clean_pixels
from staff.actions import accept_face, add_face_image, delete_staff_member, save_staff_member
from staff.models import StaffMember
from tenants.models import Tenant
from tests.conftest import template_of
from visits.models import Sighting
from workers.process import galleries
from workers.process.clients.direct_run_client import DirectRunClient
from workers.process.clients.run_client import StaffGallery
from workers.process.galleries import TenantGallery
from workers.recognition.slots import FairSemaphore

PACK = "edgeface-xs"


def enrol(name: str, *faces: int, quality: float = 0.8) -> StaffMember:
    member = save_staff_member(member=StaffMember(name=name), by=None)
    for face in faces:
        picture = np.full((8, 8, 3), face, dtype=np.uint8)
        accept_face(
            face_image=add_face_image(member=member, picture=clean_pixels(picture), by=None),
            box=[0, 0, 8, 8],
            landmarks=[1.0] * 10,
            quality=quality,
            embedding=template_of(face),
            pack=PACK,
        )
    return member


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is the one thing that is not waited for."""
    monkeypatch.setattr(galleries, "FRESH_SECONDS", -1.0)


def test_staff_are_found_best_first(acme: Tenant, fresh: None) -> None:
    ada, grace = enrol("Ada", 1), enrol("Grace", 2)
    found = TenantGallery(acme, PACK).staff(template_of(2, noise=0.3))
    assert [one.identity for one in found] == [str(grace.pk), str(ada.pk)]
    assert found[0].score > 0.9


def test_a_person_counts_by_the_template_of_all_their_pictures(acme: Tenant, fresh: None) -> None:
    enrol("Ada", 1, 2)
    found = TenantGallery(acme, PACK).staff(template_of(1))
    assert len(found) == 1
    assert found[0].score == pytest.approx(0.71, abs=0.05)  # two strangers' mean lies between them


def test_changes_are_seen_without_a_restart(acme: Tenant, fresh: None) -> None:
    known = TenantGallery(acme, PACK)
    assert known.staff(template_of(1)) == []
    ada = enrol("Ada", 1)
    assert known.staff(template_of(1))[0].identity == str(ada.pk)
    ada.active = False
    save_staff_member(member=ada, by=None)
    assert known.staff(template_of(1)) == []
    ada.active = True
    save_staff_member(member=ada, by=None)
    assert known.staff(template_of(1))
    delete_staff_member(member=ada)
    assert known.staff(template_of(1)) == []


def test_embeddings_of_another_pack_are_never_compared(acme: Tenant, fresh: None) -> None:
    enrol("Ada", 1)
    assert TenantGallery(acme, "arcface-r50").staff(template_of(1)) == []


def test_a_tenant_does_not_know_the_others_people(
    acme: Tenant, other: Tenant, camera: object, make_visit: Callable[..., Sighting], fresh: None
) -> None:
    enrol("Ada", 1)
    make_visit(camera, face=2)
    with tenant_context(other):
        stranger = TenantGallery(other, PACK)
        assert stranger.staff(template_of(1)) == []
        assert stranger.visitors(template_of(2)) == []
    assert TenantGallery(acme, PACK).visitors(template_of(2))


class SlowDesk(DirectRunClient):
    """One whose answer about the staff has to be waited for."""

    def __init__(self) -> None:
        self.asked, self.goes_on = threading.Event(), threading.Event()

    def known(self, tenant: Tenant, pack: str, version: int) -> StaffGallery | None:
        self.asked.set()
        assert self.goes_on.wait(timeout=10)
        return StaffGallery(1, ["ada"], template_of(1)[None], {})


def test_cameras_go_on_while_one_waits_for_the_staff(monkeypatch: pytest.MonkeyPatch, acme: Tenant) -> None:
    """With one turn for all of them: whoever waits leaves it, and nobody waits for two things crosswise."""
    turns, run_client = FairSemaphore(1), SlowDesk()
    monkeypatch.setattr(galleries, "CPU_SLOTS", turns)
    known = TenantGallery(acme, PACK, run_client)

    def look() -> list[str]:
        with turns.taken():
            return [one.identity for one in known.staff(template_of(1))]

    with ThreadPoolExecutor(3) as pool:
        looks = [pool.submit(look) for _ in range(2)]
        assert run_client.asked.wait(timeout=10)
        with turns.taken():  # a camera of another tenant
            run_client.goes_on.set()
        assert [one.result(timeout=10) for one in looks] == [["ada"], ["ada"]]
