"""Passwords are hashed as Django does it, and strangers' attempts give way to everything else."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tenants.turns import is_attempt

NICENESS = 10
"""Of the thread that hashes for strangers. A hash takes a core for half a second, without the interpreter."""


class PatientPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """The same hashes, of the same algorithm. Who shows no known device is hashed for one after the other, on
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
