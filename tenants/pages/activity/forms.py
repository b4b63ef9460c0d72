"""What people type on the page about the activity log: filters, and why they export it."""

from operator import itemgetter

from django import forms

from facetrack.core.text.fields import LineInput
from tenants.access.actor import REASON_LENGTH
from tenants.audit.descriptions import kind_name
from tenants.audit.tracked_models import TRACKED, TrackedModel
from tenants.filters.fields import SEARCH_LENGTH
from tenants.filters.forms import DaysForm
from tenants.models import Verb


def _kinds() -> list[tuple[str, str]]:
    """Every kind of object whose changes are logged."""
    watched = [kind for kind, watch in TRACKED.items() if isinstance(watch, TrackedModel)]
    return [("", "All objects"), *sorted(((kind, kind_name(kind)) for kind in watched), key=itemgetter(1))]


class ActivityForm(DaysForm):
    """Every field may stay empty. Days are days of the installation's time zone."""

    hint = "Who, what or why"
    who = LineInput(required=False, max_length=SEARCH_LENGTH, help_text="A name, or worker, command, key.")
    verb = forms.ChoiceField(label="Action", required=False, choices=[("", "All actions"), *Verb.choices])
    kind = forms.ChoiceField(label="Object", required=False, choices=_kinds)
    object = LineInput(label="Object id", required=False, max_length=64)
    field_order = ("search", "who", "verb", "kind", "object", "since", "until")


class PlaceForm(forms.Form):
    """Where a page of the list begins: before one line's number, or after another's."""

    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62)


class ReasonForm(forms.Form):
    reason = LineInput(
        label="Reason",
        max_length=REASON_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Kept in the activity log.",
    )
