"""One class name has one meaning: lists names that two modules of the product define, and fails.

`make check` runs it. A class inside a class counts with the name of the outer one.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("facetrack", "tenants", "cameras", "staff", "visits", "workers")

MEANT = {
    "Command": "Django finds a management command by this name",
    "Migration": "Django finds a migration by this name",
}
"""Names that a framework prescribes."""


def twice(sources: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Where each name is defined that more than one class has, of files (path, source)."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, source in sources:
        for node in ast.parse(source, path).body:
            if isinstance(node, ast.ClassDef) and node.name not in MEANT:
                places[node.name].append(f"{path}:{node.lineno}")
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def product() -> Iterator[tuple[str, str]]:
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()


if __name__ == "__main__":
    found = twice(product())
    for name, places in found.items():
        sys.stderr.write(f"{name} is defined {len(places)} times: {', '.join(places)}. Rename all but one.\n")
    sys.exit(bool(found))
