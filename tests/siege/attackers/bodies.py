"""Bodies that are too large, too deep, or of too many parts."""

import asyncio

from tests.siege import wire
from tests.siege.attackers.uploads import BOUNDARY, FORM, form_of
from tests.siege.client import JSON, Client

KIND = "large bodies"
PAUSE = 4.0
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'.encode()


async def round_of(client: Client) -> None:
    plan, dice = client.plan, client.dice
    upload, admin = f"/api/v1/staff/{plan.staff}/faces/", f"/admin/staff/staffmember/{plan.staff}/change/"
    method, path, headers, body = dice.choice(
        [
            ("POST", "/api/v1/sites/", JSON, b'{"name": ' + b"[" * 90_000),
            ("POST", "/api/v1/sites/", JSON, b'{"name": "' + b"a" * 1_000_000 + b'"}'),
            ("POST", "/api/v1/sites/", JSON, b'{"reentry_seconds": ' + b"9" * 90_000 + b"}"),
            ("POST", "/login/", FORM, PART * 10_000),
            ("POST", "/login/", FORM, form_of(bytes(40_000_000))),
            ("POST", admin, FORM, form_of(bytes(60_000_000))),
            ("POST", upload, FORM, form_of(bytes(11_000_000))),
            ("GET", "/login/", {f"X-{n}": "v" * 100 for n in range(150)}, b""),
            ("GET", "/login/", {"Cookie": "a" * 60_000}, b""),
        ]
    )
    if dice.random() < 0.2:
        await _announced(client)
        return
    await client.ask(KIND, method, path, body, headers)


async def _announced(client: Client) -> None:
    """What is refused before it is sent."""
    length = client.dice.choice(["111000000000", "9" * 5_000, "-1", "0x10"])
    headers = {"Host": client.plan.host, **FORM, "Content-Length": length}
    async with client.opened() as (reader, writer), asyncio.timeout(wire.PATIENCE):
        await wire.send(writer, wire.head("POST", "/login/", headers))
        client.tally.note(KIND, await wire.status_of(reader) or wire.NO_ANSWER)
