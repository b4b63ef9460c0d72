"""`manage.py bench record`: that it measures what it says; what comes out is no matter of a test."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from workers.lab.bench import recording


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("bench", "record", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def test_writers_of_one_tenant_are_measured_and_leave_nothing(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of a test's transaction, which the writers' processes would not see."""
    monkeypatch.setattr(recording, "KNOWN_PEOPLE", 10)
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        found = json.loads(run("--json", "--writers", 3, "--seconds", 2))
        assert set(found) == {
            "writers", "known_per_s", "known_p95_ms", "new_per_s", "new_p95_ms", "duplicates"
        }  # fmt: skip
        assert (found["writers"], found["duplicates"]) == (3, 0)
        assert min(found["known_per_s"], found["known_p95_ms"], found["new_per_s"], found["new_p95_ms"]) > 0
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'bench%'")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db  # so that there is a database for tests, whichever tests of this file are run
@pytest.mark.parametrize("writers", [0, 65, "many"])
def test_a_wrong_number_of_writers_is_refused(writers: object) -> None:
    with pytest.raises(CommandError, match="not a number of writers"):
        run("--writers", writers)
