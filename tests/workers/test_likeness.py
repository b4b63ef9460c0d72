"""A face that resembles another person is held until a user decides."""

import io
import threading
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from facetrack.core import objects
from facetrack.core.images import CleanPicture, clean_picture, clean_pixels
from staff.actions import (
    add_face_image,
    apply_thresholds,
    being_examined,
    confirm_face_image,
    delete_face_image,
    delete_staff_member,
    save_staff_member,
)
from staff.models import FaceImage, MatchThresholds, StaffMember
from staff.queries import shown_likeness
from tenants.access.rights import whole_tenant
from tenants.actions import create_tenant
from tenants.isolation.context import inside
from tenants.isolation.owner import as_owner
from tenants.models import Tenant
from tests.conftest import drop_further_tenants
from tests.real_models import models_of_settings
from tests.stages.faces import portraits
from workers.process.enrolment import examine_picture
from workers.process.model_cache import loaded_models
from workers.recognition.types import Picture

PEOPLE = portraits()
HELD, READY, PENDING = FaceImage.Status.HELD, FaceImage.Status.READY, FaceImage.Status.PENDING


@pytest.fixture(scope="module", autouse=True)
def _models() -> None:
    models_of_settings()


def person(name: str) -> StaffMember:
    return save_staff_member(member=StaffMember(name=name), by=None)


def added(member: StaffMember, picture: Picture | CleanPicture) -> FaceImage:
    """The picture after its examination."""
    clean = picture if isinstance(picture, CleanPicture) else clean_pixels(picture)
    row = add_face_image(member=member, picture=clean, by=None)
    examine_picture(row.pk)
    row.refresh_from_db()
    return row


def resized(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=1.3, fy=1.3), dtype=np.uint8)


def cropped(picture: Picture) -> Picture:
    return picture[6:-6, 4:-9].copy()


def encoded_again(picture: Picture) -> CleanPicture:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()
    return clean_picture(io.BytesIO(data), megabytes=5, megapixels=5)


@pytest.mark.parametrize("change", [resized, cropped, encoded_again, np.asarray])
def test_a_picture_of_another_person_is_held_however_it_was_changed(
    acme: Tenant, change: Callable[[Picture], Picture | CleanPicture]
) -> None:
    ann, bob = person("Ann Twin"), person("Bob Twin")
    assert added(ann, PEOPLE["eileen"]).status == READY
    row = added(bob, change(PEOPLE["eileen"]))
    assert (row.status, row.resembles) == (HELD, [ann.pk])
    told = shown_likeness(whole_tenant(), row)
    assert "Ann Twin" in told.reason
    assert "Bob Twin" in told.reason
    if row.similarity is not None:
        limits = loaded_models()
        assert row.similarity >= limits.thresholds.match
        assert (row.threshold, row.threshold_from) == (limits.thresholds.match, limits.embedder.pack)


def test_strangers_and_the_same_person_are_not_held(acme: Tenant) -> None:
    people = {name: person(name) for name in PEOPLE}
    first = {name: added(people[name], picture).status for name, picture in PEOPLE.items()}
    assert HELD not in first.values()
    assert added(people["eileen"], resized(PEOPLE["eileen"])).status == READY


def test_thresholds_of_the_organisation_go_before_the_packs(acme: Tenant) -> None:
    pack = loaded_models().embedder.pack
    values = {"link": 0.05, "review": 0.0, "margin": 0.0, "gallery": 1, "predicted_false_alarms": 0.1}
    apply_thresholds(thresholds=MatchThresholds(pack=pack, **values))
    added(person("Ann"), PEOPLE["eileen"])
    rows = [added(person(name), PEOPLE[name]) for name in ("ann", "bob", "cid", "tom")]
    held = [row for row in rows if row.status == HELD]
    assert held, "0.05 is far below what two strangers can have"
    assert all(row.threshold == 0.05 and "this organisation" in row.threshold_from for row in held)


def test_a_person_who_left_is_compared_too(acme: Tenant) -> None:
    ann = person("Ann")
    added(ann, PEOPLE["eileen"])
    ann.active = False
    save_staff_member(member=ann, by=None)
    assert added(person("Ann again"), resized(PEOPLE["eileen"])).resembles == [ann.pk]


def test_enrolled_all_the_same_is_a_decision_about_two_people(acme: Tenant) -> None:
    ann, bob = person("Ann"), person("Bob")
    added(ann, PEOPLE["eileen"])
    held = added(bob, resized(PEOPLE["eileen"]))
    confirmed = confirm_face_image(face_image=held, by=None)
    assert (confirmed.status, confirmed.distinct_from) == (PENDING, [ann.pk])
    examine_picture(held.pk)
    held.refresh_from_db()
    assert (held.status, held.distinct_from) == (READY, [ann.pk])
    assert added(bob, cropped(PEOPLE["eileen"])).status == READY, "decided"
    assert added(ann, encoded_again(PEOPLE["eileen"])).status == READY, "for both of them"
    assert added(person("Cid"), np.flip(PEOPLE["eileen"], 1).copy()).status == HELD, "not for other people"
    with pytest.raises(ValidationError, match="does not wait for a decision"):
        confirm_face_image(face_image=held, by=None)


def test_a_further_person_who_was_enrolled_before_the_decision_is_noticed(acme: Tenant) -> None:
    ann, bob, cid = person("Ann"), person("Bob"), person("Cid")
    added(ann, PEOPLE["eileen"])
    held = added(bob, resized(PEOPLE["eileen"]))
    third = added(cid, cropped(PEOPLE["eileen"]))
    confirm_face_image(face_image=third, by=None)
    examine_picture(third.pk)
    confirm_face_image(face_image=held, by=None)
    examine_picture(held.pk)
    held.refresh_from_db()
    assert (held.status, held.resembles) == (HELD, [cid.pk])


def test_the_very_same_picture_is_held_at_once_even_for_a_decided_pair(acme: Tenant) -> None:
    ann, bob = person("Ann"), person("Bob")
    added(ann, PEOPLE["eileen"])
    confirm_face_image(face_image=added(bob, resized(PEOPLE["eileen"])), by=None)
    row = add_face_image(member=bob, picture=clean_pixels(PEOPLE["eileen"]), by=None)
    assert (row.status, row.resembles, row.similarity) == (HELD, [ann.pk], None)
    confirm_face_image(face_image=row, by=None)
    examine_picture(row.pk)
    row.refresh_from_db()
    assert row.status == READY


@pytest.mark.parametrize("all_of_them", [True, False])
def test_a_held_picture_is_free_when_the_other_person_is_gone(acme: Tenant, all_of_them: bool) -> None:
    ann, bob = person("Ann"), person("Bob")
    first = added(ann, PEOPLE["eileen"])
    held = added(bob, PEOPLE["eileen"])
    assert held.status == HELD
    if all_of_them:
        delete_staff_member(member=ann)
    else:
        delete_face_image(face_image=first)
    held.refresh_from_db()
    assert held.status == PENDING
    examine_picture(held.pk)
    held.refresh_from_db()
    assert (held.status, held.resembles) == (READY, [])


def test_a_picture_without_a_face_concerns_no_other_person(acme: Tenant) -> None:
    wall = np.full((300, 300, 3), 120, dtype=np.uint8)
    assert added(person("Ann"), wall).status == FaceImage.Status.REFUSED
    assert added(person("Bob"), wall).status == FaceImage.Status.REFUSED


def test_a_held_picture_is_free_when_the_other_one_is_refused(acme: Tenant) -> None:
    """Both were uploaded before the first one was examined."""
    wall = clean_pixels(np.full((300, 300, 3), 120, dtype=np.uint8))
    first = add_face_image(member=person("Ann"), picture=wall, by=None)
    second = add_face_image(member=person("Bob"), picture=wall, by=None)
    assert (first.status, second.status) == (PENDING, HELD)
    examine_picture(first.pk)
    second.refresh_from_db()
    assert (second.status, second.resembles) == (PENDING, [])


def test_a_picture_that_a_further_person_has_stays_held(acme: Tenant) -> None:
    ann, bob, cid = person("Ann"), person("Bob"), person("Cid")
    added(ann, PEOPLE["eileen"])
    second = added(bob, PEOPLE["eileen"])
    third = added(cid, PEOPLE["eileen"])
    assert third.resembles == [ann.pk, bob.pk]
    delete_staff_member(member=ann)
    second.refresh_from_db()
    third.refresh_from_db()
    assert second.status == PENDING
    assert (third.status, third.resembles, third.similarity) == (HELD, [bob.pk], None)


def test_the_decision_is_about_the_people_that_were_shown(acme: Tenant) -> None:
    ann, bob, cid = person("Ann"), person("Bob"), person("Cid")
    added(ann, PEOPLE["eileen"])
    held = added(bob, resized(PEOPLE["eileen"]))
    FaceImage.objects.filter(pk=held.pk).update(resembles=[ann.pk, cid.pk])
    with pytest.raises(ValidationError, match="other people"):
        confirm_face_image(face_image=held, by=None)
    held.refresh_from_db()
    assert (held.status, held.distinct_from) == (HELD, [])
    confirmed = confirm_face_image(face_image=held, by=None)
    assert (confirmed.resembles, confirmed.similarity, confirmed.threshold) == ([], None, None)


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """A tenant of its own, whose rows every connection sees."""
    with django_db_blocker.unblock():
        try:
            with as_owner():
                made = create_tenant(name="Twins", host="twins.localhost")
            yield made
        finally:
            drop_further_tenants()


def at_once(*calls: Callable[[], FaceImage | None]) -> list[FaceImage | None]:
    """What calls return that begin at the same moment, each on a connection of its own."""
    both, answers = threading.Barrier(len(calls), timeout=60), dict[int, FaceImage | None]()

    def run(number: int) -> None:
        try:
            both.wait()
            answers[number] = calls[number]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(calls))]


def in_tenant(tenant: Tenant, call: Callable[[], FaceImage | None]) -> FaceImage | None:
    with inside(tenant):
        return call()


def test_of_two_people_who_get_one_picture_at_once_one_is_held(committed: Tenant) -> None:
    clean = clean_pixels(PEOPLE["eileen"])
    with inside(committed):
        people = [person(f"Number {number}") for number in range(4)]
    uploads = [partial(add_face_image, member=one, picture=clean, by=None) for one in people]
    rows = at_once(*(partial(in_tenant, committed, upload) for upload in uploads))
    assert sorted(row.status for row in rows if row) == [HELD] * 3 + [PENDING]
    assert sorted(len(row.resembles) for row in rows if row) == [0, 1, 2, 3]


def test_one_person_who_gets_one_picture_twice_at_once_has_it_once(committed: Tenant) -> None:
    clean = clean_pixels(PEOPLE["eileen"])
    with inside(committed):
        ann = person("Ann")
    upload = partial(in_tenant, committed, partial(add_face_image, member=ann, picture=clean, by=None))
    first, second = at_once(upload, upload)
    assert first is not None
    assert first == second
    with inside(committed):
        kept = FaceImage.objects.get()
        assert (kept.status, kept.resembles) == (PENDING, [])
        assert objects.total(committed.pk) == objects.size(committed.pk, kept.picture, bucket=objects.RAW)


def test_a_person_who_is_deleted_during_an_upload_holds_nothing(committed: Tenant) -> None:
    """The upload has found them as the picture's owner; the deletion must find what it holds."""
    clean, other, found = clean_pixels(PEOPLE["eileen"]), threading.Event(), list[FaceImage]()
    with inside(committed):
        ann, bob = person("Ann"), person("Bob")
        add_face_image(member=ann, picture=clean, by=None)

    def delete() -> None:
        try:
            with inside(committed):
                delete_staff_member(member=ann)
                other.set()
        finally:
            connections.close_all()

    deletion = threading.Thread(target=delete)
    with inside(committed), transaction.atomic():
        found.append(add_face_image(member=bob, picture=clean, by=None))
        deletion.start()
        assert not other.wait(0.5)
    deletion.join()
    with inside(committed):
        found[0].refresh_from_db()
    assert (found[0].status, found[0].resembles) == (PENDING, [])


def test_of_two_faces_that_are_compared_at_once_one_is_held(committed: Tenant) -> None:
    """Each is compared by its own process, which must see what the other one has just accepted."""
    with inside(committed):
        waiting = [
            add_face_image(member=person(name), picture=clean_pixels(picture), by=None).pk
            for name, picture in (("Ann", PEOPLE["eileen"]), ("Bob", resized(PEOPLE["eileen"])))
        ]
    rows = at_once(*(partial(in_tenant, committed, partial(examine_picture, pk)) for pk in waiting))
    assert sorted(row.status for row in rows if row) == [HELD, READY]


def test_a_second_comparison_waits_for_the_first(committed: Tenant) -> None:
    """It must not read the enrolled faces before the first one's face is among them."""
    with inside(committed):
        first, second = (
            add_face_image(member=person(name), picture=clean_pixels(PEOPLE[name]), by=None).pk
            for name in ("eileen", "tom")
        )
    entered = threading.Event()

    def compare() -> None:
        try:
            with inside(committed), being_examined(second) as row:
                assert row is not None
                entered.set()
        finally:
            connections.close_all()

    other = threading.Thread(target=compare)
    with inside(committed), being_examined(first) as row:
        assert row is not None
        other.start()
        assert not entered.wait(0.5)
    other.join()
    assert entered.is_set()


def test_a_picture_that_was_deleted_meanwhile_stays_deleted(acme: Tenant) -> None:
    row = add_face_image(member=person("Ann"), picture=clean_pixels(PEOPLE["eileen"]), by=None)
    key = row.pk
    delete_face_image(face_image=row)
    with being_examined(key) as found:
        assert found is None
