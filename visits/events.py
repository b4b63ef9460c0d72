"""Live events: what a tenant's pages are told over the websocket, once it is committed."""

import logging
from typing import Literal, TypedDict

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from tenants.channels import group_of
from tenants.models import Tenant

log = logging.getLogger(__name__)


class LiveMessage(TypedDict):
    """A hint, not the news itself: pages fetch everything after their own cursor, with their own rights."""

    type: Literal["live.event"]
    cursor: int


def publish(tenant: Tenant, cursor: int) -> None:
    """Tell the open pages of `tenant`. Redis being away delays them; it never loses what is saved."""
    message: LiveMessage = {"type": "live.event", "cursor": cursor}
    try:
        async_to_sync(get_channel_layer().group_send)(group_of(tenant), message)
    except (RedisError, OSError) as error:
        log.warning(
            "live event %s of %s was not announced, pages will fetch it later: %s", cursor, tenant, error
        )
