"""Visitors of the time before they belonged to a site get the one of their first visit."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

from django.apps import apps
from django.utils import timezone

from cameras.models import Camera, Site
from tests.conftest import make_camera
from visits.models import Sighting, Visitor

first_site = import_module("visits.migrations.0007_people_first_site")


def test_a_visitor_belongs_to_the_site_of_the_first_visit(
    camera: Camera, make_visit: Callable[..., Sighting]
) -> None:
    gate = make_camera("Gate", site=Site.objects.create(name="South"))
    make_visit(camera, face=1)
    make_visit(gate, face=1, at=timezone.now() - timedelta(days=1))
    make_visit(camera, face=2)
    Visitor.objects.update(site=None)
    first_site.settle(apps, None)
    assert list(Visitor.objects.order_by("number").values_list("site", flat=True)) == [
        gate.site_id,
        camera.site_id,
    ]
