"""Websockets: A's cookies at every address and host, and what is heard while B is told things."""

import asyncio
import json
import random
from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from tenants.models import Tenant
from tests.probe.attempts import Attempt, Place
from tests.probe.cast import Actor
from tests.probe.inventory import sockets
from tests.probe.references import uuid_of, value_of_b
from tests.probe.world import PUBLIC_HOST, World

ANSWER_SECONDS = 5.0
QUIET_SECONDS = 0.01


class Sockets:
    """A member is an address of the websocket's router."""

    name, share = "websocket", 0.012

    def members(self) -> list[str]:
        return list(sockets())

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        actor, place = dice.choice(world.actors), self._place(dice)
        hosts = {"a": world.a.host, "b": world.b.host, "public": PUBLIC_HOST, "nowhere": "nobody.localhost"}
        host, stranger = hosts[place], value_of_b(world, member, dice, at_b=place == "b")
        origin = f"http://{dice.choice([host, host, world.a.host, world.b.host])}"
        path = "/" + member + dice.choice(["", f"?tenant={world.b.tenant.pk}", f"?id={stranger}"])
        said = json.dumps(dice.choice([{}, {"tenant": str(world.b.tenant.pk)}, {"after": 0, "id": stranger}]))
        headers = _headers(actor, host, origin)
        news = _news(world, dice)
        asked = "\n".join([path, said, origin, host])
        return Attempt(
            f"socket {path} on {host} from {origin} as {actor.name}",
            asked,
            lambda: async_to_sync(_talk)(path, headers, said, news),
            place,
            by_installation=actor is world.root and place == "public",
        )

    def _place(self, dice: random.Random) -> Place:
        return dice.choice(("a", "a", "a", "b", "b", "public", "nowhere"))


def _headers(actor: Actor, host: str, origin: str) -> list[tuple[bytes, bytes]]:
    cookie = "; ".join(f"{name}={value}" for name, value in actor.cookies.items())
    found = [(b"host", host.encode()), (b"origin", origin.encode())]
    found += [(b"cookie", cookie.encode())] if cookie else []
    return found + ([(b"authorization", actor.authorization.encode())] if actor.authorization else [])


def _news(world: World, dice: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """What B's groups are told meanwhile, which nobody of A may hear."""
    told = {"type": "live.event", "cursor": world.b.secrets.number(), "about": "visits"}
    world.b.secrets.add(told["cursor"])
    return [(name, told) for name in group_names(world.b.tenant, world, dice)]


def group_names(tenant: Tenant, world: World, dice: random.Random) -> list[str]:
    from tests.probe.messages import Groups, called

    site = uuid_of(world.b, "site", dice)
    return [name for function in Groups().functions.values() for name in called(function, tenant, site)]


async def _talk(
    path: str, headers: list[tuple[bytes, bytes]], said: str, news: list[tuple[str, dict[str, Any]]]
) -> str:
    """Everything that a socket hears until it is quiet."""
    application = import_module("facetrack.asgi").websocket
    socket = WebsocketCommunicator(application, path, headers=headers)
    heard = []
    try:
        connected, detail = await socket.connect(ANSWER_SECONDS)
        heard.append(f"connected: {connected} {detail}")
        if connected:
            await socket.send_to(text_data=said)
            for name, told in news:
                await get_channel_layer().group_send(name, told)
            while not await socket.receive_nothing(QUIET_SECONDS):
                heard.append(repr(await socket.receive_output(ANSWER_SECONDS)))
            await socket.disconnect(timeout=ANSWER_SECONDS)
    except (TimeoutError, AssertionError) as error:
        heard.append(f"{type(error).__name__}: {error}")
    except asyncio.CancelledError:
        heard.append("closed")
    return "\n".join(heard)
