"""The filters of the lists of sites and cameras."""

from django.db.models import Q
from django_filters import rest_framework as filters

from cameras.models import Camera, Site
from tenants.filters.fields import SearchFilter, TextFilter, YesNoFilter
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
    search = SearchFilter(
        lambda text: Q(name__icontains=text) | Q(site__name__icontains=text),
        help_text="Part of the name of the camera or of its site.",
    )

    class Meta:
        model = Camera
        fields = ()
