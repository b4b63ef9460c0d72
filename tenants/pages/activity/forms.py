"""What people type on the page about the activity log: filters, and why they export it."""

from datetime import date, datetime, time, timedelta
from operator import itemgetter
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from tenants.access.actor import REASON_LENGTH
from tenants.audit.descriptions import kind_name
from tenants.audit.queries import narrowed
from tenants.audit.tracked_models import TRACKED, TrackedModel
from tenants.models import Activity, Verb
from tenants.web.fields import DayField


def _kinds() -> list[tuple[str, str]]:
    """Every kind of object whose changes are logged."""
    watched = [kind for kind, watch in TRACKED.items() if isinstance(watch, TrackedModel)]
    return [("", "All objects"), *sorted(((kind, kind_name(kind)) for kind in watched), key=itemgetter(1))]


class ActivityFilter(forms.Form):
    """Every field may stay empty. Days are days of the installation's time zone."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Who, what or why"}),
    )
    who = forms.CharField(required=False, max_length=100, help_text="A name, or worker, command, key.")
    verb = forms.ChoiceField(label="Action", required=False, choices=[("", "All actions"), *Verb.choices])
    kind = forms.ChoiceField(label="Object", required=False, choices=_kinds)
    object = forms.CharField(label="Object id", required=False, max_length=64)
    since = DayField(label="From")
    until = DayField(label="To")

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        return self.cleaned_data

    @property
    def active(self) -> int:
        """How many of the filters behind the search field are in use."""
        return sum(1 for name, value in self.data.items() if value and name in self.fields and name != "q")

    def found(self, lines: QuerySet[Activity]) -> QuerySet[Activity]:
        """The lines that are asked for. Only for a form that is valid."""
        chosen = self.cleaned_data
        return narrowed(
            lines,
            text=chosen["q"],
            who=chosen["who"],
            verb=chosen["verb"],
            kind=chosen["kind"],
            object_id=chosen["object"],
            since=chosen["since"] and _midnight(chosen["since"]),
            until=chosen["until"] and _midnight(chosen["until"] + timedelta(days=1)),
        )


class PlaceForm(forms.Form):
    """Where a page of the list begins: before one line's number, or after another's."""

    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Kept in the activity log.",
    )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
