"""What every list's FilterSet has, and the FilterSets of the tenants' own lists."""

from typing import Any, Self, TypeVar

from django.db.models import Model, QuerySet
from django.forms import Form
from django_filters import rest_framework as filters

from tenants.audit.queries import lines_about, lines_by
from tenants.credentials.queries import keys_called
from tenants.filters.fields import MomentFilter, SearchFilter, TextFilter
from tenants.models import Activity, ApiKey, Invitation, Membership, SupportAccess, Tenant, Verb
from tenants.queries import members_called
from tenants.rules import MEMBER_ROLES

_Row = TypeVar("_Row", bound=Model)


class ListFilters(filters.FilterSet):  # type: ignore[misc]
    """Exactly these filters, each with one lookup. They narrow rows that are the caller's already.

    The API reads their values with fields that django-filter makes; a page with its own form (`of_page`).
    """

    page_form: Form | None = None

    @classmethod
    def of_page(cls, form: Form, rows: QuerySet[_Row, Any]) -> QuerySet[_Row, Any]:
        """The rows that a page's form asks for; none while it is invalid."""
        if not form.is_valid():
            return rows.none()
        found: Self = cls(form.data, rows)
        found.page_form = form
        narrowed: QuerySet[_Row, Any] = found.qs
        return narrowed

    @property
    def form(self) -> Any:
        return super().form if self.page_form is None else self.page_form


class MemberFilters(ListFilters):
    role = filters.ChoiceFilter(choices=[(role.value, role.label) for role in MEMBER_ROLES])
    search = SearchFilter(members_called, help_text="Part of the e-mail or name.")

    class Meta:
        model = Membership
        fields = ()


class InvitationFilters(ListFilters):
    search = TextFilter(field_name="email", lookup_expr="contains_folded", help_text="Part of the e-mail.")

    class Meta:
        model = Invitation
        fields = ()


class SupportFilters(ListFilters):
    search = SearchFilter(members_called, help_text="Part of the operator's e-mail or name.")

    class Meta:
        model = SupportAccess
        fields = ()


class CustomerFilters(ListFilters):
    search = TextFilter(field_name="name", lookup_expr="contains_folded", help_text="Part of the name.")

    class Meta:
        model = Tenant
        fields = ()


class KeyFilters(ListFilters):
    search = SearchFilter(keys_called, help_text="Part of the name, or the beginning of the key.")

    class Meta:
        model = ApiKey
        fields = ()


class ActivityFilters(ListFilters):
    who = SearchFilter(lines_by, help_text="Part of a name, an id, or a kind of actor such as worker.")
    verb = filters.ChoiceFilter(choices=Verb.choices)
    kind = TextFilter(field_name="object_kind", help_text="The kind of object, such as tenants.apikey.")
    object = TextFilter(field_name="object_id", help_text="The object's id.")
    search = SearchFilter(lines_about, help_text="Part of the actor, the object or the reason.")
    # `from` is no name that Python lets a class body assign
    vars()["from"] = MomentFilter("at", "gte", help_text="Then or later (ISO 8601).")
    to = MomentFilter("at", "lt", help_text="Earlier (ISO 8601).")

    class Meta:
        model = Activity
        fields = ()
