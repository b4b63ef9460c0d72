"""What a camera's source may look like, where it may be, and what in it is secret. Pure: no I/O."""

from cameras.rules.detector import detector_problem
from cameras.rules.login import Login, holds_login, login_problem, secret_in
from cameras.rules.networks import AddressPolicy, Endpoint
from cameras.rules.source import (
    SourceKind,
    clip_name,
    clip_problem,
    source_key,
    source_problem,
    time_zone_problem,
)
from cameras.rules.zones import polygons_problem

__all__ = [
    "AddressPolicy",
    "Endpoint",
    "Login",
    "SourceKind",
    "clip_name",
    "clip_problem",
    "detector_problem",
    "holds_login",
    "login_problem",
    "polygons_problem",
    "secret_in",
    "source_key",
    "source_problem",
    "time_zone_problem",
]
