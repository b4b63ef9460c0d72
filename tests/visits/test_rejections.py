"""What a rejected match costs, where it is listed, and how it is withdrawn."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from cameras.models import Camera
from staff.actions import accept_face
from staff.models import FaceImage, StaffMember
from tenants.audit.queries import lines_of
from tenants.models import Tenant
from tenants.rules import Role
from tests.audit.conftest import seal
from tests.conftest import make_camera, template_of
from visits.merging.actions import not_this_person, withdraw_rejection
from visits.models import IdentityRejection, Sighting, SightingDecision
from visits.rules import merge_templates
from workers.process import galleries
from workers.process.galleries import TenantGallery

MakeVisit = Callable[..., Sighting]
ClientOf = Callable[..., Client]
PACK = "edgeface-xs"


@pytest.fixture
def ada(acme: Tenant, employee: StaffMember) -> StaffMember:
    """With three pictures of the same face, from three days."""
    for day in range(3):
        face, _ = merge_templates(template_of(1), 1.0, template_of(100 + day), 0.4)
        image = FaceImage.objects.create(
            staff_member=employee, picture=f"{acme.pk}/enrolment/{day}.jpg", digest=f"{day}"
        )
        accept_face(
            face_image=image, box=[0, 0, 9, 9], landmarks=[1.0] * 10, quality=0.9, embedding=face, pack=PACK
        )
    return employee


def seen(make_visit: MakeVisit, camera: Camera, ada: StaffMember, *, face: int = 1) -> Sighting:
    """A camera has recognised Ada; its pictures are more like each other than like those enrolled."""
    template, _ = merge_templates(template_of(face), 1.0, template_of(200), 0.5)
    return make_visit(camera, SightingDecision.STAFF, person=ada, template=template)


def recognised(gallery: TenantGallery, sighting: Sighting) -> bool:
    assert sighting.template is not None
    return bool(gallery.staff(sighting.template))


@pytest.fixture
def gallery(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> TenantGallery:
    """As a running camera has it; it looks for changes at once."""
    monkeypatch.setattr(galleries, "FRESH_SECONDS", -1.0)
    return TenantGallery(acme, PACK)


def test_one_wrong_click_does_not_make_an_employee_unrecognisable(
    gallery: TenantGallery, make_visit: MakeVisit, camera: Camera, ada: StaffMember
) -> None:
    first = seen(make_visit, camera, ada)
    assert recognised(gallery, first)
    not_this_person(sighting=first, by=None)
    assert recognised(gallery, first), "not even in the very picture that was clicked"
    assert recognised(gallery, seen(make_visit, camera, ada))


def test_a_face_that_was_rejected_more_often_than_pictures_show_it_is_left_out(
    gallery: TenantGallery, make_visit: MakeVisit, camera: Camera, ada: StaffMember
) -> None:
    sightings = [seen(make_visit, camera, ada) for _ in range(4)]
    for sighting in sightings[:3]:
        not_this_person(sighting=sighting, by=None)
    assert recognised(gallery, sightings[0])
    not_this_person(sighting=sightings[3], by=None)
    assert not recognised(gallery, sightings[0])
    assert gallery.staff(template_of(1)), "the enrolled face itself is nearer to the pictures"
    withdraw_rejection(rejection=IdentityRejection.objects.all()[0])
    assert recognised(gallery, sightings[0]), "on running cameras, too"


def test_a_look_alike_whom_the_pictures_do_not_show_is_left_out_at_once(
    gallery: TenantGallery, make_visit: MakeVisit, camera: Camera, ada: StaffMember
) -> None:
    other, _ = merge_templates(template_of(1), 0.3, template_of(7), 1.0)
    wrong = make_visit(camera, SightingDecision.STAFF, person=ada, template=other)
    assert recognised(gallery, wrong)
    not_this_person(sighting=wrong, by=None)
    assert not recognised(gallery, wrong)
    assert gallery.staff(template_of(1))


def test_it_is_withdrawn_once(make_visit: MakeVisit, camera: Camera, ada: StaffMember) -> None:
    not_this_person(sighting=seen(make_visit, camera, ada), by=None)
    rejection = IdentityRejection.objects.get()
    withdraw_rejection(rejection=rejection)
    with pytest.raises(ValidationError, match="withdrawn in the meantime"):
        withdraw_rejection(rejection=rejection)


@pytest.mark.parametrize("kind", ["staff", "visitor"])
def test_the_persons_page_lists_it_and_withdraws_it(
    acme: Tenant, client_of: ClientOf, make_visit: MakeVisit, camera: Camera, ada: StaffMember, kind: str
) -> None:
    if kind == "staff":
        path, sighting = f"/people/staff/{ada.pk}/", seen(make_visit, camera, ada)
    else:
        make_visit(camera, face=5)
        known = Sighting.objects.get().visitor
        assert known is not None
        path = f"/people/visitors/{known.pk}/"
        sighting = make_visit(camera, SightingDecision.VISITOR, person=known, face=5)
    admin = client_of(acme)
    member = admin.get(path).wsgi_request.user
    not_this_person(sighting=sighting, by=member)  # type: ignore[arg-type]
    rejection = IdentityRejection.objects.get()
    shown = admin.get(path).content.decode()
    assert str(member) in shown
    assert f"shot-{rejection.pk}" in shown, "the picture"
    assert f"{camera.name}, {camera.site.name}" in shown
    withdraw = reverse("withdraw_rejection", args=[rejection.pk])
    assert withdraw in shown
    viewer = client_of(acme, Role.VIEWER)
    assert withdraw not in viewer.get(path).content.decode()
    assert viewer.post(withdraw).status_code == 403
    assert admin.get(withdraw).status_code == 405
    answer = admin.post(withdraw, follow=True)
    assert answer.redirect_chain[-1][0] == path
    assert "Withdrawn" in answer.content.decode()
    assert not IdentityRejection.objects.exists()
    seal()
    line = lines_of(acme).filter(object_kind="visits.identityrejection").order_by("-number")[0]
    assert (line.verb, line.actor_label) == ("deleted", str(member))
    assert "withdrawn in the meantime" in admin.post(withdraw, follow=True).content.decode() or (
        admin.post(withdraw).status_code == 404
    )


def test_a_site_manager_sees_and_withdraws_those_of_the_own_sites(
    acme: Tenant, client_of: ClientOf, make_visit: MakeVisit, camera: Camera, ada: StaffMember
) -> None:
    far = make_camera("Far")
    far.site = type(camera.site).objects.create(name="Elsewhere")
    far.save()
    for place in (camera, far):
        not_this_person(sighting=seen(make_visit, place, ada), by=None)
    here, there = (IdentityRejection.objects.get(sighting__camera=place) for place in (camera, far))
    manager = client_of(acme, Role.SITE_MANAGER, sites=[camera.site])
    page = manager.get(f"/people/staff/{ada.pk}/").content.decode()
    assert f"rejection-{here.pk}" in page
    assert f"rejection-{there.pk}" not in page
    assert manager.post(reverse("withdraw_rejection", args=[there.pk])).status_code == 404
    assert manager.post(reverse("withdraw_rejection", args=[here.pk])).status_code == 302
    listed = manager.get(reverse("admin:visits_identityrejection_changelist"))
    assert listed.context["cl"].result_count == 0


def test_the_admin_asks_first_and_says_what_it_costs(
    acme: Tenant, client_of: ClientOf, make_visit: MakeVisit, camera: Camera, ada: StaffMember
) -> None:
    sighting, client = seen(make_visit, camera, ada), client_of(acme)
    page = reverse("admin:visits_sighting_changelist")
    asked = {"action": "not_them", "_selected_action": [str(sighting.pk)]}
    text = client.post(page, asked).content.decode()
    assert "go unrecognised" in text
    assert ada.name in text
    sighting.refresh_from_db()
    assert sighting.staff_member == ada
    client.post(page, asked | {"confirmed": "yes"})
    sighting.refresh_from_db()
    assert sighting.staff_member is None


def test_the_admin_lists_a_persons_rejections_and_withdraws_them(
    acme: Tenant, client_of: ClientOf, make_visit: MakeVisit, camera: Camera, ada: StaffMember
) -> None:
    not_this_person(sighting=seen(make_visit, camera, ada), by=None)
    client, page = client_of(acme), reverse("admin:visits_identityrejection_changelist")
    person = client.get(reverse("admin:staff_staffmember_change", args=[ada.pk])).content.decode()
    assert f"{page}?person={ada.pk}" in person
    rows = client.get(page, {"person": str(ada.pk)})
    assert rows.status_code == 200
    assert ada.name in rows.content.decode()
    assert client.get(page, {"person": "x"}).status_code in (302, 400)
    rejection = IdentityRejection.objects.get()
    client.post(page, {"action": "withdraw", "_selected_action": [str(rejection.pk)]})
    assert not IdentityRejection.objects.exists()
