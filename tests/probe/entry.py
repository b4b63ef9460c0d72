"""Ways in: hand-overs and invitations, forged, replayed, taken elsewhere, or made of an old login."""

import random
import re
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core import mail, signing
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from tenants.isolation.context import installation
from tenants.models import Invitation, Membership, SupportAccess, Tenant, User
from tenants.pages.tenant_switch import SALT
from tests.conftest import PASSWORD
from tests.probe.attempts import Attempt, Place
from tests.probe.world import PUBLIC_HOST, World

LET_IN = "somebody was let in who should not have been"
SET_UP, ARRIVE, PAGE = "/account/second-factor/", "/switch/arrive/", "/invitation/"
NEW = "a password of the thief's"
HOUR = 3600.0

Way = Callable[[World, User, random.Random], str]


class Entry:
    """A member is a way to be let in."""

    name, share = "entry", 0.02

    def members(self) -> list[str]:
        return list(WAYS)

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        place, way = WAYS[member]
        victim = dice.choice([row for row in world.b.rows[User] if isinstance(row, User)])
        asked = f"{victim.email} {victim.pk} {world.b.host} {world.b.tenant.pk}"
        return Attempt(f"{member}, of {victim.email}", asked, lambda: way(world, victim, dice), place)


def stale_proof(world: World, victim: User, dice: random.Random) -> str:
    """A session that was found open is taken to another host, to set up an authenticator there."""
    there, answer = _hopped(world, HOUR)
    page = there.get(SET_UP)
    return _told([answer, page], let_in=page.status_code == 200)


def longer_session(world: World, victim: User, dice: random.Random) -> str:
    """A session of eleven hours goes on elsewhere for another twelve."""
    there, answer = _hopped(world, 11 * HOUR)
    with tenant_context(world.a.tenant):
        ends = there.session.get_expiry_age()
        began = float(there.session.get("began", 0))
    too_long = ends > 1.1 * HOUR or began > time.time() - 10.9 * HOUR
    return _told([answer], let_in=answer.status_code == 302 and too_long)


def replayed(world: World, victim: User, dice: random.Random) -> str:
    token = _token(_office(world, 0), world.a.tenant)
    first, second = (_arrived(_at(world.a.host), token) for _ in range(2))
    return _told([first, second], let_in=second.status_code != 403)


def at_another_customer(world: World, victim: User, dice: random.Random) -> str:
    return _refused_at(world.b.host, _token(_office(world, 0), world.a.tenant))


def other_claims(world: World, victim: User, dice: random.Random) -> str:
    """Signed with what signs something else, since no client has the key of hand-overs."""
    claims = signing.loads(_token(_office(world, 0), world.a.tenant), salt=SALT)
    claims |= {"user": str(victim.pk), "target": str(world.b.tenant.pk)}
    return _refused_at(world.b.host, signing.dumps(claims, salt=dice.choice(["facetrack", "", "tenants"])))


def claims_without_a_row(world: World, victim: User, dice: random.Random) -> str:
    """Even rightly signed: the row is of another user and of another tenant."""
    claims = signing.loads(_token(_office(world, 0), world.a.tenant), salt=SALT)
    claims |= {"user": str(victim.pk), "target": str(world.b.tenant.pk)}
    return _refused_at(world.b.host, signing.dumps(claims, salt=SALT))


def from_another_page(world: World, victim: User, dice: random.Random) -> str:
    token = _token(_office(world, 0), world.a.tenant)
    origin = dice.choice([f"http://{world.b.host}", "null", "", "http://evil.test"])
    answer = _arrived(_at(world.a.host), token, origin)
    return _told([answer], let_in=answer.status_code != 403)


def link_at_another_customer(world: World, victim: User, dice: random.Random) -> str:
    return _accepted(world.b.host, _link(world, "probe@example.test"))


def link_twice(world: World, victim: User, dice: random.Random) -> str:
    link = _link(world, "probe@example.test")
    browser = _at(world.a.host)
    browser.get(link, follow=True)
    browser.post(PAGE, {"password1": PASSWORD, "password2": PASSWORD})
    return _accepted(world.a.host, link)


def hash_as_link(world: World, victim: User, dice: random.Random) -> str:
    """What is kept of B's invitations, and their keys, as if they were links."""
    row = dice.choice([row for row in world.b.rows[Invitation] if isinstance(row, Invitation)])
    secret = dice.choice([row.digest, str(row.pk), row.pk.hex, row.email])
    return _accepted(dice.choice([world.a.host, world.b.host]), f"{PAGE}{secret}/")


def member_of_another(world: World, victim: User, dice: random.Random) -> str:
    """A's administrator invites somebody of B, and uses the link instead of them."""
    link = _link(world, victim.email)
    answer = _accepted(world.a.host, link)
    with installation():
        taken = Membership.objects.filter(tenant=world.a.tenant, user=victim).exists()
    listed = _boss(world).get("/members/").content.decode()
    return answer + listed + (LET_IN if taken else "")


def member_without_consent(world: World, victim: User, dice: random.Random) -> str:
    """Over the API, which must not tell whether there is such an account either."""
    boss = _boss(world)
    body = {"email": victim.email, "role": "tenant_admin"}
    made = boss.post("/api/v1/members/", body, content_type="application/json")
    listed = boss.get("/api/v1/members/")
    with installation():
        taken = Membership.objects.filter(tenant=world.a.tenant, user=victim).exists()
    return _told([made, listed], let_in=taken)


WAYS: dict[str, tuple[Place, Way]] = {
    "a switch as a fresh proof": ("a", stale_proof),
    "a switch as a longer session": ("a", longer_session),
    "a switch twice": ("a", replayed),
    "a switch to another customer": ("b", at_another_customer),
    "a switch with other claims": ("b", other_claims),
    "a switch without its row": ("b", claims_without_a_row),
    "a switch from another page": ("a", from_another_page),
    "an invitation at another customer": ("b", link_at_another_customer),
    "an invitation twice": ("a", link_twice),
    "an invitation by its hash": ("b", hash_as_link),
    "an invitation of somebody else": ("a", member_of_another),
    "a membership without consent": ("a", member_without_consent),
}


def _at(host: str) -> Client:
    return Client(SERVER_NAME=host, raise_request_exception=False)


def _boss(world: World) -> Client:
    browser = _at(world.a.host)
    actor = next(actor for actor in world.a.cast if actor.name == "tenant_admin by session")
    browser.cookies.load(actor.cookies)
    return browser


def _office(world: World, age: float) -> Client:
    """The public host's session, as old as that, of who may look into A."""
    browser = _at(PUBLIC_HOST)
    with installation():
        public = Tenant.objects.get(schema_name="public")
        live = SupportAccess.objects.filter(
            tenant=world.a.tenant, revoked_at=None, expires_at__gt=timezone.now()
        )
        helper = live.filter(user__is_staff=True, user__is_active=True).select_related("user")[0].user
    with tenant_context(public):
        browser.force_login(helper)
        session: Any = browser.session
        session["began"] -= age
        session.save()
    return browser


def _token(browser: Client, target: Tenant) -> str:
    page = browser.post("/switch/", {"tenant": str(target.pk)}).content.decode()
    return str(re.findall(r'name="token" value="([^"]+)"', page)[0])


def _arrived(browser: Client, token: str, origin: str = f"http://{PUBLIC_HOST}") -> Any:
    return browser.post(ARRIVE, {"token": token}, headers={"Origin": origin})


def _hopped(world: World, age: float) -> tuple[Client, Any]:
    browser = _at(world.a.host)
    return browser, _arrived(browser, _token(_office(world, age), world.a.tenant))


def _refused_at(host: str, token: str) -> str:
    browser = _at(host)
    answer = _arrived(browser, token)
    inside = settings.SESSION_COOKIE_NAME in browser.cookies
    return _told([answer], let_in=answer.status_code != 403 or inside)


def _link(world: World, email: str) -> str:
    """The path that A's administrator has mailed to an address."""
    mail.outbox.clear()
    _boss(world).post("/members/", {"email": email, "role": "viewer"})
    return str(re.findall(rf"{PAGE}\S+", str(mail.outbox[-1].body))[0])


def _accepted(host: str, link: str) -> str:
    """Follow a link that is not one's own, or not for this host, and try all that could be posted."""
    browser = _at(host)
    forms = ({"password1": NEW, "password2": NEW}, {"password": NEW}, {"password": ""})
    answers = [browser.get(link, follow=True), *(browser.post(PAGE, form) for form in forms)]
    return _told(answers, let_in=any(answer.status_code == 302 for answer in answers))


def _told(answers: list[Any], *, let_in: bool) -> str:
    lines = [f"{answer.status_code} {dict(answer.items())} {answer.content.decode()}" for answer in answers]
    return "\n".join([*lines, LET_IN] if let_in else lines)
