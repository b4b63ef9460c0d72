"""The pictures of tracks in the object store: kept with their rows, and deleted after the last of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from facetrack.core import objects
from tenants.isolation import storage
from tenants.queries import active_tenant
from visits.models import Sighting, Visit, Visitor
from visits.track_facts import TrackFacts


@dataclass(slots=True)
class KeptShot:
    """A track's picture in the object store: its key, empty without one, and whether a row names it."""

    key: str = ""
    left_out: bool = False
    used: bool = False


@contextmanager
def kept_shot(facts: TrackFacts) -> Iterator[KeptShot]:
    """Store and count the picture of a track before its transaction; it is taken back if no row names it."""
    shot, tenant, taken = KeptShot(), active_tenant(), False
    data = facts.shot or b""
    stored = objects.save(tenant.pk, "shots", data) if data else ""
    try:
        if stored:
            taken = storage.take(len(data))
            shot.key, shot.left_out = (stored, False) if taken else ("", True)
        yield shot
    finally:
        if stored and not shot.used:
            objects.delete(tenant.pk, stored)
            if taken:
                storage.put_back(len(data))


def delete_unused(key: str) -> None:
    """A shot may be shown by its sighting, its visit and its visitor: delete it after the last of them."""
    used = (model.objects.filter(best_shot=key).exists() for model in (Sighting, Visit, Visitor))
    if not any(used):
        storage.discard(key)
