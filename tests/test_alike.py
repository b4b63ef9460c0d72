"""What belongs to another customer and what does not exist are one and the same, in words and in work."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from staff.models import FaceImage, StaffMember
from tenants.models import Tenant
from tests.api.answers import V1
from tests.conftest import make_camera, template_of
from visits.models import Visitor

ClientOf = Callable[..., Client]
ADDRESSES = [
    ("GET", f"{V1}/sites/{{site}}/"),
    ("GET", f"{V1}/cameras/{{camera}}/"),
    ("PATCH", f"{V1}/cameras/{{camera}}/"),
    ("DELETE", f"{V1}/cameras/{{camera}}/"),
    ("POST", f"{V1}/cameras/{{camera}}/start/"),
    ("POST", f"{V1}/cameras/{{camera}}/archive/"),
    ("POST", f"{V1}/cameras/{{camera}}/unarchive/"),
    ("POST", f"{V1}/sites/{{site}}/archive/"),
    ("DELETE", f"{V1}/staff/{{member}}/"),
    ("GET", "/people/staff/{member}/forget/"),
    ("POST", "/cameras/{camera}/archive/"),
    ("POST", "/cameras/{camera}/unarchive/"),
    ("GET", f"{V1}/staff/{{member}}/"),
    ("GET", f"{V1}/staff/{{member}}/faces/"),
    ("GET", f"{V1}/staff/{{member}}/faces/{{face}}/"),
    ("GET", f"{V1}/visitors/{{visitor}}/"),
    ("GET", "/people/staff/{member}/"),
    ("GET", "/people/visitors/{visitor}/"),
    ("GET", "/people/visitors/{visitor}/forget/"),
    ("POST", "/cameras/{camera}/start/"),
    ("GET", "/admin/cameras/camera/{camera}/change/"),
    ("GET", "/admin/staff/staffmember/{member}/change/"),
    ("GET", "/admin/visits/visitor/{visitor}/delete/"),
]


@pytest.fixture
def foreign(acme: Tenant, other: Tenant) -> dict[str, UUID]:
    """Rows of the other customer."""
    with tenant_context(other):
        camera, member, now = make_camera(), StaffMember.objects.create(name="Grace"), timezone.now()
        face = FaceImage.objects.create(staff_member=member, picture="x", digest="x")
        visitor = Visitor.objects.create(
            number=1, template=template_of(1), pack="p", first_seen_at=now, last_seen_at=now
        )
    return {
        "site": camera.site_id,
        "camera": camera.pk,
        "member": member.pk,
        "face": face.pk,
        "visitor": visitor.pk,
    }


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_foreign_and_unknown_are_one(
    acme: Tenant, client_of: ClientOf, foreign: dict[str, UUID], method: str, address: str
) -> None:
    client = client_of(acme)

    def ask(rows: dict[str, UUID]) -> tuple[int, int, str]:
        path, body = address.format(**rows), "{}" if method == "PATCH" else ""
        with CaptureQueriesContext(connection) as captured:
            answer: Any = client.generic(
                method, path, body, "application/json", headers={"X-Reason": "a test"}
            )
        text = answer.content.decode() + str(answer.headers.get("Location", ""))
        for value in rows.values():
            text = text.replace(str(value), "ID")
        return answer.status_code, len(captured), text

    ask(
        {name: uuid4() for name in foreign}
    )  # what is cached is cached; the same refusal again is not noted again
    status, queries, text = ask(foreign)
    assert (status, queries) == ask({name: uuid4() for name in foreign})[:2]
    assert status in (302, 404)  # the admin leads back to its list
    assert "Grace" not in text
    if status == 404:
        assert text == ask({name: uuid4() for name in foreign})[2]
