"""What an attempt is, and where attempts come from."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from tests.probe.world import World

Place = Literal["a", "b", "public", "nowhere"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that somebody of A tries. `asked` is all that they say, `place` whose door they stand at."""

    title: str
    asked: str
    do: Callable[[], str]
    """Answers with everything that comes back, refusals and errors included."""
    place: Place = "a"
    by_installation: bool = False
    """Whether whoever runs the installation tries, on its own host: tenants and accounts are theirs."""


class Surface(Protocol):
    """One way into FaceTrack, with members that must each be tried."""

    name: str
    share: float
    """How much of all attempts it gets."""

    def members(self) -> list[str]: ...

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt: ...
