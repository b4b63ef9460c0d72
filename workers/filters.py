"""The filters of the list of workers."""

from django.db.models import Q
from django_filters import rest_framework as filters

from tenants.filters.fields import SearchFilter
from tenants.filters.forms import ListForm
from tenants.filters.lists import ListFilters
from workers.fleet.models import Worker

SHOWN_STATES = [
    (state.value, state.label) for state in (Worker.State.PROCESSING, Worker.State.IDLE, Worker.State.OFFLINE)
]


class WorkerFilters(ListFilters):
    search = SearchFilter(
        lambda text: Q(name__contains_folded=text) | Q(host__contains_folded=text),
        help_text="Part of the name of the worker or of its machine.",
    )
    state = filters.ChoiceFilter(field_name="shown_state", choices=SHOWN_STATES)

    class Meta:
        model = Worker
        fields = ()


class WorkerSearch(ListForm):
    hint = "Name or machine"
