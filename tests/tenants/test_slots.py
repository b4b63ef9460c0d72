"""How much is open at once: counted for callers, tenants and processes, and never for ever."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as given
from redis import Redis

from facetrack.core.breaker import Breaker
from tenants.access.actor import Actor, acting
from tenants.access.rights import Access
from tenants.limits import slots
from tenants.limits.slots import Kind, Slot, SlotsFull, take, waiting
from tenants.models import ActorKind, Tenant, User
from tenants.rules import Role

TENANT = uuid4()


@pytest.fixture(autouse=True)
def _of_this_test(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    monkeypatch.setattr(slots, "_own", slots._LocalSlots())
    monkeypatch.setattr(slots, "_breaker", Breaker())
    settings.FACETRACK_STREAMS = [2, 3, 4]
    slots._client.cache_clear()
    yield
    slots._client.cache_clear()


@pytest.fixture
def another_process(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From now on this is a process that has none of the slots so far."""
    return lambda: monkeypatch.setattr(slots, "_own", slots._LocalSlots())


@pytest.fixture
def redis_away(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    slots._client.cache_clear()


def taken(caller: str = "user.1", tenant: UUID = TENANT) -> Slot:
    slot = Slot(Kind.STREAM, tenant, caller)
    slot.take()
    return slot


def test_each_limit_holds_and_says_whose_it_is() -> None:
    first = taken()
    taken()
    for caller, tenant, status, words in [
        ("user.1", TENANT, 429, "You have 2 open live pictures, event streams and exports"),
        ("user.3", TENANT, 429, "Your organisation has"),
        ("user.4", uuid4(), 503, "This server has reached its limit"),
    ]:
        with pytest.raises(SlotsFull, match=words) as full:
            taken(caller, tenant)
        assert (full.value.status, full.value.seconds) == (status, 5)
        assert "Try again in 5 seconds" in str(full.value)
        taken("user.2") if caller == "user.1" else taken("user.9", uuid4()) if status == 429 else None
    first.release()
    taken()


def test_processes_count_together(another_process: Any) -> None:
    mine = taken()
    another_process()
    theirs = taken()
    with pytest.raises(SlotsFull, match="You have"):
        taken()
    mine.release()
    taken().release()
    theirs.release()
    with Redis.from_url(given.REDIS_URL) as client:
        assert not client.keys("slots.*")


def test_a_process_that_was_killed_keeps_none(another_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(slots.LASTS_SECONDS, "stream", 0.5)
    taken(), taken()
    another_process()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            taken()
            return
        except SlotsFull:
            time.sleep(0.1)
    raise AssertionError("its slots are still counted")


def test_one_that_is_renewed_is_counted_on(another_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(slots.LASTS_SECONDS, "stream", 0.2)
    old = [taken(), taken()]
    time.sleep(0.3)
    monkeypatch.setitem(slots.LASTS_SECONDS, "stream", 30.0)
    for slot in old:
        slot._seconds = 30.0
        slot.renew()
    for _ in range(2):
        with pytest.raises(SlotsFull, match="You have"):
            taken()
        another_process()


def test_without_redis_a_process_keeps_to_its_limits(redis_away: None) -> None:
    first, _ = taken(), taken()
    with pytest.raises(SlotsFull, match="You have"):
        taken()
    first.renew()
    first.release()
    taken()
    taken("user.2")
    with pytest.raises(SlotsFull, match="organisation"):
        taken("user.3")


def test_keys_and_people_are_counted_apart(acme: Tenant, settings: Any) -> None:
    settings.FACETRACK_STREAMS = [1, 9, 9]
    user = User(pk=uuid4())
    take(Kind.STREAM, Access(acme, Role.VIEWER, user=user))
    take(Kind.STREAM, Access(acme, Role.VIEWER, key=uuid4(), way="key"))
    with pytest.raises(SlotsFull, match="You have"):
        take(Kind.STREAM, Access(acme, Role.VIEWER, user=user, way="token"))


def test_one_wait_within_another_counts_once(acme: Tenant, settings: Any) -> None:
    settings.FACETRACK_WAITS = [1, 9, 9]
    with acting(Actor(ActorKind.USER, "1", "a@b.test")):
        with waiting(), waiting(), pytest.raises(SlotsFull, match="wait for a worker"):
            Slot(Kind.WAIT, acme.pk, "user.1").take()
        with waiting():
            pass
    with acting(Actor(ActorKind.COMMAND, "root", "root: camera")), waiting(), waiting():
        pass
