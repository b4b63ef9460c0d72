"""The settings with which a camera runs, and what the worker's own machine adds to them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings

from cameras.rules import AddressPolicy
from facetrack.core.addresses.internal_endpoints import internal_endpoints
from facetrack.core.addresses.networks import networks_of, overlap
from workers.recognition.config import CameraConfig, Polygon
from workers.recognition.orientation import Orientation, QuarterTurn


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """A camera's settings as users have entered them. A run restarts when its settings differs from the
    present.

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
    turn: int
    mirrored: bool
    pixel_aspect: float | None
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


def source_of(camera_settings: CameraSettings) -> dict[str, Any]:
    """Arguments for `open_source`, with the login: this machine may protect other services of its own."""
    networks = networks_of(camera_settings.networks)
    if settings.FACETRACK_WORKER_NETWORKS is not None:
        networks = overlap(networks, settings.FACETRACK_WORKER_NETWORKS)
    policy = AddressPolicy(
        networks=networks,
        own=internal_endpoints(),
        loopback=settings.FACETRACK_CAMERA_LOOPBACK,
    )
    return {
        "kind": camera_settings.kind,
        "location": camera_settings.location,
        "username": camera_settings.username,
        "password": camera_settings.password,
        "loop": camera_settings.loop,
        "fps": camera_settings.fps or settings.WORKER_FPS,
        "policy": policy,
        "folder": settings.FACETRACK_CLIP_DIR,
        "owner": camera_settings.owner,
        "megabytes": settings.FACETRACK_CAMERA_MEGABYTES,
        "orientation": Orientation(
            turn=QuarterTurn(camera_settings.turn),
            mirrored=camera_settings.mirrored,
            pixel_aspect=camera_settings.pixel_aspect,
        ),
    }


def config_of(camera_settings: CameraSettings) -> CameraConfig:
    usual = CameraConfig()
    return CameraConfig(
        fps=camera_settings.fps or settings.WORKER_FPS,
        analysed_side=camera_settings.analysed_side or usual.analysed_side,
        min_face=camera_settings.min_face or usual.min_face,
        zones=camera_settings.zones,
        masks=camera_settings.masks,
    )
