"""The activity log as a file: CSV for spreadsheets, JSON lines for programs."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from tenants.audit.descriptions import sentence
from tenants.models import Activity

COLUMNS = (
    *("number", "at", "actor_kind", "actor_id", "actor_label", "address", "request", "database_role", "verb"),
    *("object_kind", "object_id", "object_label", "changes", "reason", "prev_hash", "hash"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it."""


def text(kind: str, lines: Iterable[Activity], *, heading: bool = True) -> Iterator[str]:
    """The lines as pieces of a file of `kind` csv or jsonl; CSV begins with the names of its columns."""
    if kind == "jsonl":
        for line in lines:
            yield json.dumps(as_row(line), ensure_ascii=False) + "\n"
        return
    if heading:
        yield _csv_row([*COLUMNS, "sentence"])
    for line in lines:
        row = as_row(line)
        row["changes"] = json.dumps(row["changes"], ensure_ascii=False) if row["changes"] else ""
        yield _csv_row([_harmless(row[name]) for name in COLUMNS] + [_harmless(sentence(line))])


def as_row(line: Activity) -> dict[str, Any]:
    row = {name: getattr(line, name) for name in COLUMNS}
    hashes = {name: bytes(row[name] or b"").hex() for name in ("prev_hash", "hash")}
    return row | hashes | {"at": line.at.isoformat()}


def _csv_row(cells: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _harmless(cell: Any) -> Any:
    """Text that other people typed must not become a formula in the reader's spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
