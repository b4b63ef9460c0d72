"""What a site manager's lists in the admin tell in other ways than by their rows: nothing of other sites."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import reverse

from tenants.models import Tenant
from tenants.rules import Role
from tests.two_sites import TwoSites, two_sites

__all__ = ["two_sites"]

LISTS = (
    "cameras_camera",
    "cameras_site",
    "staff_staffmember",
    "visits_visitor",
    "visits_visit",
    "visits_sighting",
)
WAYS = (
    "_facets=True",
    "_popup=1",
    "_popup=1&_to_field=id",
    "all=",
    "e=1",
    "p=1",
    "q=southquay",
    "q=marisol",
    "q=crux",
    "o=1.2.3.4.5.6.7",
    "o=-7.-6.-5.-4.-3.-2.-1",
)


@pytest.fixture
def manager(acme: Tenant, client_of: Callable[..., Client], two_sites: TwoSites) -> Client:
    """Of North."""
    return client_of(acme, Role.SITE_MANAGER, sites=[two_sites.north])


def ways(two_sites: TwoSites) -> Iterator[str]:
    for name in LISTS:
        for way in WAYS:
            yield f"{reverse(f'admin:{name}_changelist')}?{way}"
    for name in ("cameras_camera", "visits_visit"):
        yield f"{reverse(f'admin:{name}_changelist')}?site__id__exact={two_sites.south.pk}"
    yield f"{reverse('admin:visits_sighting_changelist')}?camera__id__exact={two_sites.southern_camera.pk}"
    changed = reverse("admin:cameras_camera_change", args=[two_sites.northern_camera.pk])
    yield f"{changed}?_changelist_filters=q%3Dcrux"
    yield reverse("admin:search") + "?s=south"


def test_lists_name_nothing_of_another_site(manager: Client, two_sites: TwoSites) -> None:
    """Neither choices of filters, their counts, an order, a search nor a message."""
    for address in ways(two_sites):
        answer = manager.get(address, follow=True)
        assert answer.status_code == 200, address
        asked = {secret for secret in two_sites.secrets if secret.lower() in address.lower()}
        found = {secret for secret in two_sites.secrets - asked if secret in answer.content.decode()}
        assert not found, address


def test_counts_are_of_ones_own_sites(
    manager: Client, two_sites: TwoSites, acme: Tenant, client_of: Callable[..., Client]
) -> None:
    path = reverse("admin:visits_sighting_changelist") + "?_facets=True"
    mine, all_of_it = manager.get(path).context["cl"], client_of(acme).get(path).context["cl"]
    assert (mine.result_count, all_of_it.result_count) == (3, 9)
    assert mine.full_result_count is None, "that of all rows would be counted for nothing but its number"


def test_a_foreign_site_is_a_filter_like_one_that_never_was(manager: Client, two_sites: TwoSites) -> None:
    path = reverse("admin:visits_visit_changelist")
    theirs, never = (
        list(manager.get(path, {"site__id__exact": key}).context["cl"].result_list)
        for key in (str(two_sites.south.pk), "6f1b4a52-0d55-4c5c-8a3c-1a2b3c4d5e6f")
    )
    assert theirs == never
    assert {visit.site_id for visit in theirs} <= {two_sites.north.pk}
