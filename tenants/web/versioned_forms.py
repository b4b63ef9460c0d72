"""Forms that notice when the row that they show was changed meanwhile: by another person, tab or program.

The page has the version of each field as it was shown. Where a stored value is another one by now, nothing is
saved: the form comes again with both values, and the person decides. A field that the person did not touch
gets the stored value. A form without versions, such as a program's, is saved as it is.

The row has to be held (`facetrack.core.rows.hold`) from before the form is made until it is saved.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString

from facetrack.core.versions import plain, version
from tenants.audit.queries import last_change_by

_Row = TypeVar("_Row", bound=Model)

VERSIONS = "shown_versions"
MAX_VERSIONS = 10_000
"""Characters of what a page sends as its versions."""
MAX_SHOWN = 4_000
"""Characters that are shown of a value."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field whose stored value was changed meanwhile. Not `touched`: the person had left it as it was."""

    label: str
    stored: str
    typed: str
    touched: bool


class VersionsMixin(forms.BaseForm):
    """`initial` has to hold the stored values, also of a form that was sent."""

    differences: tuple[FieldDifference, ...] = ()

    def stored_row(self) -> Model | None:
        """The row that is changed; None for a new one."""
        raise NotImplementedError

    @property
    def versions_input(self) -> SafeString:
        """The versions of the stored values, for the page."""
        if self.stored_row() is None:
            return SafeString()
        values = json.dumps({name: self._version(name, self.initial[name]) for name in self._names()})
        return format_html('<input type="hidden" name="{}" value="{}">', self.add_prefix(VERSIONS), values)

    def sent(self) -> list[str]:
        """The fields that the request has. A box that is not ticked counts as sent."""
        return [
            name
            for name, field in self.fields.items()
            if not field.disabled
            and not field.widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name))
        ]

    def shown_typed(self, name: str, text: str) -> str:
        """What may be shown again of a typed value."""
        return text

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own, which its stubs leave out
        given = self.data.get(self.add_prefix(VERSIONS)) if self.is_bound else None
        if given is not None and self.stored_row() is not None:
            self._compare(_versions_in(given))

    def _compare(self, shown: dict[str, str]) -> None:
        sent, found = self.sent(), {}
        for name in self._names():
            changed = shown.get(name) != self._version(name, self.initial[name])
            if name in sent and changed and self._differs(name):
                found[name] = self._difference(name, shown.get(name))
        if not found:
            return
        for name, difference in found.items():
            if not difference.touched:
                self._show_stored(name)
        self.differences = tuple(found.values())
        row = cast(Model, self.stored_row())
        who = last_change_by(row, found) or "another person or program"
        self.add_error(
            None,
            ValidationError(
                f"This was changed by {who} while you were editing it, so your form is not saved yet. "
                "Compare the values, correct the form where you need to, and save it again.",
                "changed_meanwhile",
            ),
        )

    def _names(self) -> list[str]:
        return [name for name, field in self.fields.items() if name in self.initial and not field.disabled]

    def _version(self, name: str, value: Any) -> str:
        row = cast(Model, self.stored_row())
        return version({name: value}, of=f"{row._meta.label_lower} {row.pk}")[:16]

    def _differs(self, name: str) -> bool:
        return name not in self.cleaned_data or plain(self.cleaned_data[name]) != plain(self.initial[name])

    def _difference(self, name: str, shown: str | None) -> FieldDifference:
        field, refused = self.fields[name], name not in self.cleaned_data
        typed = self[name].data if refused else self.cleaned_data[name]
        return FieldDifference(
            label=str(self[name].label),
            stored=_in_words(field, self.initial[name]),
            typed=self.shown_typed(name, _in_words(field, typed)),
            touched=refused or shown != self._version(name, typed),
        )

    def _show_stored(self, name: str) -> None:
        """As if the person had sent the stored value."""
        field, key = self.fields[name], self.add_prefix(name)
        value, data = field.prepare_value(self.initial[name]), cast(QueryDict, self.data).copy()
        if isinstance(field.widget, forms.CheckboxInput):
            data.setlist(key, ["on"] if value else [])
        elif isinstance(value, list | tuple | set):
            data.setlist(key, [str(part) for part in value])
        else:
            data[key] = "" if value is None else str(value)
        if not data.getlist(key):
            del data[key]
        self.data = data


class VersionedForm(VersionsMixin, forms.Form):
    """Of a row that it is given, with the stored values as `initial`."""

    def __init__(self, *args: Any, row: Model, **kwargs: Any) -> None:
        self._row = row
        super().__init__(*args, **kwargs)

    def stored_row(self) -> Model:
        return self._row


class VersionedModelForm(VersionsMixin, forms.ModelForm[_Row]):
    """Of its instance. Saves only the fields that were sent."""

    def stored_row(self) -> Model | None:
        return None if self.instance._state.adding else self.instance

    def sent_columns(self) -> list[str]:
        """The fields of the model that the request has."""
        columns = {column.name for column in self.instance._meta.concrete_fields if not column.primary_key}
        return [name for name in self.sent() if name in columns]

    def save(self, commit: bool = True) -> _Row:
        if not commit or self.instance._state.adding:
            return super().save(commit)
        self.instance.save(update_fields=self.sent_columns())
        self._save_m2m()  # type: ignore[attr-defined]  # Django's own, which its stubs leave out
        return self.instance


def _versions_in(text: str) -> dict[str, str]:
    """The versions that a page has sent; none of what is not ours, so that all counts as changed."""
    try:
        found = json.loads(text) if len(text) <= MAX_VERSIONS else {}
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _in_words(field: forms.Field, value: Any) -> str:
    """A value as a person reads it."""
    if value is None or value in ("", [], {}):
        return "(empty)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, forms.ModelChoiceField):
        key = value.pk if isinstance(value, Model) else value
        return str(cast(Any, field.queryset).filter(pk=key).first() or "(not among the choices)")
    if isinstance(field, forms.MultipleChoiceField):
        return ", ".join(_labels(field, value if isinstance(value, Iterable) else [value]))
    if isinstance(field, forms.ChoiceField):
        return _labels(field, [value])[0]
    text = value if isinstance(value, str) else str(field.prepare_value(value))
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _labels(field: forms.ChoiceField, values: Iterable[Any]) -> list[str]:
    labels = {str(key): str(label) for key, label in cast(Any, field.choices)}
    return [labels.get(str(value), "(not among the choices)") for value in values]
