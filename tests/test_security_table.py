"""The table in docs/security.md names tests that there are."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "security.md").read_text())


def test_every_test_that_is_named_exists() -> None:
    missing = [f"{path}::{name}" for path, name in NAMED if name not in _tests(path)]
    assert len(NAMED) > 50
    assert not missing, "\n".join(missing)


def _tests(path: str) -> set[str]:
    if not (ROOT / path).is_file():
        return set()
    tree = ast.parse((ROOT / path).read_text())
    return {"", *(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))}
