"""Redis, as a stolen worker at the edge reaches it: every command of the server, at keys that are B's."""

import random
from contextlib import closing
from io import StringIO
from typing import Any, cast

import redis
from django.conf import settings
from django.core.management import call_command

from tests.probe.attempts import Attempt
from tests.probe.cast import WORKER
from tests.probe.world import World
from tests.workers.test_edge_redis import BEFORE_A_LOGIN, REFUSED_OTHERWISE, known, words_of
from workers.fleet.models import CameraLease
from workers.process.clients.edge_queue import COMMANDS
from workers.process.sinks.pictures import KEPT_SECONDS

FOREIGN_QUEUE = "worker.yard"


class EdgeRedis:
    """A member is a command, or subcommand. What is carried out, and is not a worker's to say, is a leak."""

    name, share = "redis", 0.01

    def __init__(self, world: World) -> None:
        self._root = cast(Any, redis.Redis.from_url(settings.REDIS_URL))
        out = StringIO()
        call_command("edge_redis_acl", WORKER, stdout=out, stderr=StringIO())
        rights, url = out.getvalue().splitlines()
        self._root.execute_command(*rights.split())
        self._url = url.removeprefix("REDIS_URL=")
        self._commands = {name: arity for name, (arity, _) in known(self._root).items()}
        self._proof = world.b.secrets.canary()
        self._kept = {key: world.b.secrets.canary().encode() for key in _keys(world)}
        for key, value in self._kept.items():
            self._root.delete(key)
            self._root.lpush(key, value)
            self._root.expire(key, KEPT_SECONDS * 100)

    def members(self) -> list[str]:
        return [name for name in self._commands if name not in BEFORE_A_LOGIN]

    def attempt(self, member: str, world: World, dice: random.Random) -> Attempt:
        keys = list(self._kept)
        if member != "brpop":  # which may do something at one key, and so is tried at each
            keys = [dice.choice(keys)]
        tries = [words_of(member, self._commands[member], key) for key in keys]
        asked = "\n".join(keys)
        return Attempt(
            f"redis {tries}", asked, lambda: "\n".join(self._said(member, words) for words in tries)
        )

    def _said(self, member: str, words: list[str]) -> str:
        with closing(redis.Redis.from_url(self._url, socket_timeout=2)) as own:
            try:
                answer = repr(cast(Any, own).execute_command(*words))
            except redis.exceptions.NoPermissionError as refusal:
                return str(refusal)
            except (redis.RedisError, ValueError, TypeError, IndexError, KeyError) as error:
                answer = f"{type(error).__name__}: {error}"
        said = member in COMMANDS and member != "brpop"
        if said or any(words in answer for words in REFUSED_OTHERWISE):
            return answer
        return f"{answer}: carried out, as one may who has {self._proof}"

    def unharmed(self) -> bool:
        return all(self._as_before(key, value) for key, value in self._kept.items())

    def _as_before(self, key: Any, value: Any) -> bool:
        """What took the list's place may be of another kind, which `lrange` refuses to read."""
        return bool(self._root.type(key) == b"list" and self._root.lrange(key, 0, -1) == [value])


def _keys(world: World) -> list[str]:
    tenant = world.b.tenant.pk
    camera = next(lease.pk for lease in world.b.rows[CameraLease])
    return [
        *(f"preview.{tenant}.{camera}", f"watched.{tenant}.{camera}", f"reply.{camera}", FOREIGN_QUEUE),
        *("unacked.probe", f"_kombu.binding.{FOREIGN_QUEUE}", f"spent.{camera}.brief"),
    ]
