"""The list of events fills what the stream left out."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from tenants.access.rights import whole_tenant
from tenants.credentials.actions import create_key
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.conftest import make_camera
from visits.live_events import record_camera_event
from visits.models import LiveEvent
from visits.queries import MISSED_LIMIT, events_after

EVENTS = f"{V1}/events/"


def fill(camera: Camera, number: int) -> list[str]:
    LiveEvent.objects.all().delete()
    LiveEvent.objects.bulk_create(
        LiveEvent(kind=LiveEvent.Kind.CAMERA_CHANGED, site=camera.site, camera=camera) for _ in range(number)
    )
    return [str(pk) for pk in LiveEvent.objects.order_by("pk").values_list("pk", flat=True)]


def test_it_goes_on_where_the_reset_says(api: APIClient, camera: Camera) -> None:
    expected = fill(camera, MISSED_LIMIT + 50)
    seen = int(expected[9])
    (reset,), _ = events_after(whole_tenant(), seen)
    address, found = reset["data"]["events"], []
    while address:
        page = api.get(address).json()
        assert not page["gap"]
        found += [event["id"] for event in page["results"]]
        assert len(found) <= len(expected)
        address = page["next"] and "?".join(urlsplit(page["next"])[2:4])
    assert found == expected[10:]
    assert page["after"] == reset["id"] == expected[-1]
    assert page["results"][0]["event"] == "camera_changed"
    assert page["results"][0]["data"]["camera"] == str(camera.pk)


def test_a_gap_is_told(api: APIClient, camera: Camera) -> None:
    first = int(fill(camera, 3)[0])
    LiveEvent.objects.filter(pk=first).delete()
    assert api.get(EVENTS, {"after": first - 1}).json()["gap"]
    assert not api.get(EVENTS, {"after": first}).json()["gap"]
    assert not api.get(EVENTS).json()["gap"]


def test_other_sites_and_customers_are_left_out(
    acme: Tenant, other: Tenant, camera: Camera, api_of: Callable[..., APIClient]
) -> None:
    with tenant_context(other):
        record_camera_event(camera_id=make_camera("Theirs").pk)
    fill(camera, 2)
    elsewhere = Site.objects.create(name="Elsewhere")
    for sites, shown in (([camera.site_id], 2), ([elsewhere.pk], 0)):
        _, text = create_key(
            tenant=acme, name="k", role=Role.SITE_MANAGER, scopes=["read"], sites=sites, by=None
        )
        client = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {text}")
        page = client.get(EVENTS).json()
        assert len(page["results"]) == shown
        assert not page["after"].isdecimal(), "it would count what happens elsewhere"
        assert client.get(EVENTS, {"after": page["after"]}).json()["results"] == []


def test_it_is_for_those_who_may_see_visits(acme: Tenant, nobody: APIClient) -> None:
    _, text = create_key(tenant=acme, name="k", role=Role.TENANT_ADMIN, scopes=["enrol"], by=None)
    client = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {text}")
    for path in (EVENTS, f"{EVENTS}stream/"):
        problem(nobody.get(path), 401)
        assert problem(client.get(path), 403)["code"] == "scope_missing"


def test_what_is_no_event_is_refused(api: APIClient) -> None:
    asked = {"after": "x", "page_size": "0", "naem": "1"}
    assert set(problem(api.get(EVENTS, asked), 400)["errors"]) == set(asked)
