"""The glossary and the decisions name files that exist: a file that moves does not leave them behind."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "docs" / "glossary.md",
    ROOT / "docs" / "index.md",
    *sorted((ROOT / "docs/decisions").glob("*.md")),
]
CODE = re.compile(r"`((?:cameras|facetrack|staff|tenants|tests|visits|workers)/[\w/]+(?:\.py)?)`")
LINK = re.compile(r"\]\(([^):#]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_file_that_it_names_exists(document: Path) -> None:
    text = document.read_text()
    named = [ROOT / name for name in CODE.findall(text)]
    named += [document.parent / name for name in LINK.findall(text)]
    assert named, "it names no file at all: the patterns of this test do not fit it"
    assert [str(path.relative_to(ROOT)) for path in named if not path.exists()] == []
