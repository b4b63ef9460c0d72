"""The filters of the lists of sites and cameras."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from cameras.models import Camera, Site
from tenants.filters.fields import TextFilter, YesNoFilter
from tenants.filters.lists import ListFilters


class SiteFilters(ListFilters):
    search = TextFilter(field_name="name", lookup_expr="icontains", help_text="Part of the name.")

    class Meta:
        model = Site
        fields = ()


class CameraFilters(ListFilters):
    site = filters.UUIDFilter(field_name="site_id")
    enabled = YesNoFilter(help_text="Whether the camera is enabled.")
    status = filters.ChoiceFilter(choices=Camera.Status.choices, help_text="Its present status.")
    search = TextFilter(method="search_for", help_text="Part of the name of the camera or of its site.")

    class Meta:
        model = Camera
        fields = ()

    def search_for(self, rows: QuerySet[Camera], name: str, text: str) -> QuerySet[Camera]:
        return rows.filter(Q(name__icontains=text) | Q(site__name__icontains=text))
