"""A transaction around whole requests or jobs that is always rolled back: for measuring and trying."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db import connection, transaction


@contextmanager
def rolled_back() -> Iterator[None]:
    """Run the block in a transaction and roll it back.

    The block may wait for slow work (see `facetrack.core.waiting`), as in a test case: only the transactions
    that it opens itself must not.
    """
    with transaction.atomic():
        cast(Any, connection).atomic_blocks[-1]._from_testcase = True
        yield
        transaction.set_rollback(True)
