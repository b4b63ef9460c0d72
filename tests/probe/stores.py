"""What is outside of PostgreSQL: the cache, pictures, and the index of faces."""

import inspect
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django_tenants.utils import tenant_context
from numpy.typing import NDArray

from facetrack.core import objects
from facetrack.core.vectors import VisitorIndex
from tests.conftest import template_of
from tests.probe.attempts import Attempt
from tests.probe.inventory import takers_of_tenants
from tests.probe.references import object_key
from tests.probe.world import Party, World
from visits.index import visitor_index
from visits.models import Visitor

PACK = "probe"


def attempted(work: Callable[[], Any]) -> str:
    """What a call answers, or how it refuses."""
    try:
        found = work()
        return repr(found.read() if hasattr(found, "read") else found)
    except Exception as error:  # noqa: BLE001  whatever it raises is an answer
        return f"{type(error).__name__}: {error}"


class Cache:
    """A member is a method of the cache; A asks it for keys as B uses them."""

    name, share = "cache", 0.07
    _keys = ("throttle.user.7", "probe", "failed-logins.x")

    def __init__(self, world: World) -> None:
        self._kept = {key: world.b.secrets.canary() for key in self._keys}
        self._world = world
        with tenant_context(world.b.tenant):
            cache.set_many(self._kept, timeout=None)

    def members(self) -> list[str]:
        return [
            name
            for name, method in inspect.getmembers(BaseCache, inspect.isfunction)
            if not name.startswith("_") and not inspect.iscoroutinefunction(method)
            if name
            not in ("close", "make_key", "make_and_validate_key", "validate_key", "get_backend_timeout")
        ]

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        key, owner = dice.choice(self._keys), world.b.tenant.pk.hex
        asked = dice.choice(
            [key, f"{owner}::1:{key}", f":1:{key}", f"../{owner}::1:{key}", f"{owner}*", f"*{key}", "*"]
        )
        arguments: dict[str, Any] = {"key": asked, "value": 7, "default": None, "keys": [asked, key]}
        arguments |= {"data": {asked: 7}, "callback": None}
        method = getattr(cache, member)
        wanted = [name for name in inspect.signature(method).parameters if name in arguments]
        given = {name: arguments[name] for name in wanted}
        version = {"version": dice.choice([1, f"1:{owner}", f"{owner}::1"])} if dice.random() < 0.3 else {}
        if "version" not in inspect.signature(method).parameters:
            version = {}
        said = f"{asked!r}, {version}"
        return Attempt(f"cache.{member}({said})", said, lambda: attempted(lambda: method(**given, **version)))

    def unharmed(self) -> bool:
        with tenant_context(self._world.b.tenant):
            return bool(cache.get_many(self._keys) == self._kept)


class Objects:
    """A member is a function of the object storage; A's tenant asks for B's keys."""

    name, share = "objects", 0.06

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept = {key: _content(world.b, key) for key in self._keys()}

    def _keys(self) -> set[str]:
        return {object_key(self._world.b, random.Random(n)) for n in range(40)}

    def members(self) -> list[str]:
        return list(takers_of_tenants(objects))

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        from tests.probe.references import picture_token

        function = takers_of_tenants(objects)[member]
        key, own = object_key(world.b, dice), world.a.tenant.pk
        asked = dice.choice(
            [
                *(
                    key,
                    f"{own}/../{key}",
                    f"{own}/{key}",
                    f"/{key}",
                    key.upper(),
                    f"{own}//../{key}",
                    f"./{key}",
                ),
                *(f"{own}/..%2f{key}", f"{own}\\..\\{key}", picture_token(world, dice, at_b=False)),
            ]
        )
        given: dict[str, Any] = {"key": asked, "token": asked, "kind": asked, "data": b"of A"}
        wanted = {name: given[name] for name in inspect.signature(function).parameters if name in given}
        return Attempt(
            f"objects.{member}({asked})", asked, lambda: attempted(lambda: function(own, **wanted))
        )

    def unharmed(self) -> bool:
        try:
            return all(_content(self._world.b, key) == content for key, content in self._kept.items())
        except FileNotFoundError:
            return False


def _content(party: Party, key: str) -> bytes:
    with objects.open_object(party.tenant.pk, key) as file:
        return bytes(file.read())


class Milvus:
    """A member is a method of the index; A's tenant searches for B's faces and names B's visitors."""

    name, share = "milvus", 0.008

    def __init__(self, world: World) -> None:
        self._world = world
        self.index = visitor_index(PACK)
        self._faces: dict[UUID, NDArray[np.float32]] = {}
        for party in (world.a, world.b):
            faces = {row.pk: template_of(row.pk.int % 2**32) for row in party.rows[Visitor]}
            self.index.upsert(party.tenant.pk, list(faces.items()))
            self._faces = faces

    def members(self) -> list[str]:
        return list(takers_of_tenants(VisitorIndex))

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        visitor, face = dice.choice(list(self._faces.items()))
        near = face + np.float32(0.01) * np.random.default_rng(dice.randrange(2**32)).normal(size=512)
        near = (near / np.linalg.norm(near)).astype(np.float32)
        given: dict[str, Any] = {"embedding": near, "rows": [(visitor, near)], "visitors": [visitor]}
        given |= {"limit": dice.choice([1, 5, 1000]), "timeout": 5.0}
        method = getattr(self.index, member)
        wanted = {name: given[name] for name in inspect.signature(method).parameters if name in given}
        own = world.a.tenant.pk
        # To search is to ask by face: the id of B's visitor is in the question only where a method takes ids.
        asked = str(visitor) if {"rows", "visitors"} & set(wanted) else ""

        def ask() -> str:
            answer = attempted(lambda: method(own, **wanted))
            if "rows" in wanted:  # A may call its own visitor what it likes; the next search would find it
                self.index.delete(own, [visitor])
            return answer

        return Attempt(f"milvus {member} as A", asked, ask)

    def unharmed(self) -> bool:
        found = [
            self.index.search(self._world.b.tenant.pk, face, 1, timeout=10)[0]
            for face in self._faces.values()
        ]
        return [person for person, _ in found] == list(self._faces) and all(
            score > 0.999 for _, score in found
        )
