"""Messages to open pages over the WebSocket, sent after commit, and signals to the apps above."""

import asyncio
import logging
from typing import Literal, TypedDict
from uuid import UUID

from channels.layers import get_channel_layer
from django.dispatch import Signal
from redis.exceptions import RedisError

from facetrack.core.background import run_in_background
from tenants.models import Tenant
from tenants.web.channels import group_of

About = Literal["visits", "cameras"]

log = logging.getLogger(__name__)

MAX_SECONDS = 5.0
"""Sends the hints. Bounded, so that they do not pile up while Redis hangs."""

visitor_leaving = Signal()
"""A visitor is about to be deleted with all related rows. Sent in the transaction with `visitor_id`."""


class LiveMessage(TypedDict):
    """A hint, not the data: pages fetch everything after their own cursor, with their own permissions.

    `cursor` is the event's id, for users who see the whole tenant: it counts the events of the whole tenant.
    `about` names what pages have to reload.
    """

    type: Literal["live.event"]
    cursor: int | None
    about: About


def publish(tenant: Tenant, site: UUID, cursor: int, about: About) -> None:
    """Notify the open pages of users who see the whole tenant, or the site. Does not wait.

    If Redis is unavailable, the hints are delayed; saved data is never lost.
    """
    run_in_background(_announced(tenant, site, cursor, about))


async def _announced(tenant: Tenant, site: UUID, cursor: int, about: About) -> None:
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(MAX_SECONDS):
            for group, at in ((group_of(tenant), cursor), (group_of(tenant, site), None)):
                await layer.group_send(group, LiveMessage(type="live.event", cursor=at, about=about))
    except (RedisError, OSError) as error:  # a time-out is an OSError
        log.warning(
            "live event %s of %s was not announced, pages will fetch it later: %s", cursor, tenant, error
        )
