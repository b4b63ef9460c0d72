"""What the process of the attackers is told: where the installation is, who they are there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """A way of being signed in. Sessions have cookies, keys a header; tokens are asked for when due."""

    kind: str
    """session, key, or token."""
    role: str
    headers: dict[str, str] = field(default_factory=dict)
    email: str = ""


@dataclass(frozen=True)
class Plan:
    """Of one attack. Ids are those of the attackers' own customer."""

    port: int
    host: str
    victims_host: str
    victims_email: str
    password: str
    seconds: float
    clients: int
    pictures: str
    """A folder of files to upload."""
    identities: list[Identity]
    site: str
    staff: str
    running: list[str]
    """Cameras that work."""
    silent: list[str]
    """Cameras that will be made to accept and say nothing."""
    hostile: list[str]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def read(path: Path) -> Plan:
    known = json.loads(path.read_text())
    return Plan(**known | {"identities": [Identity(**one) for one in known["identities"]]})
