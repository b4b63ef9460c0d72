"""Databases and spools of the code before the renaming (`tests/data/former`): today's code goes on."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from facetrack.devservices import running, stop
from facetrack.devservices.process_group import manage
from tests.backing import ROOT, VAR

FORMER = ROOT / "tests" / "data" / "former"
KEY = "bWFkZSB1cCBmb3IgdGhlIHRlc3RzIG9mIG9sZCBkYXQ="
"""As in make.py."""
URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI")


def run(words: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(
        words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", params=["27d31e4", "98c179d"])
def former(request: pytest.FixtureRequest) -> Path:
    """The folder of what the code of a commit wrote."""
    return FORMER / str(request.param)


@pytest.fixture(scope="module")
def found(former: Path) -> Iterator[dict[str, Any]]:
    """What a process of today found and did there, after today's migrations."""
    var = VAR / "former"
    if var.exists():  # of an earlier run
        stop(var / "services", wipe=True)
        shutil.rmtree(var)
    shutil.copytree(former / "spool", var / "spool")
    environ = {name: value for name, value in os.environ.items() if name not in URLS} | {
        "DJANGO_SETTINGS_MODULE": "facetrack.settings",
        "FACETRACK_VAR_DIR": str(var),
        "FACETRACK_ENCRYPTION_KEYS": KEY,
    }
    with running(var / "services", environ):
        dump = gzip.decompress((former / "database.sql.gz").read_bytes())
        with closing(psycopg.connect(environ["DATABASE_OWNER_URL"], autocommit=True)) as owner:
            owner.execute(dump)
        run(manage("migrate_schemas", "--verbosity", "0"), environ)
        said = run([sys.executable, "-m", "tests.upgrade.going_on", str(var / "spool")], environ)
        yield dict(json.loads(said.splitlines()[-1]))
    stop(var / "services", wipe=True)


def test_the_people_and_what_was_decided_about_them_are_there(found: dict[str, Any]) -> None:
    assert found["people"] == {
        "staff": ["Ada"],
        "recognised": True,
        "visitors": [1],
        "sightings": ["new_visitor", "staff", "unsure"],
        "visits": 2,
        "passages": 1,
        "rejections": 1,
        "rejected": [1],
        "password": "made up",
    }


def test_rights_and_renamed_rows_hold(found: dict[str, Any]) -> None:
    assert found["shared"] == {
        "stale_types": [],
        "stale_permissions": [],
        "rights": sorted(
            f"{action}_{model}"
            for model in ("identityrejection", "tenantswitch")
            for action in ("add", "change", "delete", "view")
        ),
        "switches": 1,
        "roles": [["ada@acme.test", "tenant_admin"]],
    }


def test_the_lease_of_a_worker_that_runs_goes_on(found: dict[str, Any]) -> None:
    assert found["lease"] == {"renewed": [1], "given_up": 0}


def test_the_outbox_is_delivered_and_its_visitor_is_found(found: dict[str, Any]) -> None:
    assert found["outbox"] == {"waiting": 1, "done": 1, "left": 0, "nearest": 1}


def test_the_spool_is_read_to_its_end(found: dict[str, Any]) -> None:
    assert found["spool"] == {
        "depth": 3,
        "arrived": 3,
        "left": 0,
        "damaged": 0,
        "decisions": ["staff", "new_visitor"],
        "reason": 300,
        "picture": True,
        "passages": 2,
    }


def test_recording_goes_on_and_knows_the_visitor_of_before(found: dict[str, Any]) -> None:
    assert found["recording"] == {"decision": "visitor", "number": 1, "new": 0}


def test_messages_of_before_find_their_tasks(former: Path, found: dict[str, Any]) -> None:
    """A message in a queue, or of a process that was not restarted yet, names its task."""
    assert set(json.loads((former / "tasks.json").read_text())) <= set(found["tasks"])
