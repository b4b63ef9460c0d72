"""What pages are told over the websocket, once it is committed, and what the floors above are told."""

import logging
from typing import Literal, TypedDict
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.dispatch import Signal
from redis.exceptions import RedisError

from tenants.channels import group_of
from tenants.models import Tenant

About = Literal["visits", "cameras"]

log = logging.getLogger(__name__)

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
    """Tell the open pages of whoever sees the whole tenant, or the site.

    Redis being away delays them; it never loses what is saved.
    """
    send = async_to_sync(get_channel_layer().group_send)
    try:
        send(group_of(tenant), LiveMessage(type="live.event", cursor=cursor, about=about))
        send(group_of(tenant, site), LiveMessage(type="live.event", cursor=None, about=about))
    except (RedisError, OSError) as error:
        log.warning(
            "live event %s of %s was not announced, pages will fetch it later: %s", cursor, tenant, error
        )
