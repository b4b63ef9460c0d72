"""Passwords of strangers are hashed as all are, with what the processors have left."""

import asyncio
import os
import threading
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password

from facetrack import settings as ours
from tenants.accounts.hashers import NICENESS, PatientPBKDF2PasswordHasher
from tenants.limits.turns import CallerKind, QueuePlace, Turns, during


def priority_of(shown: CallerKind | None) -> int:
    """Of the thread that hashes for a request that shows this; and the hash is Django's."""
    seen = []
    real = PBKDF2PasswordHasher.encode

    def watched(*given: object) -> str:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return real(*given)  # type: ignore[arg-type]

    async def hashed() -> str:
        if shown is None:
            return PatientPBKDF2PasswordHasher().encode("secret", "salt", 1)
        with during(await Turns(4).take(QueuePlace("acme.localhost", shown, "10.0.0.1"))):
            return await asyncio.to_thread(PatientPBKDF2PasswordHasher().encode, "secret", "salt", 1)

    with patch.object(PBKDF2PasswordHasher, "encode", watched):
        made = asyncio.run(hashed())
    assert made == PBKDF2PasswordHasher().encode("secret", "salt", 1)
    return seen[0]


def test_strangers_wait_and_others_do_not() -> None:
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert priority_of(CallerKind.ATTEMPT) == min(19, NICENESS)
    assert [priority_of(shown) for shown in (CallerKind.DEVICE, CallerKind.LOGIN, None)] == [usual] * 3


def test_hashes_are_djangos(settings: pytest.FixtureRequest) -> None:
    settings.PASSWORD_HASHERS = ours.PASSWORD_HASHERS  # type: ignore[attr-defined]
    assert check_password("secret", PBKDF2PasswordHasher().encode("secret", "salt"))
    assert not check_password("Secret", PBKDF2PasswordHasher().encode("secret", "salt"))
