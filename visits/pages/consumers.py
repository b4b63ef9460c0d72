"""The pages' WebSocket."""

from tenants.web.channels import MemberConsumer
from visits.events import LiveMessage


class LiveConsumer(MemberConsumer):
    """Forwards the hint; the page then fetches what it missed by its own cursor."""

    async def live_event(self, message: LiveMessage) -> None:
        if await self.still_admitted():
            await self.send_json({"cursor": message["cursor"], "about": message["about"]})

    async def receive_json(self, content: object, **kwargs: object) -> None:
        """Messages from pages are ignored."""
