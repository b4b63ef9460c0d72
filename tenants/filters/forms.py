"""The search fields and filters of pages: what they look like and accept. A list's FilterSet applies them."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from facetrack.core.text.fields import LineInput
from tenants.filters.fields import SEARCH_LENGTH
from tenants.web.fields import DayField


class ListForm(forms.Form):
    """Its fields are called like the filters of the list; `search` is `q` in the addresses of pages."""

    search = LineInput(
        label="Search",
        required=False,
        max_length=SEARCH_LENGTH,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    hint = ""
    """What the empty search field says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["search"].widget.attrs["placeholder"] = self.hint

    def add_prefix(self, field_name: str) -> str:
        return "q" if field_name == "search" else super().add_prefix(field_name)

    @property
    def active(self) -> int:
        """The number of filters in use, beside the search field."""
        return sum(1 for name in self.fields if name != "search" and self.data.get(name))


class DaysForm(ListForm):
    """From a day to a day of the installation's time zone, both included: the filters `from` and `to`."""

    since = DayField(label="From")
    until = DayField(label="To")

    def clean(self) -> dict[str, Any]:
        chosen = dict(self.cleaned_data)
        since, until = chosen.pop("since", None), chosen.pop("until", None)
        if since and until and until < since:
            self.add_error("until", "This day is before the first day.")
        if since:
            chosen["from"] = self._midnight(since)
        if until:
            chosen["to"] = self._midnight(until + timedelta(days=1))
        return chosen

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), timezone.get_current_timezone())
