"""The page about what was done: for administrators only, in words, with filters and an export."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from staff.models import StaffMember
from tenants.access.actor import because
from tenants.isolation.context import installation
from tenants.models import Activity, Tenant, User, Verb
from tenants.rules import Role
from tests.audit.conftest import seal

ClientOf = Callable[..., Client]


@pytest.fixture
def browser(acme: Tenant, client_of: ClientOf) -> Client:
    return client_of(acme)


@pytest.fixture
def deeds(browser: Client) -> StaffMember:
    """Somebody who came, was renamed and went; the log is sealed."""
    person = StaffMember.objects.create(name="Ada Lovelace")
    person.name = "Ada King"
    person.save()
    with because("left the company"):
        StaffMember.objects.filter(pk=person.pk).delete()
    seal()
    return person


def found(browser: Client, **filters: Any) -> list[str]:
    """The sentences of the page without who they are about, newest first."""
    rows = browser.get("/activity/", filters).context["page"].rows
    return [re.sub(r"^command \S+: \S+ ", "", row.sentence) for row in rows]


def test_lines_are_sentences_with_their_details(browser: Client, deeds: StaffMember) -> None:
    text = browser.get("/activity/").content.decode()
    for words in (
        "deleted staff member Ada King: left the company",
        "Ada Lovelace → Ada King",
        str(deeds.pk),
        "Newest first",
    ):
        assert words in text


def test_filters_narrow_the_lines(browser: Client, deeds: StaffMember) -> None:
    created, changed, deleted = (
        "created staff member Ada Lovelace",
        "changed staff member Ada King",
        "deleted staff member Ada King",
    )
    tomorrow = timezone.localdate() + timedelta(days=1)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"q": "company"}, [deleted]),
        ({"q": "ada king"}, [deleted, changed]),
        ({"verb": "created", "q": "lovelace"}, [created]),
        ({"object": str(deeds.pk)}, [deleted, changed, created]),
        ({"kind": "staff.staffmember"}, [deleted, changed, created]),
        ({"kind": "staff.staffmember", "who": "command"}, [deleted, changed, created]),
        ({"kind": "staff.staffmember", "who": "worker"}, []),
        ({"kind": "staff.staffmember", "since": tomorrow}, []),
        ({"kind": "staff.staffmember", "until": timezone.localdate()}, [deleted, changed, created]),
        ({"who": "tenant_admin"}, ["tenant_admin@acme.test logged in"]),
    ]
    for filters, sentences in cases:
        assert found(browser, **filters) == sentences, filters


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"since": "tomorrow"}, "Enter a valid date"),
        ({"since": "2024-03-06", "until": "2024-03-05"}, "before the first day"),
        ({"verb": "invented"}, "Select a valid choice"),
        ({"kind": "invented"}, "Select a valid choice"),
        ({"q": "x" * 101}, "at most 100 characters"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(browser: Client, filters: dict[str, str], words: str) -> None:
    answer = browser.get("/activity/", filters)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert answer.context["page"].rows == []


def test_nothing_found_says_so(browser: Client) -> None:
    assert "No activity</strong>" in browser.get("/activity/", {"q": "nothing at all"}).content.decode()


def test_pages_go_both_ways(browser: Client) -> None:
    for number in range(120):
        StaffMember.objects.create(name=f"Person {number}")
    seal()
    everything: list[int] = []
    filters: dict[str, Any] = {"kind": "staff.staffmember"}
    pages = []
    while True:
        page = browser.get("/activity/", filters).context["page"]
        pages.append([row.line.number for row in page.rows])
        everything += pages[-1]
        if page.older is None:
            break
        filters["before"] = page.older
    assert [len(one) for one in pages] == [50, 50, 20]
    assert everything == sorted(set(everything), reverse=True)
    back = browser.get("/activity/", {"kind": "staff.staffmember", "after": page.newer}).context["page"]
    assert [row.line.number for row in back.rows] == pages[1]
    first = browser.get("/activity/", {"kind": "staff.staffmember", "after": back.newer}).context["page"]
    assert [row.line.number for row in first.rows] == pages[0]
    assert first.newer is None
    assert browser.get("/activity/", {"before": "x"}).context["page"].rows[0].line.number == everything[0]


def test_only_administrators_see_it(acme: Tenant, client_of: ClientOf) -> None:
    assert client_of(acme).get("/activity/").status_code == 200
    for role in (Role.SITE_MANAGER, Role.VIEWER):
        client = client_of(acme, role)
        assert client.get("/activity/").status_code == 403
        assert client.post("/activity/export/", {"reason": "curious"}).status_code == 403
        assert "/activity/" not in client.get("/visits/").content.decode()
    assert client_of(acme, None).get("/activity/").status_code == 302


def test_it_is_in_the_navigation(browser: Client) -> None:
    assert 'href="/activity/"' in browser.get("/").content.decode()


def test_another_tenants_log_is_not_in_it(
    acme: Tenant, other: Tenant, client_of: ClientOf, deeds: StaffMember
) -> None:
    stranger = client_of(other)
    seal()
    assert found(stranger, object=str(deeds.pk)) == []
    assert "Ada King" not in stranger.get("/activity/").content.decode()


def test_an_export_is_harmless_bounded_and_a_line_itself(
    acme: Tenant, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("=HYPERLINK(1)", "+1", "Harmless", "Fourth"):
        StaffMember.objects.create(name=name)
    seal()
    monkeypatch.setattr("tenants.pages.activity.views.CHUNK", 3)
    monkeypatch.setattr("tenants.pages.activity.views.EXPORT_LINES", 9)
    answer = browser.post("/activity/export/?kind=staff.staffmember", {"reason": "yearly audit"})
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    with pytest.warns(Warning, match="must consume asynchronous iterators"):
        text = b"".join(answer).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["object_label"] for row in rows] == ["'=HYPERLINK(1)", "'+1", "Harmless", "Fourth"]
    connection.set_tenant(acme)  # type: ignore[attr-defined]
    seal()
    line = Activity.objects.filter(tenant=acme).latest("number")
    assert (line.verb, line.reason) == (Verb.EXPORTED, "yearly audit")
    assert line.changes == {"lines": 4, "format": "csv"}
    monkeypatch.setattr("tenants.pages.activity.views.EXPORT_LINES", 2)
    refused = browser.post("/activity/export/?kind=staff.staffmember", {"reason": "again"}, follow=True)
    assert "more than 2 lines" in refused.content.decode()


@pytest.mark.parametrize(("address", "reason"), [("", ""), ("", "x" * 301), ("?since=never", "why not")])
def test_an_export_without_reason_or_with_a_bad_filter_is_refused(
    acme: Tenant, browser: Client, address: str, reason: str
) -> None:
    answer = browser.post(f"/activity/export/{address}", {"reason": reason}, follow=True)
    assert "Nothing was exported" in answer.content.decode()
    seal()
    assert not Activity.objects.filter(tenant=acme, verb=Verb.EXPORTED).exists()


def test_the_installations_log_is_in_its_admin_and_cannot_be_changed(db: None, acme: Tenant) -> None:
    client = Client(SERVER_NAME="localhost")
    with installation():
        client.force_login(User.objects.create_superuser("boss@installation.test", "pw"))
    seal()
    text = client.get("/admin/tenants/activity/").content.decode()
    assert "created user boss@installation.test" in text
    assert "tenant acme" not in text  # which is a line of acme's own log
    line = Activity.objects.filter(tenant=None, number__isnull=False).latest("number")
    page = f"/admin/tenants/activity/{line.pk}/"
    assert client.get(f"{page}change/").status_code == 200
    assert client.post(f"{page}change/", {"reason": "forged"}).status_code == 403
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/tenants/activity/add/").status_code == 403
