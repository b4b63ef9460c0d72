"""The one queue of a worker at the edge: all that it may use in Redis, and the transport for it."""

from hashlib import sha256
from typing import Any

from kombu.transport import redis

COMMANDS = ("ping", "brpop", "client|setinfo")
"""The commands of the transport: it is alive, get the next message, and its library's name.

Not even MULTI: Redis runs the queued commands at once, while all other clients wait.
"""


class EdgeQueueChannel(redis.Channel):
    """Takes messages from its queue, and writes nothing.

    A message is done when it is taken. Lost ones do no harm: an order is repeated with the next renewal of
    the leases, and the user repeats a request.
    """

    ack_emulation = False
    do_restore = False
    priority_steps = [0]

    def _size(self, queue: str) -> int:
        return 0  # no caller needs the length of the queue

    def _queue_bind(self, *args: Any) -> None:
        """A sender names the queue itself, so there is no table of bindings."""


class EdgeQueueTransport(redis.Transport):
    Channel = EdgeQueueChannel


def redis_user(worker: str) -> str:
    """The name of its Redis user; it cannot be another user's, such as `default`."""
    return f"worker.{worker}"


def redis_rights(worker: str, queue: str, password: str, *, database: int) -> list[str]:
    """The arguments of the Redis command that creates a worker's user at the edge, or sets a new password.

    The password is sent as its SHA-256. A user that had more rights loses them; its connections stay open.
    """
    commands = [*COMMANDS, "select"] if database else COMMANDS
    secret = sha256(password.encode()).hexdigest()
    allowed = [f"+{command}" for command in commands]
    return [
        *("ACL", "SETUSER", redis_user(worker), "reset", "on", f"#{secret}"),
        *("resetchannels", "-@all", *allowed, f"~{queue}"),
    ]
