"""Forms about members, support access and settings."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from facetrack.core.text.fields import LineInput
from tenants.access.sites import choices
from tenants.filters.forms import ListForm
from tenants.models import Membership, Tenant
from tenants.models.support_access import SUPPORT_LIMIT
from tenants.rules import MEMBER_ROLES, Role
from tenants.web.versioned_forms import VersionedForm, VersionedModelForm

HOURS = range(1, SUPPORT_LIMIT // timedelta(hours=1) + 1)


class PersonSearch(ListForm):
    hint = "E-mail or name"


class RoleForm(forms.Form):
    """The member's role here; `sites` count for a site manager only."""

    role = forms.TypedChoiceField(
        choices=[(role.value, role.label) for role in MEMBER_ROLES], coerce=Role, initial=Role.VIEWER.value
    )
    sites = forms.TypedMultipleChoiceField(
        label="Sites of a site manager",
        coerce=UUID,
        required=False,
        choices=choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="They see nothing of other sites.",
    )


class MemberForm(VersionedForm, RoleForm):
    """Of a member."""

    def __init__(self, member: Membership, data: QueryDict | None) -> None:
        super().__init__(data, row=member, initial={"role": member.role, "sites": member.sites})
        self.fields["sites"].choices = choices(member.sites)  # type: ignore[attr-defined]


class InviteForm(RoleForm):
    email = forms.EmailField(label="E-mail", max_length=254)
    field_order = ("email", "role", "sites")


class SupportForm(forms.Form):
    """Who is let in, what for and for how long."""

    email = forms.EmailField(label="E-mail", max_length=254, help_text="The e-mail of a FaceTrack operator.")
    reason = LineInput(max_length=300, help_text="It stays in the record.")
    hours = forms.TypedChoiceField(
        label="Ends after", coerce=int, choices=[(n, f"{n} hour{'s' if n > 1 else ''}") for n in HOURS]
    )


class SettingsForm(VersionedModelForm[Tenant]):
    """What an administrator decides for the whole organisation."""

    class Meta:
        model = Tenant
        fields = ("second_factor_required", "visitors_shared")


def refused(form: forms.Form, error: ValidationError) -> None:
    """Show at its fields why an action refused what the form says."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)
