"""One of the attackers: an address of its own, a way of being signed in, and a count of its attempts."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.siege import wire
from tests.siege.plan import Identity, Plan
from tests.siege.tally import Tally

TOKEN = "/api/v1/auth/token/"
JSON = {"Content-Type": "application/json"}
AWAY = (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError)
"""What becomes of a connection. ValueError is a line that is longer than a reader's limit."""


@dataclass
class Client:
    number: int
    plan: Plan
    tally: Tally
    dice: random.Random
    identity: Identity
    headers: dict[str, str] = field(default_factory=dict)
    """What shows who it is, once a token of its own was asked for."""
    expired: bool = False
    """Whether the token that it was given has ended."""

    @property
    def address(self) -> str:
        return f"127.1.{self.number // 200}.{self.number % 200 + 1}"

    def stranger(self) -> str:
        """Some address that was most probably not seen before."""
        return ".".join(["127", *(str(self.dice.randint(2, 250)) for _ in range(3))])

    async def ask(
        self,
        kind: str,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """One request as who this is, with the answer read to its end, and counted. 0 without an answer."""
        shown = await self.shown()
        status = await self.anyhow(kind, method, path, body, {**shown, **(headers or {})}, self.address)
        if status == 401 and self.identity.kind == "token":
            self.headers, self.expired = {}, True
        return status

    async def anyhow(
        self, kind: str, method: str, path: str, body: bytes, headers: Mapping[str, str], address: str
    ) -> int:
        """One request with exactly these headers, but for what HTTP itself wants."""
        status, _ = await self._asked(method, path, body, headers, address)
        self.tally.note(kind, status or wire.NO_ANSWER, f"{method} {path[:200]}")
        return status

    async def shown(self) -> dict[str, str]:
        """The headers of who this is."""
        if self.identity.kind != "token" or not self.expired:
            return self.identity.headers
        if not self.headers:
            login = {"email": self.identity.email, "password": self.plan.password}
            status, said = await self._asked("POST", TOKEN, json.dumps(login).encode(), JSON, self.address)
            self.tally.note("token", status or wire.NO_ANSWER)
            if status == 200:
                token = json.loads(said.partition(b"\r\n\r\n")[2])["access"]
                self.headers = {"Authorization": f"Bearer {token}"}
        return self.headers

    @asynccontextmanager
    async def opened(self, *, address: str = "", deaf: bool = False) -> AsyncIterator[wire.Stream]:
        """A connection to do anything with, closed after the block. Raises one of AWAY."""
        reader, writer = await wire.connect(self.plan.port, address or self.address, deaf=deaf)
        try:
            yield reader, writer
        finally:
            wire.close(writer)

    async def _asked(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], address: str
    ) -> tuple[int, bytes]:
        sent = {"Host": self.plan.host, "Connection": "close", "Content-Length": str(len(body)), **headers}
        status, said = 0, b""
        with suppress(*AWAY):
            async with self.opened(address=address) as (reader, writer), asyncio.timeout(wire.PATIENCE):
                await wire.send(writer, wire.head(method, path, sent) + body)
                status = await wire.status_of(reader)
                said = await wire.rest(reader)
        return status, said
