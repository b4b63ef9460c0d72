"""Filters of the lists of staff and of their pictures."""

from django.db.models import Q
from django_filters import rest_framework as filters

from staff.models import FaceImage, StaffMember
from tenants.filters.fields import SearchFilter, TextFilter, YesNoFilter
from tenants.filters.lists import ListFilters


class StaffFilters(ListFilters):
    active = YesNoFilter(help_text="Whether the person is recognised.")
    department = TextFilter(lookup_expr="iexact")
    search = SearchFilter(
        lambda text: Q(name__contains_folded=text) | Q(employee_number__iexact=text),
        help_text="Part of the name, or the employee number.",
    )

    class Meta:
        model = StaffMember
        fields = ()


class FaceImageFilters(ListFilters):
    status = filters.ChoiceFilter(choices=FaceImage.Status.choices)

    class Meta:
        model = FaceImage
        fields = ()
