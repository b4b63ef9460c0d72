"""How long a session lasts: a while without a request, and some hours after logging in in any case."""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from tenants.accounts.proofs import BEGAN, carried
from tenants.models import User

MOVED = "moved"
"""Key of the session: when its end was last moved on; in seconds."""
MOVE_SECONDS = 300
"""How often the end is moved on, at most: it is a write."""


@receiver(user_logged_in, sender=User)
def begin(request: HttpRequest, user: User, **_: Any) -> None:
    """A login into this very session; a token that is asked for in a request with a session is none.

    A session that goes on from another host ends when that would have ended.
    """
    if request.session.get(SESSION_KEY) != str(user.pk):
        return
    proof = carried(request)
    request.session[BEGAN] = time.time() if proof is None else proof.began
    request.session.pop(MOVED, None)
    move_on(request)


def move_on(request: HttpRequest) -> bool:
    """Whether the session of a logged-in user goes on. Its end in the database holds for sockets, too."""
    session, now = request.session, time.time()
    left = session.get(BEGAN, 0) + settings.FACETRACK_SESSION_SECONDS - now
    if left > 0 and now - session.get(MOVED, 0) > MOVE_SECONDS:
        session[MOVED] = now
        session.set_expiry(int(min(settings.SESSION_COOKIE_AGE, left)))
    return bool(left > 0)
