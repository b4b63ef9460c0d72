"""Forms about API keys."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from facetrack.core.text.fields import LineInput
from tenants.access.sites import site_names
from tenants.filters.forms import ListForm
from tenants.rules import MEMBER_ROLES, Role
from tenants.rules.keys import DAYS, MAX_DAYS, MAX_OVERLAP_HOURS, OVERLAP_HOURS


class KeySearch(ListForm):
    hint = "Name or beginning of the key"


class KeyForm(forms.Form):
    """A new key. Sites are those of the tenant; none chosen means all of them."""

    name = LineInput(
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Door display"}),
        help_text="What it is for, so that you can tell later whether it is still needed.",
    )
    role = forms.ChoiceField(choices=[(role.value, role.label) for role in reversed(MEMBER_ROLES)])
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[("read", "read"), ("write", "write"), ("enrol", "enrol staff")],
        initial=["read"],
        widget=forms.CheckboxSelectMultiple,
        help_text="Limits what the role may do.",
    )
    sites = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Choose none for the whole organisation. A site manager's key needs at least one.",
    )
    days = forms.IntegerField(
        label="Valid (days)", min_value=1, max_value=MAX_DAYS, initial=DAYS, help_text="At most two years."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sites = self.fields["sites"]
        assert isinstance(sites, forms.MultipleChoiceField)  # noqa: S101  for the types
        sites.choices = [(str(pk), name) for pk, name in site_names().items()]

    def chosen(self) -> dict[str, Any]:
        """Arguments of `create_key`. Only for a form that is valid."""
        values = self.cleaned_data
        sites: Sequence[UUID] | None = [UUID(site) for site in values["sites"]] or None
        return {**values, "role": Role(values["role"]), "sites": sites}

    def refuse(self, error: ValidationError) -> None:
        """Show what `create_key` refused beside its fields."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for field, errors in error.error_dict.items():
            self.add_error(field if field in self.fields else None, errors)


class RotationForm(forms.Form):
    overlap_hours = forms.IntegerField(
        label="Keep the old key for (hours)",
        min_value=0,
        max_value=MAX_OVERLAP_HOURS,
        initial=OVERLAP_HOURS,
        help_text="Time to replace the old key wherever it is used. 0 ends it at once.",
    )
