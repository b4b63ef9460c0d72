"""The settings with which a camera runs, and what the worker's own machine adds to them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings

from cameras.rules import AddressPolicy
from facetrack.lib.networks import networks_of, overlap
from facetrack.lib.own import own_services
from workers.config import CameraConfig, Polygon


@dataclass(frozen=True, slots=True)
class Brief:
    """A camera's settings as users have entered them. A run restarts when its brief differs from the present.

    `owner` is the schema of the tenant, from whose folder it may play clips. `networks` are the private
    networks that site and tenant allow; the worker's own limit applies as well. None leaves a setting to the
    worker. Login and address are not in its `repr`.
    """

    site: UUID
    owner: str
    kind: str
    location: str = field(repr=False)
    username: str = field(repr=False)
    password: str = field(repr=False)
    loop: bool
    exclusive: bool
    host: str
    networks: tuple[str, ...]
    detector: str
    fps: float | None
    analysed_side: int | None
    min_face: int | None
    zones: tuple[Polygon, ...]
    masks: tuple[Polygon, ...]
    wanted: bool = field(compare=False)
    """Whether the camera should run."""


def polygons(found: Any) -> tuple[Polygon, ...]:
    """From JSON. Raises TypeError, ValueError."""
    return tuple(tuple((float(x), float(y)) for x, y in polygon) for polygon in found)


def source_of(brief: Brief) -> dict[str, Any]:
    """Arguments for `open_source`, with the login: this machine may protect other services of its own."""
    networks = networks_of(brief.networks)
    if settings.FACETRACK_WORKER_NETWORKS is not None:
        networks = overlap(networks, settings.FACETRACK_WORKER_NETWORKS)
    policy = AddressPolicy(
        networks=networks,
        own=own_services(),
        loopback=settings.FACETRACK_CAMERA_LOOPBACK,
    )
    return {
        "kind": brief.kind,
        "location": brief.location,
        "username": brief.username,
        "password": brief.password,
        "loop": brief.loop,
        "fps": brief.fps or settings.WORKER_FPS,
        "policy": policy,
        "folder": settings.FACETRACK_CLIP_DIR,
        "owner": brief.owner,
        "megabytes": settings.FACETRACK_CAMERA_MEGABYTES,
    }


def config_of(brief: Brief) -> CameraConfig:
    usual = CameraConfig()
    return CameraConfig(
        fps=brief.fps or settings.WORKER_FPS,
        analysed_side=brief.analysed_side or usual.analysed_side,
        min_face=brief.min_face or usual.min_face,
        zones=brief.zones,
        masks=brief.masks,
    )
