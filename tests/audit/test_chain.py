"""The log is only ever added to; whoever gets round that breaks its chain."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from threading import Barrier, Thread
from time import monotonic, sleep
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from staff.models import StaffMember
from tenants.audit.chain import Head, heads, verify
from tenants.models import Activity, Tenant
from tests.audit.conftest import Session, owner_session, seal, write

TOUCH = [
    "UPDATE tenants_activity SET reason = 'forged'",
    "DELETE FROM tenants_activity",
    "TRUNCATE tenants_activity",
    "UPDATE tenants_activityhead SET hash = ''",
    "DELETE FROM tenants_activityhead",
    "TRUNCATE tenants_activityhead",
    "INSERT INTO tenants_activity (number, at, actor_kind, actor_id, actor_label, address, request, verb,"
    " database_role, object_kind, object_id, object_label, changes, reason)"
    " VALUES (999999, now(), '', '', '', '', '', '', '', '', '', '', '{}', '')",
]


def check(chain: UUID | None, kept: list[Head] | None = None) -> str:
    """Where the chain is broken; empty for a sound one."""
    return verify(chain, kept={head.tenant: head for head in kept or []}, progress=lambda _: None).broken


@pytest.fixture
def lines(owner: Session, chain: UUID) -> Session:
    """The owner's session, with five committed lines in the chain."""
    for number in range(5):
        write(owner, chain, f"thing {number}")
    owner.commit()
    return owner


@pytest.mark.parametrize("statement", TOUCH)
def test_the_application_cannot_touch_it(acme: Tenant, statement: str) -> None:
    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("statement", TOUCH)
def test_its_owner_is_refused_too(lines: Session, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="activity log"):
        lines.execute(statement.encode())


def test_a_sound_chain_is_sound(lines: Session, chain: UUID) -> None:
    assert check(chain) == ""
    rows = Activity.objects.filter(tenant=chain).order_by("number")
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert bytes(rows[0].prev_hash or b"") == bytes(32)
    assert [row.prev_hash for row in rows[1:]] == [row.hash for row in rows[:4]]


OF_CHAIN = "WHERE tenant_id = %(c)s AND number"
COLUMNS = (
    "at, actor_kind, actor_id, actor_label, address, request, database_role, verb, object_kind, object_id,"
    " object_label, changes, reason, prev_hash, hash"
)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE tenants_activity SET object_label = 'x' {where} = 3", "line 3 was changed"),
        ("UPDATE tenants_activity SET at = at - interval '1 day' {where} = 2", "line 2 was changed"),
        ("UPDATE tenants_activity SET tenant_id = gen_random_uuid() {where} = 4", "line 4 is missing"),
        ("DELETE FROM tenants_activity {where} = 2", "line 2 is missing"),
        ("DELETE FROM tenants_activity {where} > 3", "ends at line 3, its head says 5"),
        ("DELETE FROM tenants_activity {where} > 0", "ends at line 0, its head says 5"),
        ("DELETE FROM tenants_activityhead WHERE chain = %(c)s", "its last line is 5, its head says 0"),
        ("UPDATE tenants_activity SET number = NULL {where} = 5", "ends at line 4, its head says 5"),
        (
            "UPDATE tenants_activity SET number = 99 {where} = 4;"
            "UPDATE tenants_activity SET number = 4 {where} = 5;"
            "UPDATE tenants_activity SET number = 5 {where} = 99",
            "line 4 does not follow from line 3",
        ),
        (
            "INSERT INTO tenants_activity (tenant_id, number, {columns})"
            " SELECT tenant_id, 6, {columns} FROM tenants_activity {where} = 1",
            "its last line is 6, its head says 5",
        ),
        (
            "INSERT INTO tenants_activity (tenant_id, {columns})"
            " SELECT tenant_id, {columns} FROM tenants_activity {where} = 1",
            "1 lines have no number",
        ),
    ],
)
def test_tampering_is_found(lines: Session, chain: UUID, tampering: str, said: str) -> None:
    tamper(lines, tampering, chain)
    assert said in check(chain)


def tamper(session: Session, statement: str, chain: UUID) -> None:
    """What the owner can do after all: switch the triggers off for a moment."""
    for table in ("tenants_activity", "tenants_activityhead"):
        session.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    statement = statement.replace("{where}", OF_CHAIN).replace("{columns}", COLUMNS)
    for part in statement.split(";"):
        session.execute(part.encode(), {"c": chain})
    for table in ("tenants_activity", "tenants_activityhead"):
        session.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    session.commit()


def test_a_chain_that_was_written_anew_is_found_by_a_head_that_was_kept(lines: Session, chain: UUID) -> None:
    kept = [head for head in heads() if head.tenant == chain]
    assert check(chain, kept) == ""
    tamper(lines, "DELETE FROM tenants_activity WHERE tenant_id = %(c)s", chain)
    tamper(lines, "DELETE FROM tenants_activityhead WHERE chain = %(c)s", chain)
    assert "had 5 lines when its head was saved" in check(chain, kept)
    for number in range(5):
        write(lines, chain, f"forged {number}")
    lines.commit()
    assert check(chain) == ""
    assert "line 5 differs from the saved head" in check(chain, kept)


def test_writers_at_the_same_time_make_one_chain_without_gaps(db: None, chain: UUID) -> None:
    writers, rounds = 6, 5
    start = Barrier(writers)

    def work(writer: int) -> None:
        with owner_session() as session:
            start.wait()
            for number in range(rounds):
                write(session, chain, f"{writer}.{number} first")
                write(session, None, "the installation's, too")
                write(session, chain, f"{writer}.{number} second")
                session.commit()
                write(session, chain, "never was")
                session.rollback()

    threads = [Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list(Activity.objects.filter(tenant=chain).order_by("number"))
    assert [row.number for row in rows] == list(range(1, writers * rounds * 2 + 1))
    firsts, seconds = rows[::2], rows[1::2]  # a transaction's lines stay together
    assert [row.object_label.split()[0] for row in firsts] == [row.object_label.split()[0] for row in seconds]
    assert check(chain) == ""
    assert check(None) == ""


def test_transactions_that_write_chains_in_opposite_order_do_not_block_each_other(
    owner: Session, chain: UUID
) -> None:
    other = uuid4()
    write(owner, chain, "so that both have a head")
    write(owner, other, "so that both have a head")
    owner.commit()
    owner.execute("SELECT FROM tenants_activityhead WHERE chain = %s FOR UPDATE", [chain])
    failed: list[Exception] = []

    def work(order: tuple[UUID, UUID]) -> None:
        with owner_session() as session:
            for one in order:
                write(session, one, "both")
            try:
                session.commit()
            except psycopg.Error as error:
                failed.append(error)

    threads = [Thread(target=work, args=(order,)) for order in ((chain, other), (other, chain))]
    for waiting, thread in enumerate(threads, 1):
        thread.start()
        wait_for_locks(waiting)  # so that the one that was first goes on first
    owner.commit()
    for thread in threads:
        thread.join()
    assert failed == []
    assert check(chain) == check(other) == ""


def wait_for_locks(count: int) -> None:
    """Until so many sessions wait for each other."""
    deadline = monotonic() + 20
    with owner_session() as session:
        session.autocommit = True
        while monotonic() < deadline:
            row = session.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).fetchone()
            if row and row[0] >= count:
                return
            sleep(0.02)
    raise AssertionError(f"{count} sessions never came to wait")


def test_the_command_says_that_all_is_well(acme: Tenant, employee: StaffMember) -> None:
    seal()
    out = StringIO()
    call_command("audit", "verify", tenant="acme", stdout=out)
    assert out.getvalue().startswith("acme: ")
    assert "sound" in out.getvalue()
    out = StringIO()
    call_command("audit", "verify", tenant="acme", json=True, stdout=out)
    said = json.loads(out.getvalue())
    assert said["sound"] is True
    assert said["unwatched"] == []
    assert [chain["chain"] for chain in said["chains"]] == ["acme"]


def test_the_command_names_the_first_broken_line_and_fails(lines: Session, chain: UUID) -> None:
    tamper(lines, "DELETE FROM tenants_activity WHERE tenant_id = %(c)s AND number = 2", chain)
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("audit", "verify", stdout=out)
    assert failure.value.returncode == 1
    assert f"{chain}: BROKEN: line 2 is missing" in out.getvalue()


def test_the_command_compares_with_heads_that_were_kept(
    acme: Tenant, employee: StaffMember, tmp_path: Path
) -> None:
    seal()
    kept, out = tmp_path / "heads.json", StringIO()
    call_command("audit", "head", tenant="acme", json=True, stdout=out)
    kept.write_text(out.getvalue())
    call_command("audit", "verify", tenant="acme", against=kept, stdout=StringIO())
    rows = json.loads(out.getvalue())
    rows[0]["hash"] = "00" * 32
    kept.write_text(json.dumps(rows))
    with pytest.raises(CommandError, match="not what was written"):
        call_command("audit", "verify", tenant="acme", against=kept, stdout=StringIO())
    kept.write_text("{}")
    call_command("audit", "verify", tenant="acme", against=kept, stdout=StringIO())
    kept.write_text("no heads")
    with pytest.raises(CommandError, match="does not hold what"):
        call_command("audit", "verify", tenant="acme", against=kept, stdout=StringIO())


def test_a_table_that_is_no_longer_watched_is_named(owner: Session) -> None:
    table = "other.staff_staffmember"
    owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER facetrack_audit".encode())
    owner.commit()
    try:
        out = StringIO()
        with pytest.raises(CommandError, match="not what was written"):
            call_command("audit", "verify", tenant="other", stdout=out)
        assert f"{table}: its changes are NOT LOGGED" in out.getvalue()
    finally:
        owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER facetrack_audit".encode())
        owner.commit()


def test_an_export_is_a_line_of_what_it_exports(
    acme: Tenant, employee: StaffMember, log: Callable[..., list[Activity]]
) -> None:
    seal()
    out = StringIO()
    call_command("audit", "export", tenant="acme", format="jsonl", stdout=out)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert rows[-1]["object_label"] == "Ada Lovelace"
    assert rows[-1]["prev_hash"] == rows[-2]["hash"]
    assert log(acme)[-1].verb == "exported"


def test_a_tenant_reads_and_writes_no_other_log(acme: Tenant, other: Tenant, employee: StaffMember) -> None:
    seal()
    assert set(Activity.objects.values_list("tenant", flat=True)) == {acme.pk}
    assert {head.tenant for head in heads()} == {acme.pk}
    for stranger in (other.pk, None):
        refused("facetrack_note(%s, NULL, 'exported', '', '', 'forged', NULL)", "its own log only", stranger)
    refused("facetrack_log(%s, NULL, 'exported', '', '', 'forged', NULL)", "permission denied", acme.pk)


def refused(call: str, words: str, chain: UUID | None) -> None:
    with (
        pytest.raises(DatabaseError, match=words),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT {call}", [chain])
