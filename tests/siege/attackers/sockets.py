"""Websockets that never read, say nonsense, or are opened by half."""

import asyncio
import os

from tests.siege import wire
from tests.siege.client import Client

KIND = "websockets"
PAUSE = 0.5
PATH = "/ws/live/"
HELD_SECONDS = (5.0, 40.0)
NONSENSE = (
    b"\x81\xff" + (100_000_000).to_bytes(8, "big") + b"\0" * 4,
    b"\x81\x02{}",
    b"\x81\x82" + b"\0" * 4 + b"\xff\xfe",
    b"\x89\xfd" + b"\0" * 4 + b"p" * 125,
    b"\x81\x82" + b"\0" * 4 + b"{}",
)
"""Too large, not masked, no text, a ping, and what is well-formed: that and the ping many times."""
TIMES = 2_000


async def round_of(client: Client) -> None:
    dice = client.dice
    shown = await client.shown() if client.identity.kind == "session" else {}
    headers = {"Host": client.plan.host, "Origin": f"http://{client.plan.host}", **shown}
    headers |= {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    seconds = dice.uniform(*HELD_SECONDS)
    async with client.opened(deaf=True) as (reader, writer):
        asked = wire.head("GET", PATH, headers)
        if dice.random() < 0.2:
            client.tally.note("websockets by half", "left open")
            await wire.send(writer, asked[: dice.randint(1, len(asked) - 2)])
            await asyncio.wait_for(reader.read(), seconds)
            return
        await wire.send(writer, asked)
        status = await asyncio.wait_for(wire.status_of(reader), wire.PATIENCE)
        client.tally.note(KIND, status or wire.NO_ANSWER)
        if dice.random() < 0.6:
            frame = dice.choice([*NONSENSE, os.urandom(200)])
            async with asyncio.timeout(seconds):
                await wire.send(writer, frame * (TIMES if frame in NONSENSE[-2:] else 1))
        await asyncio.sleep(seconds)
