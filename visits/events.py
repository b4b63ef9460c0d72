"""What pages are told over the websocket, once it is committed, and what the floors above are told."""

import asyncio
import logging
from typing import Literal, TypedDict
from uuid import UUID

from channels.layers import get_channel_layer
from django.dispatch import Signal
from redis.exceptions import RedisError

from facetrack.lib.aside import aside
from tenants.channels import group_of
from tenants.models import Tenant

About = Literal["visits", "cameras"]

log = logging.getLogger(__name__)

LONGEST_SECONDS = 5.0
"""For a word to the pages; where Redis hangs, those that wait do not pile up."""

visitor_leaving = Signal()
"""A visitor is about to be deleted with all that hangs on them; sent in the transaction with `visitor_id`."""


class LiveMessage(TypedDict):
    """A hint, not the news itself: pages fetch everything after their own cursor, with their own rights.

    `cursor` is the event's id, for those who see the whole tenant: it counts what happens in all of it.
    `about` is what pages have to fetch anew.
    """

    type: Literal["live.event"]
    cursor: int | None
    about: About


def publish(tenant: Tenant, site: UUID, cursor: int, about: About) -> None:
    """Tell the open pages of whoever sees the whole tenant, or the site. Does not wait for it.

    Redis being away delays them; it never loses what is saved.
    """
    aside(_announced(tenant, site, cursor, about))


async def _announced(tenant: Tenant, site: UUID, cursor: int, about: About) -> None:
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            for group, at in ((group_of(tenant), cursor), (group_of(tenant, site), None)):
                await layer.group_send(group, LiveMessage(type="live.event", cursor=at, about=about))
    except (RedisError, OSError) as error:  # a time-out is an OSError
        log.warning(
            "live event %s of %s was not announced, pages will fetch it later: %s", cursor, tenant, error
        )
