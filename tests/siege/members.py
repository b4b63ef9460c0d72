"""The attackers' customer: people of every role, keys, and rows enough for a scan to cost something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import requests

from tests.chaos.fleet import Fleet
from tests.siege.plan import Identity

HOST = "mallory.localhost"
PASSWORD = "correct horse battery"
ROWS, AT_ONCE = 4_000, 500
PEOPLE = ("tenant_admin", "tenant_admin", "tenant_admin", "site_manager", "viewer", "viewer")
KEYS = ("tenant_admin", "site_manager", "viewer")


def sign_in(port: int, host: str, email: str, browser: requests.Session | None = None) -> requests.Session:
    """A browser with a session, by the form of the page. Raises AssertionError where it is refused."""
    browser = browser or requests.Session()
    browser.headers["Host"] = host
    place = f"http://127.0.0.1:{port}/login/"
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(place, timeout=30).text)
    assert found, "the page has no form"
    form = {"username": email, "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
    answer = browser.post(place, data=form, allow_redirects=False, timeout=30)
    assert answer.status_code == 302, answer.text
    return browser


@dataclass
class Customer:
    """Of the installation, with a camera or more, an employee, and a site."""

    fleet: Fleet
    host: str
    staff: str

    def people(self) -> list[str]:
        return [f"{role}{n}@{self.host}" for n, role in enumerate(PEOPLE)]


def populated(fleet: Fleet) -> Customer:
    """The fleet's tenant with its people: the victim's."""
    return _with_people(fleet, "acme.localhost")


def attackers(fleet: Fleet) -> Customer:
    """Another tenant on the same fleet, with many visits."""
    from cameras.models import Site
    from tenants.actions import create_tenant
    from tenants.isolation.context import inside

    tenant = create_tenant(name="mallory", host=HOST)
    with inside(tenant):
        site = Site.objects.create(name="Gate", reentry_seconds=1)
    own = replace(fleet, tenant=tenant, site=site.pk)
    return _with_people(own, HOST)


def filled(customer: Customer, camera: UUID) -> None:
    """Give it ROWS visits of as many sightings."""
    from django.utils import timezone

    from tenants.isolation.context import inside
    from tests.chaos.people import template_of
    from visits.models import Visitor

    now, site = timezone.now(), customer.fleet.site
    with inside(customer.fleet.tenant):
        known = {"first_seen_at": now, "last_seen_at": now, "compared_at": now, "pack": "none"}
        visitors = Visitor.objects.bulk_create(
            Visitor(number=n, name=f"Visitor called {n}", template=template_of(1), site_id=site, **known)
            for n in range(100_000, 100_000 + ROWS // 10)
        )
        for first in range(0, ROWS, AT_ONCE):
            _seen(range(first, first + AT_ONCE), visitors, site, camera, now)


def _seen(numbers: range, visitors: list[Any], site: UUID, camera: UUID, now: datetime) -> None:
    from visits.models import Sighting, Visit

    moments = [(n, now - timedelta(minutes=n)) for n in numbers]
    visits = Visit.objects.bulk_create(
        Visit(
            visitor=visitors[n % len(visitors)], site_id=site, camera_id=camera, score=0.5,
            started_at=at, last_seen_at=at, ended_at=at,
        )
        for n, at in moments
    )  # fmt: skip
    Sighting.objects.bulk_create(
        Sighting(
            camera_id=camera, visit=visit, visitor=visit.visitor, epoch=0, track=n, decision="visitor",
            score=0.5, started_at=visit.started_at, last_seen_at=visit.started_at, faces=3,
        )
        for n, visit in zip(numbers, visits, strict=True)
    )  # fmt: skip


def identities(customer: Customer, port: int) -> list[Identity]:
    """Sessions, tokens and keys: more of those who may do more."""
    people = customer.people()
    found = [_session(port, customer.host, email, role) for email, role in zip(people, PEOPLE, strict=True)]
    found += [
        Identity("token", role, bearer(port, customer.host, email), email)
        for email, role in zip(people, PEOPLE, strict=True)
    ]
    return found + list(_keys(customer))


def bearer(port: int, host: str, email: str) -> dict[str, str]:
    """The header of a token. Raises HTTPError."""
    login, place = {"email": email, "password": PASSWORD}, f"http://127.0.0.1:{port}/api/v1/auth/token/"
    answer = requests.post(place, json=login, headers={"Host": host}, timeout=30)
    answer.raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def _session(port: int, host: str, email: str, role: str) -> Identity:
    cookies: dict[str, Any] = sign_in(port, host, email).cookies.get_dict()
    shown = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return Identity("session", role, {"Cookie": shown, "X-CSRFToken": cookies["csrftoken"]}, email)


def _keys(customer: Customer) -> Iterator[Identity]:
    from tenants.credentials.actions import create_key
    from tenants.isolation.context import inside
    from tenants.rules import Role
    from tenants.rules.keys import DEFAULT_SCOPES

    tenant = customer.fleet.tenant
    for name in KEYS:
        role = Role(name)
        sites = [customer.fleet.site] if role is Role.SITE_MANAGER else None
        with inside(tenant):
            _, text = create_key(
                tenant=tenant, name=name, role=role, scopes=DEFAULT_SCOPES[role], sites=sites, by=None
            )
        yield Identity("key", name, {"Authorization": f"Api-Key {text}"})


def _with_people(fleet: Fleet, host: str) -> Customer:
    from staff.models import StaffMember
    from tenants.actions import add_member
    from tenants.isolation.context import inside
    from tenants.rules import Role

    with inside(fleet.tenant):
        staff = StaffMember.objects.create(name="Ada Lovelace")
        customer = Customer(fleet, host, str(staff.pk))
        for email, name in zip(customer.people(), PEOPLE, strict=True):
            role = Role(name)
            sites = [fleet.site] if role is Role.SITE_MANAGER else ()
            add_member(tenant=fleet.tenant, email=email, role=role, password=PASSWORD, sites=sites)
    return customer
