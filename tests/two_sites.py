"""One tenant with two sites whose managers must not see each other's people: North is ours, South is not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import pytest
from django.utils import timezone

from cameras.models import Camera, Site
from staff.models import StaffMember
from tenants.models import Tenant
from tests.conftest import make_camera
from visits.actions import rename_visitor
from visits.models import PassageCount, Sighting, SightingDecision, Visitor

MakeVisit = Callable[..., Sighting]


@dataclass
class TwoSites:
    """`both` was at South, then at North, then at South again; `southern` and `northern` at one only."""

    north: Site
    south: Site
    northern_camera: Camera
    southern_camera: Camera
    both: Visitor
    northern: Visitor
    southern: Visitor
    here: list[Sighting]
    there: list[Sighting]
    ann: StaffMember
    """Works at North."""
    sam: StaffMember
    """Works at South, and came to North once."""
    eve: StaffMember
    """Works everywhere."""
    now: datetime
    secrets: set[str] = field(default_factory=set)
    """What no answer to the manager of North may contain."""


@pytest.fixture
def two_sites(acme: Tenant, make_visit: MakeVisit) -> TwoSites:
    now = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    north, south = Site.objects.create(name="Northgate"), Site.objects.create(name="Southquay")
    door = make_camera("Polaris", site=north, kind="usb", location="0")
    gate = make_camera("Crux", site=south, kind="usb", location="1")
    ann = StaffMember.objects.create(name="Ann Northern", sites=[north.pk])
    sam = StaffMember.objects.create(name="Sam Southern", sites=[south.pk], email="sam@acme.test")
    eve = StaffMember.objects.create(name="Eve Everywhere")
    days = timedelta(days=1)
    there = [make_visit(gate, face=1, at=now - 3 * days, quality=0.9)]
    here = [make_visit(door, face=1, at=now - 2 * days, quality=0.5, score=0.77)]
    there.append(make_visit(gate, face=1, at=now - 1 * days, quality=0.8))
    there.append(make_visit(gate, face=2, at=now))
    here.append(make_visit(door, face=3, at=now))
    here.append(make_visit(door, SightingDecision.STAFF, person=sam, at=now))
    there.append(make_visit(gate, SightingDecision.STAFF, person=sam, at=now))
    there.append(make_visit(gate, SightingDecision.STAFF, person=eve, at=now))
    there.append(make_visit(gate, SightingDecision.UNSURE, at=now))
    PassageCount.objects.create(camera=gate, day=timezone.localdate(), tracks=41)
    both, southern, northern = (there[0].visitor, there[2].visitor, here[1].visitor)
    assert both
    assert southern
    assert northern
    assert here[0].visitor == both, "the same face is the same visitor"
    rename_visitor(visitor=southern, name="Marisol", note="", by=None)
    secrets = {"Southquay", "Crux", "Marisol", "sam@acme.test", str(south.pk), str(gate.pk), str(southern.pk)}
    secrets |= {str(sighting.pk) for sighting in there}
    secrets |= {str(sighting.visit_id) for sighting in there if sighting.visit_id}
    secrets |= {PurePosixPath(sighting.best_shot).stem for sighting in there}
    return TwoSites(
        north, south, door, gate, both, northern, southern, here, there, ann, sam, eve, now, secrets
    )
