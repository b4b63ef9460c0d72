"""A camera's login: kept apart from its address, and put together with it only to connect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote_plus, urlsplit

USER, PASSWORD = "{username}", "{password}"
"""What stands in an address whose camera wants its login there."""
USER_NAMES = frozenset({"user", "username", "usr", "login", "account", "uid", "loginuse"})
SECRET_NAMES = frozenset({"key", "apikey", "pw", "psw", "sid", "sig", "signature", "session", "loginpas"})
SECRET_PARTS = ("pass", "pwd", "token", "secret", "auth", "cred")


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password; None where nothing is said about it. Never printed."""

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def secret_in(location: str) -> str | None:
    """The name of a parameter of the address that holds a login instead of its placeholder, or None."""
    return next((name for name, _, _ in _secrets(location)), None)


def taken_apart(location: str) -> tuple[str, list[str], list[str]]:
    """The address with placeholders for its login, and the user names and passwords that stood there."""
    found: dict[str, list[str]] = {USER: [], PASSWORD: []}
    for name, value, placeholder in list(_secrets(location)):
        location = location.replace(f"{name}={value}", f"{name}={placeholder}")
        found[placeholder].append(unquote_plus(value))
    return location, found[USER], found[PASSWORD]


def holds_login(location: str) -> bool:
    """Whether a typed address contains a login, even if the address is not valid."""
    try:
        return "@" in location or secret_in(location) is not None
    except ValueError:
        return True


def _placeholder_for(name: str) -> str | None:
    """USER or PASSWORD for the name of a parameter that holds one, else None."""
    plain = unquote_plus(name).lower().replace("_", "").replace("-", "")
    if plain in USER_NAMES:
        return USER
    return PASSWORD if plain in SECRET_NAMES or any(part in plain for part in SECRET_PARTS) else None


def login_problem(*, moved: bool, stored: Login, given: Login) -> dict[str, str]:
    """Field to what is wrong: a stored login goes to no other address than the one it was entered for."""
    if not moved:
        return {}
    again = "The address has changed. Enter it again: the stored one is not sent to another address."
    return {
        name: again
        for name in ("username", "password")
        if getattr(stored, name) and getattr(given, name) is None
    }


def _secrets(location: str) -> Iterator[tuple[str, str, str]]:
    """Name and value as they stand in the address, and the placeholder that belongs there."""
    for name, value in _parameters(urlsplit(location)):
        placeholder = _placeholder_for(name)
        if placeholder and value and value not in (USER, PASSWORD):
            yield name, value, placeholder


def _parameters(parts: SplitResult) -> Iterator[tuple[str, str]]:
    """Name and value of the query, and of paths such as /user=admin_password=1234_channel=1."""
    for piece in parts.query.replace(";", "&").split("&"):
        name, _, value = piece.partition("=")
        yield name, value
    for segment in parts.path.split("/"):
        pieces = segment.split("=")
        for i in range(len(pieces) - 1):
            value = pieces[i + 1]
            if i + 2 < len(pieces):  # the next name ends it
                value = value[: -len(_last_word(value)) - 1]
            yield _last_word(pieces[i]), value


def _last_word(text: str) -> str:
    return text.replace("&", "_").replace(";", "_").rpartition("_")[2]
