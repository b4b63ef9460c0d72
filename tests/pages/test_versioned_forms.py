"""Two tabs with one form: what was changed meanwhile is shown beside what was typed, and nothing is lost."""

import html
import json
import re
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cameras.models import Camera, Site
from staff.models import StaffMember
from tenants.actions import add_member
from tenants.isolation.context import installation
from tenants.models import Domain, Membership, Tenant, TenantLimits, User
from tenants.rules import Role
from tests.asgi import Answer, Asgi
from tests.audit.conftest import seal
from tests.conftest import PASSWORD, make_camera, template_of
from tests.two_at_once import ADMIN, HOST, both_at, committed
from visits.models import Sighting, Visitor

__all__ = ["committed"]

MEANWHILE = "while you were editing it"


class PageForms(HTMLParser):
    """What a browser would send of each form of a page, without files and buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._open: str | None = None
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "form":
            self.forms.append({})
        elif not self.forms or "disabled" in given:
            return
        elif tag == "option" and "selected" in given:
            self.forms[-1][self._select] = given.get("value", "")
        elif tag == "select":
            self._select = name
            self.forms[-1].setdefault(name, "")
        elif tag == "textarea":
            self._open = name
            self.forms[-1][name] = ""
        elif tag == "input" and name and kind in ("checkbox", "radio"):
            if "checked" in given:
                self.forms[-1].setdefault(name, []).append(given.get("value", "on"))
        elif tag == "input" and name and kind not in ("file", "submit", "button"):
            self.forms[-1][name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.forms[-1][self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._open:
            self.forms[-1][self._open] = self.forms[-1][self._open].lstrip("\r\n")
            self._open = None


def fields_of(page: str) -> dict[str, Any]:
    """Of the page's largest form."""
    return max(PageForms(page).forms, key=len)


@pytest.fixture
def visitor(camera: Camera, make_visit: Callable[..., Sighting]) -> Visitor:
    visitor = make_visit(camera).visitor
    assert visitor is not None
    return visitor


class Case:
    """A form, and two changes of different fields of it: as sent, and as stored afterwards."""

    def __init__(self, path: str, row: Any, one: tuple[str, Any], other: tuple[str, Any]) -> None:
        self.path, self.row, self.one, self.other = path, row, one, other

    def stored(self, name: str) -> Any:
        with installation() if isinstance(self.row, User | Tenant | TenantLimits | Domain) else nothing():
            self.row.refresh_from_db()
        return getattr(self.row, name.rpartition("-")[2])


class nothing:  # noqa: N801  a context
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


CASES: dict[str, Callable[[Any], Case]] = {
    "visitor's page": lambda get: Case(
        f"/people/visitors/{get('visitor').pk}/", get("visitor"), ("name", "Grace"), ("note", "Tuesdays")
    ),
    "visitor": lambda get: Case(
        reverse("admin:visits_visitor_change", args=[get("visitor").pk]),
        get("visitor"),
        ("name", "Grace"),
        ("note", "Comes on\nTuesdays"),
    ),
    "site": lambda get: Case(
        reverse("admin:cameras_site_change", args=[get("camera").site_id]),
        get("camera").site,
        ("name", "North"),
        ("address", "New Street 2"),
    ),
    "camera": lambda get: Case(
        reverse("admin:cameras_camera_change", args=[get("camera").pk]),
        get("camera"),
        ("name", "Back door"),
        ("host", "gate"),
    ),
    "staff": lambda get: Case(
        reverse("admin:staff_staffmember_change", args=[get("employee").pk]),
        get("employee"),
        ("name", "Ada L."),
        ("department", "Research"),
    ),
}


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param](request.getfixturevalue)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_what_was_changed_meanwhile_is_shown_and_the_person_decides(
    acme: Tenant, client_of: Callable[..., Client], case: Case
) -> None:
    client = client_of(acme)
    shown = fields_of(client.get(case.path).content.decode())
    (first, text), (second, other) = case.one, case.other
    before = case.stored(second)
    assert client.post(case.path, shown | {first: text}).status_code == 302
    seal()

    answer = client.post(case.path, shown | {second: other})
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 200
    assert f"tenant_admin@acme.test {MEANWHILE}" in page
    assert text in page
    assert case.stored(second) == before, "nothing is saved yet"
    again = fields_of(answer.content.decode())
    assert again[first] == text, "what the person had not touched is what the other tab has saved"
    assert again[second].replace("\r\n", "\n") == other.replace("\r\n", "\n"), (
        "what they typed is still there"
    )

    assert client.post(case.path, again).status_code == 302
    assert (case.stored(first), case.stored(second)) == (text, other)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_of_one_field_both_values_are_shown(
    acme: Tenant, client_of: Callable[..., Client], case: Case
) -> None:
    client = client_of(acme)
    shown, (name, _) = fields_of(client.get(case.path).content.decode()), case.one
    assert client.post(case.path, shown | {name: "Of the first"}).status_code == 302
    answer = client.post(case.path, shown | {name: "Of the second"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<q>Of the first</q>" in page
    assert "<q>Of the second</q>" in page
    assert case.stored(name) == "Of the first"
    assert client.post(case.path, fields_of(page)).status_code == 302
    assert case.stored(name) == "Of the second"


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_field_that_is_not_sent_keeps_its_value(
    acme: Tenant, client_of: Callable[..., Client], case: Case
) -> None:
    client, (name, text), (second, other) = client_of(acme), case.one, case.other
    shown = fields_of(client.get(case.path).content.decode())
    assert client.post(case.path, shown | {second: other}).status_code == 302
    shown = fields_of(client.get(case.path).content.decode()) | {name: text}
    del shown[second]
    assert client.post(case.path, shown).status_code == 302
    assert (case.stored(name), case.stored(second)) == (text, other)


@pytest.mark.parametrize("bad", ["", "{", "[1]", '{"note": 1}', "[" * 9_000, "x" * 20_000])
def test_versions_that_are_not_ours_lose_nothing(
    acme: Tenant, client_of: Callable[..., Client], visitor: Visitor, bad: str
) -> None:
    """All counts as changed: both values are shown."""
    client, path = client_of(acme), f"/people/visitors/{visitor.pk}/"
    Visitor.objects.update(note="Theirs")
    answer = client.post(path, {"name": "", "note": "Mine", "shown_versions": bad})
    assert answer.status_code == 200
    assert b"<q>Theirs</q>" in answer.content
    assert fields_of(answer.content.decode())["note"] == "Mine"
    visitor.refresh_from_db()
    assert visitor.note == "Theirs"


def test_what_workers_write_is_no_change(
    acme: Tenant, client_of: Callable[..., Client], camera: Camera
) -> None:
    client, path = client_of(acme), reverse("admin:cameras_camera_change", args=[camera.pk])
    shown = fields_of(client.get(path).content.decode())
    Camera.objects.update(status="running", epoch=9, worker="w1")
    assert client.post(path, shown | {"name": "Back"}).status_code == 302
    camera.refresh_from_db()
    assert (camera.name, camera.epoch, camera.worker) == ("Back", 9, "w1")


def test_a_login_that_was_typed_into_an_address_is_not_shown(
    acme: Tenant, client_of: Callable[..., Client], camera: Camera
) -> None:
    client, path = client_of(acme), reverse("admin:cameras_camera_change", args=[camera.pk])
    shown = fields_of(client.get(path).content.decode())
    Camera.objects.update(location="rtsp://127.0.0.1:1/other")
    answer = client.post(path, shown | {"location": "rtsp://me:hunter2-pw@127.0.0.1:1/door"})
    assert answer.status_code == 200
    assert b"hunter2-pw" not in answer.content
    assert b"rtsp://127.0.0.1:1/other" in answer.content


def test_a_members_role_and_sites(acme: Tenant, client_of: Callable[..., Client]) -> None:
    north, south = (Site.objects.create(name=name) for name in ("North", "South"))
    user = add_member(
        tenant=acme, email="m@acme.test", role=Role.SITE_MANAGER, password=PASSWORD, sites=[north.pk]
    )
    row = Membership.objects.get(user=user)
    client, path = client_of(acme), f"/members/{row.pk}/"
    shown = fields_of(client.get(path).content.decode())
    assert client.post(path, shown | {"sites": [str(south.pk)]}).status_code == 302
    seal()
    answer = client.post(path, shown | {"role": "viewer"})
    assert f"tenant_admin@acme.test {MEANWHILE}" in answer.content.decode()
    assert b"<q>South</q>" in answer.content
    row.refresh_from_db()
    assert (row.role, row.sites) == ("site_manager", [south.pk])
    assert client.post(path, fields_of(answer.content.decode())).status_code == 302
    row.refresh_from_db()
    assert row.role == "viewer"


def test_settings(acme: Tenant, client_of: Callable[..., Client]) -> None:
    client = client_of(acme)
    shown = fields_of(client.get("/settings/").content.decode())
    assert shown["visitors_shared"] == ["on"]
    assert client.post(
        "/settings/", {name: shown[name] for name in shown if name != "visitors_shared"}
    ).status_code
    answer = client.post("/settings/", shown | {"second_factor_required": "on"})
    assert MEANWHILE in answer.content.decode()
    acme.refresh_from_db()
    assert (acme.visitors_shared, acme.second_factor_required) == (False, False)
    again = fields_of(answer.content.decode())
    assert "visitors_shared" not in again
    assert client.post("/settings/", again).status_code == 302
    acme.refresh_from_db()
    assert (acme.visitors_shared, acme.second_factor_required) == (False, True)


@pytest.fixture
def operator(acme: Tenant) -> Client:
    client = Client(SERVER_NAME="localhost")
    with installation():
        client.force_login(User.objects.create_superuser("root@installation.test", "x"))
    return client


def test_limits_of_a_customer(acme: Tenant, operator: Client) -> None:
    with installation():
        limits = TenantLimits.objects.create(tenant=acme, cameras=5, sites=5)
    path = f"/admin/tenants/tenant/{acme.pk}/change/"
    shown = fields_of(operator.get(path).content.decode())
    assert operator.post(path, shown | {"limits-0-cameras": "7"}).status_code == 302
    answer = operator.post(path, shown | {"limits-0-sites": "9"})
    assert answer.status_code == 200
    assert "<q>7</q>" in answer.content.decode()
    with installation():
        limits.refresh_from_db()
        assert (limits.cameras, limits.sites) == (7, 5)
    assert operator.post(path, fields_of(answer.content.decode())).status_code == 302
    with installation():
        limits.refresh_from_db()
        assert (limits.cameras, limits.sites) == (7, 9)


def test_an_operators_form_keeps_what_a_customer_and_an_account_decide(
    acme: Tenant, operator: Client
) -> None:
    """The whole rows were written: a password that was changed meanwhile was the old one again."""
    with installation():
        user = User.objects.create_user("ada@nowhere.test", "before before")
    path = f"/admin/tenants/user/{user.pk}/change/"
    shown = fields_of(operator.get(path).content.decode())
    with installation():
        User.objects.filter(pk=user.pk).update(name="Ada")
    answer = operator.post(path, shown | {"email": "ada2@nowhere.test"})
    assert MEANWHILE in answer.content.decode()
    assert operator.post(path, fields_of(answer.content.decode())).status_code == 302
    with installation():
        user.refresh_from_db()
    assert (user.name, user.email) == ("Ada", "ada2@nowhere.test")


@pytest.fixture
def browser(committed: Tenant) -> Asgi:
    """An administrator's, on connections of its own."""
    asgi = Asgi(HOST)
    page = asgi.ask_alone("GET", "/login/")
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]
    form = urlencode({"username": ADMIN, "password": PASSWORD, "csrfmiddlewaretoken": token}).encode()
    answer = asgi.ask_alone("POST", "/login/", form, content_type="application/x-www-form-urlencoded")
    assert answer.status == 302, answer.text
    return asgi


def numbered() -> dict[str, Any]:
    now = timezone.now()
    face = {"template": template_of(1), "pack": "edgeface-xs"}
    return {"number": 1, "first_seen_at": now, "last_seen_at": now, **face}


AT_ONCE: dict[str, tuple[Callable[[], Any], str, str, dict[str, str], dict[str, str]]] = {
    "site": (
        lambda: Site.objects.create(name="Gate"),
        "/admin/cameras/site/{}/change/",
        "globex.cameras_site",
        {"name": "North"},
        {"address": "New Street 2"},
    ),
    "camera": (
        make_camera,
        "/admin/cameras/camera/{}/change/",
        "globex.cameras_camera",
        {"name": "Back"},
        {"host": "gate"},
    ),
    "visitor": (
        lambda: Visitor.objects.create(**numbered()),
        "/people/visitors/{}/",
        "globex.visits_visitor",
        {"name": "Grace"},
        {"note": "Tuesdays"},
    ),
    "staff": (
        lambda: StaffMember.objects.create(name="Ada"),
        "/admin/staff/staffmember/{}/change/",
        "globex.staff_staffmember",
        {"name": "Ada L."},
        {"department": "Research"},
    ),
}


@pytest.mark.parametrize("kind", AT_ONCE)
def test_of_two_forms_at_the_same_moment_one_is_shown_again(
    committed: Tenant, browser: Asgi, kind: str
) -> None:
    make, path, table, one, other = AT_ONCE[kind]
    row = make()
    path = path.format(row.pk)
    shown = fields_of(browser.ask_alone("GET", path).text)

    def send(change: dict[str, str]) -> Answer:
        body = urlencode(shown | change, doseq=True).encode()
        return browser.ask_alone("POST", path, body, content_type="application/x-www-form-urlencoded")

    came = both_at(table, row.pk, partial(send, one), partial(send, other))
    assert sorted(answer.status for answer in came) == [200, 302]
    again = next(answer for answer in came if answer.status == 200)
    assert MEANWHILE in again.text
    assert json.loads(fields_of(again.text)["shown_versions"])
    assert fields_of(again.text).items() >= (one | other).items()
