"""Passwords of strangers are hashed as all are, with what the processors have left."""

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    PBKDF2PasswordHasher,
    check_password,
    make_password,
)
from django.test import Client

from facetrack import settings as ours
from tenants.accounts.hashers import NICENESS, PatientArgon2PasswordHasher, PatientPBKDF2PasswordHasher
from tenants.isolation.context import installation
from tenants.limits.turns import CallerKind, QueuePlace, Turns, during
from tenants.models import Tenant, User
from tenants.rules import Role
from tests.conftest import PASSWORD

OURS, DJANGOS = PatientArgon2PasswordHasher(), Argon2PasswordHasher
MADE = OURS.encode("secret", "saltsalt")
OLD = PBKDF2PasswordHasher().encode("secret", "saltsalt", 1)
WORKS: dict[str, tuple[type[Any], str, Callable[[], Any]]] = {
    "make": (DJANGOS, "encode", lambda: OURS.encode("secret", "saltsalt")),
    "check": (DJANGOS, "verify", lambda: OURS.verify("secret", MADE)),
    "check an old one": (
        PBKDF2PasswordHasher,
        "verify",
        lambda: PatientPBKDF2PasswordHasher().verify("secret", OLD),
    ),
}


def priority_of(work: str, shown: CallerKind | None) -> int:
    """Of the thread that hashes for a request that shows this; and the answer is Django's."""
    owner, method, ask = WORKS[work]
    seen, real = [], getattr(owner, method)

    def watched(*given: object) -> object:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return real(*given)

    async def asked() -> object:
        if shown is None:
            return ask()
        with during(await Turns(4).take(QueuePlace("acme.localhost", shown, "10.0.0.1"))):
            return await asyncio.to_thread(ask)

    with patch.object(owner, method, watched):
        said = asyncio.run(asked())
    assert said is True or check_password("secret", str(said))
    return seen[0]


@pytest.mark.parametrize("work", list(WORKS))
def test_strangers_wait_and_others_do_not(work: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ours.PASSWORD_HASHERS
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert priority_of(work, CallerKind.ATTEMPT) == min(19, NICENESS)
    assert [priority_of(work, one) for one in (CallerKind.DEVICE, CallerKind.LOGIN, None)] == [usual] * 3


def test_new_hashes_are_argon2id_at_the_costs_that_owasp_names() -> None:
    assert MADE.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_old_hashes_are_read(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ours.PASSWORD_HASHERS
    assert check_password("secret", OLD)
    assert not check_password("Secret", OLD)


def test_an_old_password_opens_the_door_and_is_hashed_again(
    acme: Tenant, member_of: Callable[..., User], settings: Any
) -> None:
    settings.PASSWORD_HASHERS = ours.PASSWORD_HASHERS
    user = member_of(acme, Role.VIEWER)
    with installation():
        User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    client = Client(SERVER_NAME="acme.localhost")
    assert client.post("/login/", {"username": user.email, "password": PASSWORD}).status_code == 302
    assert client.get("/").status_code == 200
    with installation():
        assert User.objects.get(pk=user.pk).password.startswith("argon2$")
