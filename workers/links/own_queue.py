"""The one queue of a worker at the edge: all that it may touch in Redis, and the transport for it."""

from hashlib import sha256
from typing import Any

from kombu.transport import redis

COMMANDS = ("ping", "brpop", "client|setinfo")
"""What the transport says: that it lives, give me the next message, and which library it is.

Not even MULTI: what is queued behind it is carried out at one go, while everybody else waits.
"""


class OwnQueueChannel(redis.Channel):
    """Takes messages from its queue, and writes nothing.

    A message counts as done when it is taken. Those that get lost are no loss: an order comes again with the
    next renewal of the leases, and a question is asked again by the person who asked it.
    """

    ack_emulation = False
    do_restore = False
    priority_steps = [0]

    def _size(self, queue: str) -> int:
        return 0  # nothing here asks how much waits

    def _queue_bind(self, *args: Any) -> None:
        """A sender names the queue itself: no table of bindings is needed, nor read by anybody."""


class OwnQueueTransport(redis.Transport):
    Channel = OwnQueueChannel


def redis_user(worker: str) -> str:
    """The name of its user of Redis: never that of another one, such as `default`."""
    return f"worker.{worker}"


def redis_rights(worker: str, queue: str, password: str, *, database: int) -> list[str]:
    """The words of the Redis command that gives a worker at the edge its user, or gives it a new password.

    The password is in it as its SHA-256. A user that had more rights loses them, and its connections stay.
    """
    commands = [*COMMANDS, "select"] if database else COMMANDS
    secret = sha256(password.encode()).hexdigest()
    allowed = [f"+{command}" for command in commands]
    return [
        *("ACL", "SETUSER", redis_user(worker), "reset", "on", f"#{secret}"),
        *("resetchannels", "-@all", *allowed, f"~{queue}"),
    ]
