"""Requests that do not come: silence, headers and bodies by the byte."""

import asyncio

from tests.siege import wire
from tests.siege.client import Client

KIND = "half-sent requests"
PAUSE = 0.2
SECONDS = 90.0
DROP_SECONDS = 1.0


async def round_of(client: Client) -> None:
    """As many connections at once as a client may have, each of its own kind, until they are ended."""
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(_one(client))


async def _one(client: Client) -> None:
    plan, dice = client.plan, client.dice
    address = client.address if dice.random() < 0.5 else client.stranger()
    upload = f"/api/v1/staff/{plan.staff}/faces/"
    headers = {"Host": plan.host, **(await client.shown())}
    length = {"Content-Length": "1000000", "Content-Type": "multipart/form-data; boundary=x"}
    begun = dice.choice(
        [
            b"",
            b"GET ",
            wire.head("GET", "/login/", headers)[:-2] + b"X-More: ",
            wire.head("POST", "/login/", {**headers, **length}),
            wire.head("POST", upload, {**headers, **length}),
        ]
    )
    try:
        async with client.opened(address=address) as (reader, writer), asyncio.timeout(SECONDS):
            await wire.send(writer, begun)
            drops = asyncio.create_task(_drip(writer, dice.random() < 0.7))
            try:
                status = await wire.status_of(reader)
            finally:
                drops.cancel()
            client.tally.note(KIND, status or "ended by the server")
    except TimeoutError:
        client.tally.note(KIND, "never ended")
    except (OSError, ValueError):
        client.tally.note(KIND, "ended by the server")


async def _drip(writer: asyncio.StreamWriter, dripping: bool) -> None:
    while dripping and not writer.is_closing():
        await asyncio.sleep(DROP_SECONDS)
        await wire.send(writer, b"x")
