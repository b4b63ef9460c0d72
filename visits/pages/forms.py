"""Forms of the pages about visits: filters, and a visitor's name."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django import forms
from django.http import QueryDict

from cameras.models import Camera, Site
from cameras.queries import all_cameras, all_sites, named
from facetrack.core.text.fields import LineInput, LinesInput
from staff.models import StaffMember
from staff.queries import staff_members
from tenants.access.rights import Access
from tenants.filters.forms import ListForm
from tenants.web.fields import DayField, TimeOfDayField
from tenants.web.versioned_forms import VersionedForm
from visits.filters import PeriodForm
from visits.models import SightingDecision, Visitor
from visits.queries import event_of, visitors


class PlaceField(forms.ModelChoiceField[Any]):
    """Where people were seen; says what is archived."""

    def label_from_instance(self, obj: Any) -> str:
        return named(obj)


class SeenForm(PeriodForm, ListForm):
    """Who, where and when; every field is optional. Days are those of each row's own site."""

    hint = "Name or visitor number"
    site = PlaceField(Site.objects.none(), required=False, empty_label="All sites")
    camera = PlaceField(Camera.objects.none(), required=False, empty_label="All cameras")
    since = DayField(label="From")
    until = DayField(label="To")
    since_time = TimeOfDayField(label="Daily from")
    until_time = TimeOfDayField(label="Daily to")
    today = forms.BooleanField(label="Today", required=False)
    person = forms.UUIDField(required=False, widget=forms.HiddenInput)

    about: StaffMember | Visitor | None = None
    """The person to whom the list is limited."""

    def __init__(self, access: Access, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.access = access
        for name, rows in {"site": all_sites(access), "camera": all_cameras(access)}.items():
            cast(forms.ModelChoiceField[Any], self.fields[name]).queryset = rows

    def clean_person(self) -> UUID | None:
        person: UUID | None = self.cleaned_data["person"]
        if person:
            self.about = (
                staff_members(self.access).filter(pk=person).first()
                or visitors(self.access).filter(pk=person).first()
            )
            if self.about is None:
                raise forms.ValidationError("This person no longer exists: clear the filters.")
        return person

    def clean_today(self) -> bool | None:
        """A box that is not ticked asks for nothing."""
        return self.cleaned_data["today"] or None


class VisitFilterForm(SeenForm):
    who = forms.ChoiceField(
        required=False, choices=[("", "All people"), ("staff", "Staff"), ("visitor", "Visitors")], label="Who"
    )
    present = forms.BooleanField(label="Here now", required=False)
    field_order = (
        "search",
        "who",
        "site",
        "camera",
        "since",
        "until",
        "since_time",
        "until_time",
        "today",
        "present",
        "person",
    )

    def clean_present(self) -> bool | None:
        """A box that is not ticked asks for nothing; `present=false` of the API asks for ended visits."""
        return self.cleaned_data["present"] or None


class SightingFilterForm(SeenForm):
    decision = forms.ChoiceField(
        label="Result",
        required=False,
        choices=[
            ("", "All results"),
            (SightingDecision.STAFF, "Staff"),
            (SightingDecision.VISITOR, "Returning visitor"),
            (SightingDecision.NEW_VISITOR, "New visitor"),
            (SightingDecision.UNSURE, "Unsure"),
        ],
    )
    field_order = (
        "search",
        "decision",
        "site",
        "camera",
        "since",
        "until",
        "since_time",
        "until_time",
        "today",
        "person",
    )


class VisitorSearch(ListForm):
    hint = "Name or number"


class VisitorForm(VersionedForm):
    """A visitor's name and notes; an empty name makes the visitor anonymous again."""

    def __init__(self, visitor: Visitor, data: QueryDict | None) -> None:
        super().__init__(data, row=visitor, initial={"name": visitor.name, "note": visitor.note})

    name = LineInput(
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Leave empty to show the visitor by number.",
    )
    note = LinesInput(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class VisitIds(forms.Field):
    """A parameter that is repeated once per visit; cleaned to a set of UUIDs."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: list[str] | None) -> set[UUID]:
        try:
            return {UUID(one) for one in value or ()}
        except ValueError:
            raise forms.ValidationError("This is not the id of a visit.") from None


class CursorForm(forms.Form):
    """The state of a live page: the last live event that it has, and the visits that it shows."""

    after = forms.CharField(max_length=200)
    shown = VisitIds(required=False)

    def __init__(self, access: Access, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.access = access

    def clean_after(self) -> int:
        try:
            return event_of(self.access, self.cleaned_data["after"])
        except ValueError:
            raise forms.ValidationError("This is not a live event.") from None
