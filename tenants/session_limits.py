"""How long a session lasts: a while without a request, and some hours after logging in in any case."""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

BEGAN, MOVED = "began", "moved"
"""Keys of the session: when its user logged in, and when its end was last moved on; in seconds."""
MOVE_SECONDS = 300
"""How often the end is moved on, at most: it is a write."""


@receiver(user_logged_in)
def begin(request: HttpRequest, **_: Any) -> None:
    if SESSION_KEY in request.session:  # a token is no session
        request.session[BEGAN] = time.time()
        move_on(request)


def move_on(request: HttpRequest) -> bool:
    """Whether the session of a logged-in user goes on. Its end in the database holds for sockets, too."""
    session, now = request.session, time.time()
    left = session.get(BEGAN, 0) + settings.FACETRACK_SESSION_SECONDS - now
    if left > 0 and now - session.get(MOVED, 0) > MOVE_SECONDS:
        session[MOVED] = now
        session.set_expiry(int(min(settings.SESSION_COOKIE_AGE, left)))
    return bool(left > 0)


def seconds_since_login(request: HttpRequest) -> float:
    return time.time() - float(request.session.get(BEGAN, 0))
