"""Hashes passwords. Attempts of strangers run at a lower priority than all other work."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

from tenants.limits.turns import is_attempt

NICENESS = 10
"""Of the thread that hashes for strangers. A hash takes a core for a while, without the interpreter."""
Answer = TypeVar("Answer")


class PatientArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id. Passwords of clients without a known device wait for each other, and for all other work.

    The costs are those that OWASP's Password Storage Cheat Sheet names first: 19 MiB, two passes, one lane.
    Django's own (100 MiB, eight lanes) let some sign-ins at once take a gigabyte.
    """

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return _patient(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return _patient(super().verify, password, encoded)


class PatientPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Passwords that were set before Argon2 came: each is hashed again by its first successful sign-in."""

    def verify(self, password: str, encoded: str) -> bool:
        return _patient(super().verify, password, encoded)


def _patient(work: Callable[..., Answer], *given: Any) -> Answer:
    return _aside().submit(work, *given).result() if is_attempt() else work(*given)


@lru_cache(maxsize=1)
def _aside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "strangers", initializer=_give_way)


def _give_way() -> None:
    """This thread alone: Linux has a priority for each."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
