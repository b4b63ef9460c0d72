"""The costliest picture files there are, as face pictures of an employee."""

import asyncio
from pathlib import Path

from tests.siege.client import Client

KIND = "uploads"
PAUSE = 2.0
BOUNDARY = "siege"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


async def round_of(client: Client) -> None:
    plan = client.plan
    file = client.dice.choice(sorted(Path(plan.pictures).iterdir()))
    body = form_of(await asyncio.to_thread(file.read_bytes))
    await client.ask(KIND, "POST", f"/api/v1/staff/{plan.staff}/faces/", body, FORM)


def form_of(picture: bytes) -> bytes:
    """A multipart body with this file in it."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n'
    return part.encode() + b"Content-Type: image/jpeg\r\n\r\n" + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
