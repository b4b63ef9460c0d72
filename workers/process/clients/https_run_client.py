"""The client of runs at the edge: each method is one request, to the endpoint of the same name.

An invalid key, or a name that another process has, is reported to the worker process, which ends this
process. To a run the installation merely appears unavailable, so that its records wait in the spool.
"""

import logging
import time
from base64 import b64encode
from http import HTTPStatus
from typing import Any
from uuid import UUID

from tenants.models import Tenant
from visits.track_codec import as_text, encoded
from visits.track_facts import SCHEMA_VERSION
from workers.fleet.leases import StaleEpoch
from workers.process.clients.api_client import PATIENCE, Reply, read, required
from workers.process.clients.camera_settings import CameraSettings, polygons
from workers.process.clients.fleet_client import NameTaken, Unavailable, WorkerRejected
from workers.process.clients.preview_sender import Ask, PreviewSender
from workers.process.clients.run_client import RunReport, StaffGallery, TenantThresholds
from workers.process.clients.wire import MAX_DETAIL, MAX_PICTURE, from_text
from workers.process.sinks.answers import Answer
from workers.process.sinks.sighting_store import InvalidRecord
from workers.process.sinks.track_record import TrackRecord
from workers.recognition.config import Thresholds
from workers.recognition.types import Candidate, Floats

log = logging.getLogger(__name__)

QUICK = 1.0, 1.5
"""For requests for which a camera waits: short enough that tracks continue afterwards."""
UNHURRIED = 2.0, 20.0
"""For spooled records: a picture may take long on a slow line, but must arrive in the end."""
REPORT_SECONDS = 3.0
"""Seconds between reports of a run without news. An order to end also arrives on the queue."""
OURS_NO_MORE = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
UNFIT = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


class HttpsRunClient:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._showing = PreviewSender(ask)
        self._reported: dict[UUID, float] = {}
        self._says_version = self._says_pictures = True

    def camera_settings(self, tenant: Tenant, camera_id: UUID, ticket: str = "") -> CameraSettings | None:
        reply = self._asked(f"leases/{camera_id}/brief/", ticket=ticket)
        return None if reply.status == HTTPStatus.NOT_FOUND else read(required(reply), _camera_settings)

    def tuning(self, tenant: Tenant, pack: str) -> TenantThresholds:
        return read(required(self._asked(f"tenants/{tenant.pk}/tuning/", pack=pack)), _tuning)

    def known(self, tenant: Tenant, pack: str, version: int) -> StaffGallery | None:
        reply = self._asked(f"tenants/{tenant.pk}/known/", QUICK, pack=pack, version=max(version, -1))
        return None if reply.status == HTTPStatus.NO_CONTENT else read(required(reply), _known)

    def visitors(self, tenant: Tenant, template: Floats, pack: str, site: UUID | None) -> list[Candidate]:
        asked: dict[str, Any] = {"pack": pack, "site": str(site), "template": as_text(template)}
        return read(required(self._asked(f"tenants/{tenant.pk}/visitors/", QUICK, **asked)), _found)

    def record(self, tenant: Tenant, track_record: TrackRecord) -> None:
        self._record(track_record, QUICK, known_at=None)

    def deliver(self, track_record: TrackRecord) -> None:
        self._record(track_record, UNHURRIED, known_at=track_record.known_at.isoformat())

    def report(self, tenant: Tenant, said: RunReport) -> bool:
        now = time.monotonic()
        if not said.news and now - self._reported.get(said.camera, float("-inf")) < REPORT_SECONDS:
            return True
        times: dict[str, Any] = {
            "started_at": _time(said.started_at),
            "last_frame_at": _time(said.last_frame_at),
        }
        address = f"leases/{said.camera}/report/"
        reply = self._said_of_pictures(address, QUICK, said, **times, news=said.news)
        if reply.status in OURS_NO_MORE:
            return False
        required(reply)
        self._reported[said.camera] = now
        return True

    def end(self, tenant: Tenant, said: RunReport) -> None:
        self._reported.pop(said.camera, None)
        reply = self._said_of_pictures(f"leases/{said.camera}/end/", PATIENCE, said)
        if reply.status not in OURS_NO_MORE:
            required(reply)

    def _said_of_pictures(
        self, address: str, patience: tuple[float, float], said: RunReport, **more: Any
    ) -> Reply:
        """A server of the version before knows neither lost frames nor problems of pictures."""
        pictures: dict[str, Any] = {"lost_frames": said.lost_frames} if said.lost_frames else {}
        if said.picture_problem:
            pictures["picture_problem"] = said.picture_problem
        if pictures and self._says_pictures:
            reply = self._asked(address, patience, **_how(said), **more, **pictures)
            errors = reply.body.get("errors") or {}
            if reply.status != HTTPStatus.BAD_REQUEST or not pictures.keys() & errors.keys():
                return reply
            log.info("the server is of the version before: it is not told about pictures")
            self._says_pictures = False
        return self._asked(address, patience, **_how(said), **more)

    def watched(self, tenant: Tenant, camera: UUID) -> bool:
        return self._showing.watched(camera)

    def show(self, tenant: Tenant, camera: UUID, epoch: int, picture: bytes) -> None:
        self._showing.show(camera, epoch, picture)

    def answer(self, key: str, ticket: str, answer: Answer) -> None:
        """Only the server writes `key`; the ticket tells it which one is meant."""
        picture = answer.picture if len(answer.picture) <= MAX_PICTURE else b""
        said: dict[str, Any] = {
            "ticket": ticket,
            "ok": answer.ok,
            "detail": answer.detail[:MAX_DETAIL],
            "facts": answer.facts,
            "picture": b64encode(picture).decode() if picture else None,
        }
        required(self._asked("answer/", UNHURRIED, noted=False, **said))

    def _record(self, track_record: TrackRecord, patience: tuple[float, float], **more: Any) -> None:
        facts = track_record.facts
        picture = facts.shot if facts.shot and len(facts.shot) <= MAX_PICTURE else None
        said = encoded(facts) | more | {"picture": b64encode(picture).decode() if picture else None}
        del said["camera"]  # the URL names it
        try:
            reply = self._recorded(f"leases/{facts.camera}/record/", patience, said)
        except ValueError as error:
            raise InvalidRecord(str(error)) from None
        if reply.status in OURS_NO_MORE:
            raise StaleEpoch(reply.detail)
        if reply.status in UNFIT:
            raise InvalidRecord(f"the server refused it: {reply.detail}")
        required(reply)

    def _recorded(self, address: str, patience: tuple[float, float], said: dict[str, Any]) -> Reply:
        """A server of the version before does not know `version`; without it, the record is in its form."""
        if self._says_version:
            reply = self._asked(address, patience, version=SCHEMA_VERSION, **said)
            if reply.status != HTTPStatus.BAD_REQUEST or "version" not in (reply.body.get("errors") or {}):
                return reply
            log.info("the server is of the version before: records are sent in its form")
            self._says_version = False
        return self._asked(address, patience, **said)

    def _asked(
        self, address: str, patience: tuple[float, float] = PATIENCE, *, noted: bool = True, **body: Any
    ) -> Reply:
        try:
            return self._ask("POST", address, patience=patience, noted=noted, **body)
        except (WorkerRejected, NameTaken) as error:
            raise Unavailable(str(error) or "another process has this worker's name now") from error


def _how(said: RunReport) -> dict[str, Any]:
    return {"epoch": said.epoch, "status": said.status, "detail": said.detail[:300]}


def _time(at: Any) -> str | None:
    return at.isoformat() if at else None


def _camera_settings(body: dict[str, Any]) -> CameraSettings:
    plain = {name: body[name] for name in PLAIN}
    plain |= {name: body.get(name, usual) for name, usual in NEWER.items()}
    return CameraSettings(
        site=UUID(body["site"]),
        networks=tuple(body["networks"]),
        zones=polygons(body["zones"]),
        masks=polygons(body["masks"]),
        **plain,
    )


PLAIN = (
    *("owner", "kind", "location", "username", "password", "loop", "exclusive", "host", "detector"),
    *("fps", "analysed_side", "min_face", "wanted"),
)
"""The fields of the settings that are the same in JSON."""
NEWER: dict[str, Any] = {"turn": 0, "mirrored": False, "pixel_aspect": None}
"""Those that a server of the version before does not send, and what they are there."""


def _tuning(body: dict[str, Any]) -> TenantThresholds:
    own = body["own"]
    limits = Thresholds(*(float(own[name]) for name in ("link", "review", "margin"))) if own else None
    return TenantThresholds(limits, {str(pack): int(count) for pack, count in body["others"].items()})


def _known(body: dict[str, Any]) -> StaffGallery:
    denied = {str(one["person"]): from_text(one["templates"]) for one in body["denied"]}
    people, templates = [str(person) for person in body["people"]], from_text(body["templates"])
    if len(people) != len(templates):
        raise ValueError("the number of templates differs from the number of people")
    return StaffGallery(int(body["version"]), people, templates, denied)


def _found(body: dict[str, Any]) -> list[Candidate]:
    return [Candidate(str(one["person"]), float(one["score"])) for one in body["found"]]
