"""Filters of the lists of staff and of their pictures."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from staff.models import FaceImage, StaffMember
from tenants.filters.fields import TextFilter, YesNoFilter
from tenants.filters.lists import ListFilters


class StaffFilters(ListFilters):
    active = YesNoFilter(help_text="Whether the person is recognised.")
    department = TextFilter(lookup_expr="iexact")
    search = TextFilter(method="search_for", help_text="Part of the name, or the employee number.")

    class Meta:
        model = StaffMember
        fields = ()

    def search_for(self, rows: QuerySet[StaffMember], name: str, text: str) -> QuerySet[StaffMember]:
        return rows.filter(Q(name__icontains=text) | Q(employee_number__iexact=text))


class FaceImageFilters(ListFilters):
    status = filters.ChoiceFilter(choices=FaceImage.Status.choices)

    class Meta:
        model = FaceImage
        fields = ()
