"""manage.py rotate_jwt_key: a new key signs API tokens; the former one verifies its own until they expire."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from facetrack.core.crypto.jwt_keys import FormerStillNeeded, KeptKeys, RotatedMeanwhile, Rotation
from tenants.credentials.tokens import ring

OF_THE_ENVIRONMENT = """The keys come from FACETRACK_JWT_PRIVATE_KEY, which this command never touches.
1. make a key:  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048
2. put its PEM in front of the value, keep the first of the former ones behind it, and restart the processes
3. after {hours} hours, when the former key's tokens have expired, take its PEM out and restart again"""


class Command(BaseCommand):
    help = "Create a new signing key for API tokens. Running processes use it at once, without a restart."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument(
            "--now", action="store_true",
            help="remove all former keys (after a leak): all tokens end at once and all users log in again",
        )  # fmt: skip

    def handle(self, *args: Any, now: bool, json: bool, **options: Any) -> None:
        keys = ring()
        if not isinstance(keys, KeptKeys):
            hours = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"].total_seconds() / 3600
            raise CommandError(OF_THE_ENVIRONMENT.format(hours=f"{hours:g}"))
        try:
            done = keys.rotate(drop=now)
        except FormerStillNeeded as error:
            raise CommandError(f"{error}: rotate after that. With --now, all tokens end at once.") from None
        except RotatedMeanwhile:
            raise CommandError("another process has just rotated the keys: nothing was changed") from None
        self.stdout.write(_facts(done) if json else _words(done))


def _facts(done: Rotation) -> str:
    until = done.until.isoformat() if done.until else None
    return json.dumps(
        {"signs": done.kid, "verifies": done.former, "until": until, "dropped": done.dropped}, indent=2
    )


def _words(done: Rotation) -> str:
    lines = [f"{done.kid} signs from now on."]
    if done.former and done.until:
        lines.append(f"{done.former} verifies until {done.until:%Y-%m-%d %H:%M} UTC.")
    lines += [f"{kid} is gone." for kid in done.dropped]
    return "\n".join(lines)
