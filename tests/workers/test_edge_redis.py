"""What a worker at the edge may do in Redis: the rights that the command prints, tried on a real server.

Every command that the server knows, subcommands included, is sent as that worker.
"""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from io import StringIO
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import redis
from celery import Celery
from django.conf import settings
from django.core.management import CommandError, call_command
from redis.exceptions import NoPermissionError, RedisError

from workers.fleet.scheduler import queue_of
from workers.process.clients.edge_queue import COMMANDS, EdgeQueueTransport, redis_user

OWN = queue_of("gate")
FOREIGN = (
    *("worker.w1", "default", "worker.gate2", "worker.gate.x", "worker.gat", "worker.gate\x06\x163"),
    *("worker.*", "*", "", "reply.1", "preview.1.2", "watched.1.2", "spent.1.brief", "unacked"),
    *(
        "unacked_index",
        "unacked_mutex",
        "unacked.gate",
        "_kombu.binding.default",
        "_kombu.binding.worker.gate",
    ),
    *("_kombu.binding_permanent.worker.gate", "_kombu.binding_deadlines", "_kombu.binding.celery.pidbox"),
)
CHANNELS = (
    "live.1",
    "specific.abc!",
    "/0.celery.pidbox",
    "/0.celeryev/worker.heartbeat",
    "__keyspace@0__:*",
    "*",
)
BEFORE_A_LOGIN = {"auth", "hello", "quit", "reset"}
"""No ACL can refuse them: with them a connection becomes another user, if it knows that one's password."""

REFUSED_OTHERWISE = ("command not allowed", "Transaction discarded because of")
"""What is said of DEBUG and MODULE, which the server's settings forbid, and of EXEC where that is refused."""


@pytest.fixture
def root() -> Iterator[Any]:
    """The installation's own connection."""
    with closing(redis.Redis.from_url(settings.REDIS_URL)) as client:
        yield cast(Any, client)


def printed(name: str) -> tuple[str, str]:
    """The command for redis-cli, and the URL for the worker."""
    out = StringIO()
    call_command("edge_redis_acl", name, stdout=out, stderr=StringIO())
    command, url = out.getvalue().splitlines()
    return command, url.removeprefix("REDIS_URL=")


@pytest.fixture
def url(root: Any) -> Iterator[str]:
    """As the worker has it, with exactly the rights that the command prints."""
    command, found = printed("gate")
    root.execute_command(*command.split())
    root.acl_log_reset()
    yield found
    root.acl_deluser(redis_user("gate"))


@pytest.fixture
def own(url: str) -> Iterator[Any]:
    with closing(redis.Redis.from_url(url, socket_timeout=5)) as client:
        yield cast(Any, client)


def known(root: Any) -> dict[str, tuple[int, set[str]]]:
    """Every command and subcommand of the server: how many words it takes at least, and its flags."""
    found: dict[str, tuple[int, set[str]]] = {}

    def add(rows: list[Any]) -> None:
        for row in rows:
            if row[9]:  # a family, of which one is always named
                add(row[9])
            else:
                found[row[0].decode()] = abs(row[1]), {flag.decode() for flag in row[2]}

    connection = root.connection_pool.get_connection()
    try:
        connection.send_command("COMMAND")
        add(connection.read_response())
    finally:
        root.connection_pool.release(connection)
    return found


def words_of(name: str, arity: int, value: str) -> list[str]:
    words = name.split("|")
    return words + [value] * (arity - len(words))


def may(root: Any, words: list[str]) -> bool:
    """Whether the rights alone would let it."""
    said = root.execute_command("ACL", "DRYRUN", redis_user("gate"), *words)
    return b"has no permissions" not in said


def test_the_command_prints_a_user_and_no_password(root: Any) -> None:
    command, url = printed("gate")
    password = urlsplit(url).password
    assert password
    assert password not in command, "what an administrator types is kept in histories"
    assert len(password) >= 32
    assert printed("gate")[1] != url, "another one each time"
    assert command.endswith(f"-@all {' '.join(f'+{one}' for one in COMMANDS)} ~worker.gate")
    for name in ("", "a b", "gate*", "x" * 51, "gate\n"):
        with pytest.raises(CommandError):
            printed(name)
    assert redis_user("default") != "default", "or a worker of that name would lock everybody out"


def test_of_all_commands_the_server_takes_those_that_are_listed(root: Any, url: str) -> None:
    commands = known(root)
    assert len(commands) > 300, "subcommands, too"
    assert {name for name, (_, flags) in commands.items() if "no_auth" in flags} == BEFORE_A_LOGIN
    taken = set()
    for name, (arity, _) in commands.items():
        if name in BEFORE_A_LOGIN:
            continue
        words = words_of(name, arity, "worker.w1")
        with closing(redis.Redis.from_url(url, socket_timeout=5)) as client:
            try:
                cast(Any, client).execute_command(*words)
            except NoPermissionError as refusal:
                if "permissions to run" not in str(refusal):
                    taken.add(name)
            except Exception as answer:  # noqa: BLE001  whatever else it says, it was let through
                refused = any(said in str(answer) for said in REFUSED_OTHERWISE)
                if not refused or may(root, words):
                    taken.add(name)
            else:
                taken.add(name)
    assert taken == set(COMMANDS)


def test_of_all_keys_it_has_its_own_queue(root: Any, own: Any) -> None:
    root.lpush(OWN, "mine")
    assert own.brpop(OWN, 1) == (OWN.encode(), b"mine")
    for key in FOREIGN:
        root.delete(key)
        root.lpush(key, "theirs")
        try:
            for keys in ([key], [OWN, key], [key, OWN]):
                with pytest.raises(NoPermissionError):
                    own.brpop(keys, 1)
            assert root.lrange(key, 0, -1) == [b"theirs"]
        finally:
            root.delete(key)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("command", ["publish", "spublish", "subscribe", "psubscribe", "ssubscribe"])
def test_it_hears_and_tells_nobody_on_channels(own: Any, command: str, channel: str) -> None:
    words = [command, channel, "news"] if "publish" in command else [command, channel]
    with pytest.raises(NoPermissionError):
        own.execute_command(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("EVAL", "while true do end", "0"),
        ("EVAL_RO", "while true do end", "0"),
        ("FUNCTION", "LOAD", "#!lua name=x\nredis.register_function('x', function() while true do end end)"),
        ("SCRIPT", "LOAD", "while true do end"),
        ("MULTI",),
        ("LPUSH", OWN, "not even to itself"),
        ("SCAN", "0"),
        ("KEYS", OWN),
        ("RANDOMKEY",),
        ("DBSIZE",),
        ("CLIENT", "LIST"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("ACL", "LIST"),
        ("ACL", "SETUSER", "worker.gate", "allkeys"),
        ("PUBSUB", "CHANNELS"),
    ],
)
def test_nothing_holds_the_others_up_or_tells_of_them(root: Any, own: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        own.execute_command(*words)
    assert root.ping()


def test_another_password_or_none_is_refused(root: Any, url: str) -> None:
    for wrong in (url.replace("@", "x@"), printed("gate")[1]):
        with closing(redis.Redis.from_url(wrong)) as client, pytest.raises(RedisError):
            client.ping()


def test_a_new_password_ends_rights_that_it_had_before(root: Any) -> None:
    user = redis_user("gate")
    root.execute_command("ACL", "SETUSER", user, "on", "nopass", "allcommands", "allkeys", "allchannels")
    try:
        command, url = printed("gate")
        root.execute_command(*command.split())
        with closing(redis.Redis.from_url(url)) as client:
            assert client.ping()
            with pytest.raises(NoPermissionError):
                cast(Any, client).get("default")
        with raw(url) as line:
            line.sendall(f"AUTH {user} any\r\n".encode())
            assert line.recv(100).startswith(b"-WRONGPASS")
    finally:
        root.acl_deluser(user)


def test_what_celery_sends_arrives_and_nothing_that_it_does_is_refused(root: Any, url: str) -> None:
    """The installation's own transport sends; that of the edge takes it, as Celery has it do."""
    root.delete(OWN)
    sender = Celery(broker=settings.REDIS_URL, set_as_current=False)
    sender.send_task("workers.tasks.operate", ["1"], queue=OWN)
    taker = Celery(broker=url, set_as_current=False)  # else every later test asks with its rights
    taker.conf.broker_transport = f"{EdgeQueueTransport.__module__}:{EdgeQueueTransport.__name__}"
    heard: list[Any] = []

    def keep(body: Any, message: Any) -> None:
        heard.append(body)
        message.ack()

    with taker.connection_for_read() as connection, connection.channel() as channel:
        queue = taker.amqp.queues[OWN]
        consumer = taker.amqp.TaskConsumer(channel, queues=[queue], accept=["json"])
        consumer.register_callback(keep)
        with consumer:
            connection.drain_events(timeout=10)
            sender.send_task("workers.tasks.operate", ["2"], queue=OWN)
            connection.drain_events(timeout=10)
            sender.send_task("workers.tasks.operate", ["3"], queue=OWN)
            connection.drain_events(timeout=10)
            heard.pop()
    assert [body[0] for body in heard] == [["1"], ["2"]]
    assert root.acl_log() == []
    assert not root.keys("unacked*")


def test_a_large_value_is_refused_before_it_is_sent(url: str, root: Any) -> None:
    """By the server's own limits, which docs/operations.md asks for."""
    with raw(url) as line:
        line.sendall(b"*2\r\n$4\r\nPING\r\n$67108864\r\n")
        assert b"invalid bulk length" in line.recv(200)
    with raw(url) as line, suppress(OSError):  # it may be cut off
        ping = b"*2\r\n$4\r\nPING\r\n$1048576\r\n" + b"x" * 1_048_576 + b"\r\n"
        for _ in range(200):  # and reads none of the answers
            line.sendall(ping)
    assert root.ping()
    assert int(root.info("memory")["mem_clients_normal"]) < 100_000_000


def raw(url: str) -> socket.socket:
    """A connection that has logged in."""
    parts = urlsplit(url)
    line = socket.create_connection((parts.hostname, parts.port), timeout=20)
    line.sendall(f"AUTH {parts.username} {parts.password}\r\n".encode())
    assert line.recv(100) == b"+OK\r\n"
    return line
