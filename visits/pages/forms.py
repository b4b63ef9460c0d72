"""Forms of the pages about visits: filters, and a visitor's name."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet

from cameras.models import Camera, Site
from cameras.queries import cameras, sites, zone_of
from staff.models import StaffMember
from staff.queries import staff_members
from tenants.access.rights import Access
from tenants.web.fields import DayField
from visits.models import Sighting, SightingDecision, Visit, Visitor
from visits.queries import event_of, of_people_called, of_person, sightings, visitors, visits


class SeenFilter(forms.Form):
    """Who, where and when; every field is optional. Days are in the chosen site's time zone."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name or visitor number"}),
    )
    site = forms.ModelChoiceField(Site.objects.none(), required=False, empty_label="All sites")
    camera = forms.ModelChoiceField(Camera.objects.none(), required=False, empty_label="All cameras")
    since = DayField(label="From")
    until = DayField(label="To")
    person = forms.UUIDField(required=False, widget=forms.HiddenInput)

    about: StaffMember | Visitor | None = None
    """The person to whom the list is limited."""

    def __init__(self, access: Access, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.access = access
        for name, rows in {"site": sites(access), "camera": cameras(access)}.items():
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

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first day.")
        return self.cleaned_data

    @property
    def active(self) -> int:
        """The number of filters in use, beside the search field."""
        return sum(1 for name, value in self.data.items() if value and name in self.fields and name != "q")

    def who_where_and_when(self) -> Q:
        """The conditions that visits and sightings share."""
        chosen = self.cleaned_data
        found = of_people_called(chosen["q"])
        site: Site | None = chosen["site"]
        if chosen["since"]:
            found &= Q(started_at__gte=_midnight(chosen["since"], site))
        if chosen["until"]:
            found &= Q(started_at__lt=_midnight(chosen["until"] + timedelta(days=1), site))
        if chosen["person"]:
            found &= of_person(chosen["person"])
        return found


class VisitFilter(SeenFilter):
    who = forms.ChoiceField(
        required=False, choices=[("", "All people"), ("staff", "Staff"), ("visitor", "Visitors")], label="Who"
    )
    present = forms.BooleanField(label="Here now", required=False)
    field_order = ("q", "who", "site", "camera", "since", "until", "present", "person")

    def found(self) -> QuerySet[Visit]:
        """The visits that match. Call it on a valid form only."""
        chosen = self.cleaned_data
        rows = visits(self.access).filter(self.who_where_and_when())
        if chosen["site"]:
            rows = rows.filter(site=chosen["site"])
        if chosen["camera"]:
            rows = rows.filter(pk__in=_visits_on(chosen["camera"]))
        if chosen["who"]:
            rows = rows.filter(staff_member__isnull=chosen["who"] != "staff")
        return rows.filter(ended_at=None) if chosen["present"] else rows


class SightingFilter(SeenFilter):
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
    field_order = ("q", "decision", "site", "camera", "since", "until", "person")

    def found(self) -> QuerySet[Sighting]:
        """The sightings that match. Call it on a valid form only."""
        chosen = self.cleaned_data
        rows = sightings(self.access).filter(self.who_where_and_when())
        if chosen["site"]:
            rows = rows.filter(camera__site=chosen["site"])
        if chosen["camera"]:
            rows = rows.filter(camera=chosen["camera"])
        return rows.filter(Q(shown_decision=chosen["decision"])) if chosen["decision"] else rows


class VisitorSearch(forms.Form):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name or number"}),
    )
    active = 0


class VisitorForm(forms.Form):
    """A visitor's name and notes; an empty name makes the visitor anonymous again."""

    name = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Leave empty to show the visitor by number.",
    )
    note = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


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


def _visits_on(camera: Camera) -> QuerySet[Sighting, Any]:
    return Sighting.objects.filter(camera=camera).values("visit")


def _midnight(day: date, site: Site | None) -> datetime:
    return datetime.combine(day, time(), zone_of(site))
