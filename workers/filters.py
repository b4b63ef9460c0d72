"""The filters of the list of workers."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from tenants.filters.fields import TextFilter
from tenants.filters.forms import ListForm
from tenants.filters.lists import ListFilters
from workers.fleet.models import Worker


class WorkerFilters(ListFilters):
    search = TextFilter(method="search_for", help_text="Part of the name of the worker or of its machine.")
    state = filters.ChoiceFilter(field_name="shown_state", choices=Worker.State.choices)

    class Meta:
        model = Worker
        fields = ()

    def search_for(self, rows: QuerySet[Worker], name: str, text: str) -> QuerySet[Worker]:
        return rows.filter(Q(name__icontains=text) | Q(host__icontains=text))


class WorkerSearch(ListForm):
    hint = "Name or machine"
