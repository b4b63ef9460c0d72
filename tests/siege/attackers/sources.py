"""Cameras that mean harm to the worker that opens them: one attack after the other on each of a few."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count

from tests.siege.client import JSON, Client
from tests.stages import hostile_cameras as hostile

KIND = "hostile cameras"
PAUSE = 15.0
ATTACKS = (
    hostile.part_without_a_length,
    hostile.head_without_end,
    hostile.gzip_bomb,
    hostile.part_of_two_gigabytes,
    hostile.chunk_with_an_endless_extension,
    hostile.pictures_of_65500,
    hostile.byte_by_byte,
    hostile.line_without_end,
)
_turns = count()


@contextmanager
def listening() -> Iterator[list[int]]:
    """The ports of servers that each do one of the attacks to all of their guests."""
    with ExitStack() as stack:
        yield [stack.enter_context(hostile.hostile(attack)) for attack in ATTACKS]


async def round_of(client: Client, ports: list[int]) -> None:
    """Give the next camera the next attack, and start it."""
    turn = next(_turns)
    camera = client.plan.hostile[turn % len(client.plan.hostile)]
    await moved(client, camera, ports[turn % len(ports)])
    await client.ask(KIND, "POST", f"/api/v1/cameras/{camera}/start/")


async def moved(client: Client, camera: str, port: int) -> None:
    """Let the camera be at this port of ours."""
    source = {"kind": "http", "location": f"http://127.0.0.1:{port}/{port}"}
    await client.ask(KIND, "PATCH", f"/api/v1/cameras/{camera}/", json.dumps(source).encode(), JSON)


async def silent() -> asyncio.Server:
    """Accepts, and says nothing for as long as it lives."""
    return await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
