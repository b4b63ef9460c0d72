"""Who tries: people of tenant A in every role, with sessions, tokens and keys, and strangers."""

from dataclasses import dataclass, field, replace
from typing import Any

from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from cameras.models import Camera, Site
from staff.models import FaceImage, StaffMember
from tenants.access.rights import Access
from tenants.actions import add_member, grant_support
from tenants.isolation.context import installation
from tenants.models import Tenant, User
from tenants.rules import Role
from tests.chaos.people import PACK
from tests.conftest import PASSWORD
from tests.edge import a_record, key_of
from tests.probe.secrets import Secrets
from visits.models import Visitor
from workers.fleet.models import CameraLease, LeaseGrant, Worker

WORKER, EPOCH = "gate", 7
TOKEN, KEYS, KEY_TOKEN = "/api/v1/auth/token/", "/api/v1/keys/", "/api/v1/auth/key-token/"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with what proves who they are: cookies, or a line for the Authorization header.

    `knows` are values by their names in addresses and bodies, without which they would not be heard.
    """

    name: str
    host: str
    cookies: dict[str, str] = field(default_factory=dict)
    authorization: str = ""
    knows: dict[str, Any] = field(default_factory=dict)


def add_members(tenant: Tenant, secrets: Secrets, roles: list[Role]) -> dict[Role, User]:
    """A member for each of the roles, whose e-mail and name are canaries; site managers have all sites."""
    made = {}
    for role in roles:
        with tenant_context(tenant):
            sites = list(Site.objects.values_list("pk", flat=True))
        given = sites if role is Role.SITE_MANAGER else ()
        email = f"{secrets.canary()}@example.test"
        made[role] = add_member(tenant=tenant, email=email, role=role, password=PASSWORD, sites=given)
        with installation():
            User.objects.filter(pk=made[role].pk).update(name=secrets.canary())
    return made


def actors(tenant: Tenant, people: dict[Role, User], helper: User, host: str) -> list[Actor]:
    """Everybody who can try: each role by session, token and key, and somebody who is not logged in."""
    found = [Actor("anonymous", host)]
    for role, user in people.items():
        session = _session(Client(SERVER_NAME=host), user, tenant)
        found.append(Actor(f"{role.value} by session", host, session))
        found += _by_token(host, role, user)
        if role is Role.TENANT_ADMIN:
            found += _by_key(host, session)
    session = _session(Client(SERVER_NAME=host), helper, tenant)
    return [*found, Actor("support by session", host, session)]


def installation_actor(host: str) -> Actor:
    """Whoever runs the installation, with a session on its own host."""
    with installation():
        admin = User.objects.create_superuser("root@installation.test", PASSWORD)
        public = Tenant.objects.get(schema_name="public")
    client = Client(SERVER_NAME=host)
    with tenant_context(public):
        client.force_login(admin)
    return Actor("system_admin by session", host, _cookies(client))


def worker_actor(host: str) -> Actor:
    """A worker at the edge, registered after all else was made: no camera is its own yet."""
    browser = Client(SERVER_NAME=host)
    exchanged = browser.post(KEY_TOKEN, {"key": key_of(WORKER)[1]}, content_type="application/json")
    assert exchanged.status_code == 200, exchanged.content
    actor = Actor("worker by a key's token", host, authorization=f"Bearer {exchanged.json()['access']}")
    registered = browser.put(
        f"/api/v1/workers/{WORKER}/",
        {"host": "gate", "capacity": 4},
        content_type="application/json",
        HTTP_AUTHORIZATION=actor.authorization,
    )
    assert registered.status_code == 200, registered.content
    record = a_record(EPOCH)
    said = {name: record[name] for name in ("epoch", "pack", "template", "started_at", "last_seen_at")}
    own = {"worker": WORKER, "incarnation": registered.json()["incarnation"]}
    return replace(actor, knows=own | said | {"ticket": ""})


def give_cameras(name: str, tenant: Tenant) -> None:
    """A worker runs all cameras of the tenant, whose faces are of a pack that there is.

    Its leases have run out, so that nobody who asks something of a camera waits for its answer.
    """
    with tenant_context(tenant):
        Camera.objects.update(zones=[], masks=[])  # a canary is no polygon, and no network
        Site.objects.update(networks=["10.0.0.0/8"])
        cameras = list(Camera.objects.all())
        FaceImage.objects.update(pack=PACK, quality=0.5, status=FaceImage.Status.READY)
        StaffMember.objects.update(active=True)
        Visitor.objects.update(pack=PACK)
    with installation():
        worker, _ = Worker.objects.get_or_create(name=name)
        for camera in cameras:
            facts = {"tenant": tenant, "site_id": camera.site_id, "worker": worker, "epoch": EPOCH}
            CameraLease.objects.update_or_create(
                pk=camera.pk, defaults=facts | {"expires_at": timezone.now()}
            )
            LeaseGrant.objects.create(
                tenant=tenant, camera_id=camera.pk, epoch=EPOCH, worker=name, granted_at=timezone.now()
            )


def _session(client: Client, user: User, tenant: Tenant) -> dict[str, str]:
    with tenant_context(tenant):
        client.force_login(user)
    return _cookies(client)


def _cookies(client: Client) -> dict[str, str]:
    return {name: morsel.value for name, morsel in client.cookies.items()}


def _by_token(host: str, role: Role, user: User) -> list[Actor]:
    body = {"email": user.email, "password": PASSWORD}
    answer = Client(SERVER_NAME=host).post(TOKEN, body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return [Actor(f"{role.value} by token", host, authorization=f"Bearer {answer.json()['access']}")]


def _by_key(host: str, session: dict[str, str]) -> list[Actor]:
    """Keys that an administrator makes over the API, as they are and exchanged for a token."""
    browser = Client(SERVER_NAME=host)
    browser.cookies.load(session)
    found = []
    for role, scopes in (("viewer", ["read"]), ("tenant_admin", ["read", "write"])):
        body = {"name": f"probe {role}", "role": role, "scopes": scopes}
        answer = browser.post(KEYS, body, content_type="application/json")
        assert answer.status_code == 201, answer.content
        key = {"key": answer.json()["key"]}
        found.append(Actor(f"{role} by key", host, authorization=f"Api-Key {key['key']}"))
        exchanged = Client(SERVER_NAME=host).post(KEY_TOKEN, key, content_type="application/json")
        assert exchanged.status_code == 200, exchanged.content
        token = f"Bearer {exchanged.json()['access']}"
        found.append(Actor(f"{role} by a key's token", host, authorization=token))
    return found


def add_helper(tenant: Tenant, admin: User, secrets: Secrets) -> User:
    """Somebody of the installation whom the tenant has let in for an hour."""
    email = f"{secrets.canary()}@example.test"
    with installation():
        helper = User.objects.create_superuser(email, PASSWORD, name=secrets.canary())
    with tenant_context(tenant):
        access = Access(tenant=tenant, role=Role.TENANT_ADMIN, user=admin)
        grant_support(access=access, email=email, reason=secrets.canary(), hours=1, now=timezone.now())
    return helper
