"""The lookup `contains_folded`: a column contains a text, whatever the case, accents and joiners of both.

PostgreSQL's own `normalize` does it, in every schema: its extension `unaccent` would have to be installed by
a superuser, and the embedded server does not have it.
"""

from typing import Any

from django.db.models import CharField, Lookup, TextField

from facetrack.core.text import FOLDED_DIGRAPHS, FOLDED_LETTERS, FOLDED_MARKS


class ContainsFolded(Lookup[str]):
    lookup_name = "contains_folded"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, values = self.process_lhs(compiler, connection)
        text, texts = self.process_rhs(compiler, connection)
        folded_column, before = _folded(column, [*values])
        folded_text, after = _folded(f"CAST({text} AS text)", [*texts])
        return f"strpos({folded_column}, {folded_text}) > 0", (*before, *after)


def _folded(expression: str, values: list[Any]) -> tuple[str, list[Any]]:
    """The expression as `facetrack.core.text.folded` makes it. Of ASCII, that is 80 times as fast."""
    sql, inner = f"regexp_replace(normalize({expression}, NFKD), %s, '', 'g')", [*values, FOLDED_MARKS]
    sql, inner = f"translate(lower({sql}), %s, %s)", [*inner, *FOLDED_LETTERS]
    for letters, spelled in FOLDED_DIGRAPHS:
        sql, inner = f"replace({sql}, %s, %s)", [*inner, letters, spelled]
    is_ascii = f"octet_length({expression}) = char_length({expression})"
    whole = f"CASE WHEN {is_ascii} THEN lower({expression}) ELSE normalize({sql}, NFC) END"
    return whole, [*values * 3, *inner]


def register() -> None:
    """Make the lookup known to all columns of text."""
    for kind in (CharField, TextField):
        kind.register_lookup(ContainsFolded)
