"""Hashes passwords as Django does. Attempts of strangers run at a lower priority than all other work."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tenants.limits.turns import is_attempt

NICENESS = 10
"""Of the thread that hashes for strangers. A hash takes a core for half a second, without the interpreter."""


class PatientPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """The same hashes and algorithm. Passwords of clients without a known device are hashed one by one, on
    what the processors have left."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        if is_attempt():
            return _aside().submit(super().encode, password, salt, iterations).result()
        return super().encode(password, salt, iterations)


@lru_cache(maxsize=1)
def _aside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "strangers", initializer=_give_way)


def _give_way() -> None:
    """This thread alone: Linux has a priority for each."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
