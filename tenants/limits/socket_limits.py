"""Limits what a websocket's client may send, and the sockets of a user and a tenant in a process."""

import time
from collections import Counter
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from tenants.access.rights import Access

UNSUPPORTED, INVALID, TOO_BIG = 1003, 1007, 1009
TOO_MANY = 4429
"""Messages in a short time, or sockets at once."""
MAX_LENGTH = 4_096
"""Characters of a message. The web server ends longer ones before they are whole."""
MAX_MESSAGES, PERIOD_SECONDS = 20, 10.0

_open: Counter[UUID] = Counter()


class LimitedConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Closes the socket of a client that sends no JSON, or too much. The close code says which."""

    _places: tuple[UUID, ...] = ()
    _messages, _since, _refused = 0, 0.0, False

    async def __call__(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().__call__(*args, **kwargs)
        finally:
            self._give_up_place()

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: object
    ) -> None:
        if self._refused:  # what came before the end of the socket has reached its other end
            return
        if code := self._fault(text_data):
            await self._refuse(code)
            return
        try:
            content = await self.decode_json(text_data)
        except (ValueError, RecursionError):  # a number of too many digits is a ValueError as well
            await self._refuse(INVALID)
            return
        await self.receive_json(content, **kwargs)

    def take_place(self, access: Access) -> bool:
        """Whether there is room for one more socket of this user, and of this tenant."""
        wanted = {access.tenant.pk: settings.FACETRACK_SOCKETS_TENANT}
        if access.user is not None:
            wanted[access.user.pk] = settings.FACETRACK_SOCKETS_USER
        if any(_open[owner] >= limit for owner, limit in wanted.items()):
            return False
        self._places = tuple(wanted)
        _open.update(self._places)
        return True

    async def _refuse(self, code: int) -> None:
        self._refused = True
        await self.close(code)

    def _give_up_place(self) -> None:
        _open.subtract(self._places)
        for owner in self._places:
            if not _open[owner]:
                del _open[owner]
        self._places = ()

    def _fault(self, text: str | None) -> int | None:
        now = time.monotonic()
        if now - self._since > PERIOD_SECONDS:
            self._messages, self._since = 0, now
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            return TOO_MANY
        if text is None:
            return UNSUPPORTED
        return TOO_BIG if len(text) > MAX_LENGTH else None
