"""What is slow and no database is waited for without a connection of the pool."""

import io
import threading
import time
from collections.abc import Callable
from typing import Any, cast
from uuid import uuid4

import numpy as np
import pytest
from django.core.mail import EmailMessage
from django.db import connection, transaction

from facetrack.core import objects
from facetrack.core.images import BadPicture, jpeg, read_picture
from facetrack.core.waiting import give_back, pause
from tenants.accounts.smtp import EmailBackend
from tenants.isolation.context import Installation
from tenants.limits.slots import Kind, Slot
from tenants.models import Tenant


def in_a_thread_of_its_own(work: Callable[[], Any]) -> Any:
    """What `work` returns where no test's transaction is around it, as in a request."""
    found: list[Any] = []

    def run() -> None:
        try:
            cast(Any, connection).set_tenant(Installation())
            found.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def mailed() -> None:
    with pytest.raises(OSError, match="refused"):
        EmailBackend(host="127.0.0.1", port=1).send_messages([EmailMessage("Hello", "", None, ["a@b.test"])])


def slot_taken() -> None:
    slot = Slot(Kind.WAIT, uuid4(), "user.1")
    slot.take()
    slot.release()


SLOW: dict[str, Callable[[], Any]] = {
    "a pause": lambda: pause(0),
    "a picture is decoded": lambda: picture_read(jpeg(np.zeros((9, 9, 3), dtype=np.uint8))),
    "a file that is none": lambda: picture_read(b"none"),
    "an object is stored": lambda: objects.save(uuid4(), "tests", b"x"),
    "a mail is sent": mailed,
    "slots are counted": slot_taken,
}


def picture_read(data: bytes) -> None:
    try:
        read_picture(io.BytesIO(data), megabytes=1, megapixels=1)
    except BadPicture:
        return


@pytest.mark.parametrize("what", SLOW)
def test_the_connection_is_given_back_before(db: None, what: str) -> None:
    def work() -> tuple[bool, bool]:
        Tenant.objects.count()
        held = connection.connection is not None
        SLOW[what]()
        return held, connection.connection is not None

    assert in_a_thread_of_its_own(work) == (True, False)


def test_the_next_query_is_of_the_same_tenant(acme: Tenant) -> None:
    def work() -> tuple[str, str]:
        cast(Any, connection).set_tenant(acme)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            before = cursor.fetchone()[0]
        give_back()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            return before, cursor.fetchone()[0]

    assert in_a_thread_of_its_own(work) == (f"t_{acme.pk.hex}",) * 2


def test_within_a_transaction_it_is_kept_and_named(db: None) -> None:
    def work() -> bool:
        with transaction.atomic():
            Tenant.objects.count()
            with pytest.warns(RuntimeWarning, match="within a transaction"):
                give_back()
            Tenant.objects.count()
        return connection.connection is not None

    assert in_a_thread_of_its_own(work)


def test_a_pause_is_one() -> None:
    began = time.monotonic()
    pause(0.05)
    assert time.monotonic() - began >= 0.05
