"""System checks for settings that are allowed one by one but unsafe together. `check --deploy` runs them."""

from collections.abc import Iterator
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

WEAK = ("secret", "password", "changeme", "insecure", "example")
MIN_SECRET = 40


@register(Tags.security, deploy=True)
def exposed_installation(**_: Any) -> list[CheckMessage]:
    """Checks for installations that strangers can reach."""
    return [*_tls_problems(), *_secret_problems(), *_camera_problems()]


@register(Tags.security)
def encryption_keys(**_: Any) -> list[CheckMessage]:
    """An invalid key would otherwise be noticed only at the first face."""
    problems: list[CheckMessage] = []
    if not settings.FACETRACK_ENCRYPTION_KEYS:
        problems.append(
            Error(
                "there is no encryption key",
                hint="set FACETRACK_ENCRYPTION_KEYS (docs/settings.md)",
                id="facetrack.E001",
            )
        )
    for number, key in enumerate(settings.FACETRACK_ENCRYPTION_KEYS, 1):
        try:
            Fernet(key)
        except ValueError:
            problems.append(
                Error(
                    f"key {number} of FACETRACK_ENCRYPTION_KEYS is not a Fernet key",
                    hint="make one with `python -c 'from cryptography.fernet import Fernet; "
                    "print(Fernet.generate_key().decode())'`",
                    id="facetrack.E002",
                )
            )
    return problems


def _tls_problems() -> Iterator[CheckMessage]:
    if not settings.BEHIND_TLS:
        yield checks.Warning(
            "passwords and faces travel unencrypted",
            hint="put a proxy that speaks TLS in front and set FACETRACK_BEHIND_TLS=1",
            id="facetrack.W001",
        )
    elif settings.DEBUG:
        yield Error(
            "debug pages, which show settings and rows, are on behind TLS",
            hint="unset FACETRACK_DEBUG",
            id="facetrack.E003",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "FACETRACK_ALLOWED_HOSTS admits any host, so that links in mails and redirects can be forged",
            hint="name the installation's own domain, such as .example.com",
            id="facetrack.E004",
        )


def _secret_problems() -> Iterator[CheckMessage]:
    for name in settings.FACETRACK_KEYS_OF_ITS_OWN:
        yield checks.Warning(
            f"{name} is not set: the installation uses a key that it generated in var/keys",
            hint="set it in the environment, the same for all processes, and keep a copy elsewhere",
            id="facetrack.W002",
        )
    secret = settings.SECRET_KEY.lower()
    if len(secret) < MIN_SECRET or len(set(secret)) < 10 or any(word in secret for word in WEAK):
        yield Error(
            "FACETRACK_SECRET_KEY can be guessed",
            hint=f"use {MIN_SECRET} random characters or more",
            id="facetrack.E005",
        )


def _camera_problems() -> Iterator[CheckMessage]:
    if settings.FACETRACK_CAMERA_LOOPBACK:
        yield Error(
            "FACETRACK_CAMERA_LOOPBACK lets cameras connect to this machine's own services",
            hint="unset it; it is for tests and demonstrations",
            id="facetrack.E006",
        )
