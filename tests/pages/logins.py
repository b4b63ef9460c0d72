"""People who log in, and a phone with an authenticator app, as tests have them."""

import re
import time
from typing import Any

from django.test import Client

from tenants.isolation.context import installation
from tenants.models import Membership, Tenant, User
from tenants.rules import Role
from tenants.rules.totp import code_at
from tests.conftest import PASSWORD

SET_UP = "/account/second-factor/"


def account(email: str, *memberships: Tenant, password: str | None = PASSWORD, **values: Any) -> User:
    """An account of the installation, a viewer of these tenants."""
    with installation():
        user = User.objects.create_user(email, password, **values)
        for tenant in memberships:
            Membership.objects.create(tenant=tenant, user=user, role=Role.VIEWER)
    return user


def system_admin() -> User:
    return account("root@installation.test", is_staff=True, is_superuser=True)


def join(user: User, tenant: Tenant) -> None:
    with installation():
        Membership.objects.create(tenant=tenant, user=user, role=Role.VIEWER)


def log_in(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/login/", {"username": email, "password": password} | more)


class Phone:
    """Knows the secret that the page showed. Each code is of a period later than the one before."""

    def __init__(self, secret: str) -> None:
        self.secret, self._step = secret, int(time.time()) // 30 - 1

    def code(self) -> str:
        """Works three times, the furthest into the future that the server takes."""
        self._step += 1
        return code_at(self.secret, self._step)


def set_up(client: Client) -> tuple[Phone, list[str]]:
    """Set up a second factor for whoever is logged in; the phone and the recovery codes."""
    page = client.get(SET_UP).content.decode()
    secret = re.search(r'class="key">([A-Z2-7]+)<', page)
    assert secret, page
    while time.time() % 30 > 27:  # the code of the period before would be too old when it arrives
        time.sleep(0.5)
    phone = Phone(secret[1])
    phone._step -= 1
    answer = client.post(SET_UP, {"code": phone.code()})
    assert answer.status_code == 302, answer.content.decode()
    codes = re.findall(r"<li>(\d{8})</li>", client.get(answer["Location"]).content.decode())
    assert len(codes) == 10
    return phone, codes
