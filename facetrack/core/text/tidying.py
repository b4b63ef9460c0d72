"""For migrations: rows of before in the form that `facetrack.core.text` asks for."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from django.apps.registry import Apps

from facetrack.core.text import acceptable_line


def tidying(model: str, column: str, unique: Sequence[str] | None = None) -> Callable[[Apps, Any], None]:
    """A step of a migration that tidies a column. With `unique`, it is unique together with those columns.

    Two rows that would then be alike stay two: the later one gets a number, such as "Door (2)".
    """

    def tidy(apps: Apps, schema_editor: Any) -> None:
        rows = apps.get_model(model).objects.exclude(**{column: ""}).order_by("created_at", "pk")
        found = list(rows.values_list("pk", column, *(unique or ())))
        taken: dict[tuple[Any, ...], set[str]] = {tuple(others): set() for _, _, *others in found}
        for _, text, *others in found:
            taken[tuple(others)].add(text)
        field = apps.get_model(model)._meta.get_field(column)
        for pk, text, *others in found:
            tidied = acceptable_line(text)[: field.max_length] or ("" if field.blank else "unnamed")
            if tidied == text:
                continue
            if unique is not None and tidied:
                tidied = _free(tidied, field.max_length, taken[tuple(others)])
                taken[tuple(others)].add(tidied)
            rows.filter(pk=pk).update(**{column: tidied})

    return tidy


def _free(text: str, limit: int, taken: set[str]) -> str:
    numbered = (f"{text[: limit - 10]} ({n})" for n in count(2))
    return text if text not in taken else next(name for name in numbered if name not in taken)
