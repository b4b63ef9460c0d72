"""Live pictures and event streams that are opened and not read, or not closed."""

import asyncio

from tests.siege import wire
from tests.siege.client import Client

KIND = "streams"
PAUSE = 1.0
HELD_SECONDS = (5.0, 40.0)


async def round_of(client: Client) -> None:
    """Open one; then read all of it, nothing of it, or a little now and then; leave without a word."""
    dice = client.dice
    live = f"/api/v1/cameras/{dice.choice(client.plan.running)}/live.mjpg/"
    path = dice.choice([live, live, "/api/v1/events/stream/", "/api/v1/events/stream/?after=0"])
    deaf = dice.random() < 0.6
    headers = {"Host": client.plan.host, **await client.shown()}
    async with client.opened(deaf=deaf) as (reader, writer):
        await wire.send(writer, wire.head("GET", path, headers))
        status = await asyncio.wait_for(wire.status_of(reader), wire.PATIENCE)
        client.tally.note(KIND, status or wire.NO_ANSWER)
        if status != 200:
            return
        seconds = dice.uniform(*HELD_SECONDS)
        if deaf:
            await asyncio.sleep(seconds)
            return
        async with asyncio.timeout(seconds):
            while await reader.read(wire.PART):
                await asyncio.sleep(0.2)
