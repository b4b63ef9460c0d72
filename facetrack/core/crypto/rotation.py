"""Re-encrypts stored values with the first of the encryption keys, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models, transaction

from facetrack.core.crypto import EncryptedField, encrypted_anew


@dataclass(frozen=True, slots=True)
class Column:
    """A column of encrypted values, in the current schema.

    With `member`, the column is JSON and the value is its object's member of that name.
    """

    table: str
    key: str
    name: str
    binary: bool
    member: str = ""

    def __str__(self) -> str:
        return f"{self.table}.{self.name}" + (f".{self.member}" if self.member else "")


@dataclass(slots=True)
class Tally:
    """The number of values; of those under an older key; and of those that no key decrypts."""

    values: int = 0
    older: int = 0
    lost: int = 0

    def add(self, other: Tally) -> None:
        self.values += other.values
        self.older += other.older
        self.lost += other.lost


def encrypted_columns(kinds: Iterable[type[models.Model]]) -> list[Column]:
    """All encrypted columns of these models."""
    return [
        Column(kind._meta.db_table, str(pk.column), str(field.column), isinstance(field, models.BinaryField))
        for kind in kinds
        if (pk := kind._meta.pk) is not None
        for field in kind._meta.local_concrete_fields
        if isinstance(field, EncryptedField)
    ]


def rows_in(column: Column) -> int:
    """The number of rows with a value."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {_name(column.table)} WHERE {_filled(column)}")  # noqa: S608
        return int(cursor.fetchone()[0])


def rotate(column: Column, *, write: bool, batch: int, on_rows: Callable[[int], None]) -> Tally:
    """Re-encrypt each value of the column that is under an older key, or only count them.

    A batch is one short transaction. A value that changes meanwhile is left unchanged, so an interrupted run,
    or a run beside the installation, is completed by the next one.
    """
    tally = Tally()
    for rows in _batches(column, batch):
        changes = []
        for key, token in rows:
            tally.values += 1
            try:
                rewritten = encrypted_anew(token)
            except ImproperlyConfigured:
                tally.lost += 1
                continue
            if rewritten is not None:
                tally.older += 1
                changes.append((_stored(column, rewritten), key, _stored(column, token)))
        if write and changes:
            _write(column, changes)
        on_rows(len(rows))
    return tally


def _batches(column: Column, size: int) -> Iterator[list[tuple[Any, bytes]]]:
    """Key and encrypted value of all rows, in the order of the key; only one batch is in memory."""
    after: Any = None
    where = _filled(column)
    while True:
        beyond = "" if after is None else f" AND {_name(column.key)} > %s"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {_name(column.key)}, {_value(column)} FROM {_name(column.table)} "  # noqa: S608
                f"WHERE {where}{beyond} ORDER BY {_name(column.key)} LIMIT %s",
                [*([] if after is None else [after]), size],
            )
            rows = [
                (key, value.encode() if isinstance(value, str) else bytes(value)) for key, value in cursor
            ]
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _write(column: Column, changes: list[tuple[Any, Any, Any]]) -> None:
    name = _name(column.name)
    rewritten = f"jsonb_set({name}, '{{{column.member}}}', to_jsonb(%s::text))" if column.member else "%s"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {_name(column.table)} SET {name} = {rewritten} "  # noqa: S608
            f"WHERE {_name(column.key)} = %s AND {_value(column)} = %s",
            changes,
        )


def _stored(column: Column, token: bytes) -> bytes | str:
    return token if column.binary else token.decode()


def _filled(column: Column) -> str:
    return f"{_value(column)} IS NOT NULL" + ("" if column.binary else f" AND {_value(column)} <> ''")


def _value(column: Column) -> str:
    return _name(column.name) + (f" ->> '{column.member}'" if column.member else "")


def _name(text: str) -> str:
    return connection.ops.quote_name(text)
