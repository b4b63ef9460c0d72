"""The filters of the lists of sites and cameras."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from cameras.models import Camera, Site
from tenants.filters.fields import SearchFilter, TextFilter, YesNoFilter
from tenants.filters.lists import ListFilters

ARCHIVED = "Whether it is archived. Without this filter, archived ones are left out."


class InUseFilters(ListFilters):
    """Leaves out what is archived, unless it is asked for."""

    archived = YesNoFilter(field_name="archived_at", lookup_expr="isnull", exclude=True, help_text=ARCHIVED)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.form.cleaned_data.get("archived") in (None, ""):
            queryset = queryset.filter(archived_at=None)
        narrowed: QuerySet[Any] = super().filter_queryset(queryset)
        return narrowed


class SiteFilters(InUseFilters):
    search = TextFilter(field_name="name", lookup_expr="contains_folded", help_text="Part of the name.")

    class Meta:
        model = Site
        fields = ()


class CameraFilters(InUseFilters):
    site = filters.UUIDFilter(field_name="site_id")
    enabled = YesNoFilter(help_text="Whether the camera is enabled.")
    status = filters.ChoiceFilter(choices=Camera.Status.choices, help_text="Its present status.")
    search = SearchFilter(
        lambda text: Q(name__contains_folded=text) | Q(site__name__contains_folded=text),
        help_text="Part of the name of the camera or of its site.",
    )

    class Meta:
        model = Camera
        fields = ()
