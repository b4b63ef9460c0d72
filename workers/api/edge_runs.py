"""Endpoints for the runs of a worker at the edge, on the public host: each calls `DirectRunClient`.

A worker gets settings and login of the cameras that it holds, and faces of tenants of which it holds one.
"""

import logging
from typing import Any
from uuid import UUID

from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import Http404
from msgspec.structs import replace
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from facetrack.core.rows import get_or_404
from tenants.access.rights import granted
from tenants.models import Tenant
from tenants.rest.problems import Conflict
from visits.rules import TimeSpan, put_right
from visits.track_codec import as_text
from visits.track_facts import TrackFacts
from workers.api.edge import EdgeView
from workers.api.run_bodies import (
    CameraSettingsBody,
    FaceBody,
    FoundBody,
    KnownBody,
    PackBody,
    RecordBody,
    ReportBody,
    StatusBody,
    TicketBody,
    TuningBody,
    VersionBody,
)
from workers.fleet.leases import StaleEpoch
from workers.fleet.models import LeaseGrant, Worker
from workers.fleet.queries import NO_CAMERA, grant_of, held_lease, watched_tenant
from workers.process.clients.direct_run_client import DIRECT_RUN_CLIENT
from workers.process.clients.run_client import RunReport
from workers.process.clients.ticket import LOOKS, Ticket, spend, ticket_of
from workers.process.sinks.track_record import TrackRecord

log = logging.getLogger(__name__)

CAMERA_DELETED = "The camera was deleted."
RECORD_LIMIT = 3_000_000
"""Bytes: a picture in base64, and the fields beside it."""


class Unprocessable(APIException):
    status_code = 422
    default_code = "unprocessable"


class EdgeRunViewSet(EdgeView):
    """The run of one camera, from its settings to its end.

    409: the worker no longer holds the camera. 412: its lease has expired; renew it first.
    """

    permission = "workers.run_cameras"
    bodies = {"brief": TicketBody, "report": ReportBody, "end": StatusBody}
    answers = {"brief": {200: CameraSettingsBody}, "report": {204: None}, "end": {204: None}}
    further_problems = (*EdgeView.further_problems, "412")

    def brief(self, request: Request, worker: str, camera: UUID) -> Response:
        """The settings and login of a camera that it holds or, once, was asked to test. Keep them secret."""
        said = self.said(request)
        speaker = self.speaking(worker, said)
        ticket = _admitting(said["ticket"], speaker, camera)
        settings = DIRECT_RUN_CLIENT.camera_settings(
            _asked_for(ticket) if ticket else held_lease(speaker, camera).tenant, camera
        )
        if settings is None:
            raise Http404(CAMERA_DELETED)
        if not granted(request).sees(settings.site) or (ticket and not spend(ticket, "brief")):
            raise Http404(NO_CAMERA)
        answer = Response(CameraSettingsBody(settings).data)
        answer["Cache-Control"] = "no-store"
        return answer

    def report(self, request: Request, worker: str, camera: UUID) -> Response:
        """Report the state of a run, every few seconds. 409: end the run."""
        said = self.said(request)
        tenant = self._held(worker, camera, said)
        if not DIRECT_RUN_CLIENT.report(tenant, RunReport(camera=camera, **said)):
            raise Conflict("End the run: the camera was stopped, or another worker holds it.")
        return Response(status=204)

    def end(self, request: Request, worker: str, camera: UUID) -> Response:
        """A run has ended. If it played a file once, its camera is disabled."""
        said = self.said(request)
        DIRECT_RUN_CLIENT.end(self._held(worker, camera, said), RunReport(camera=camera, **said))
        return Response(status=204)

    def _held(self, worker: str, camera: UUID, said: dict[str, Any]) -> Tenant:
        """Raises Http404, Conflict."""
        lease = held_lease(self.speaking(worker, said), camera)
        if lease.epoch != said["epoch"]:
            raise Conflict(f"The camera is not at epoch {said['epoch']}.")
        return lease.tenant


class EdgeRecordViewSet(EdgeView):
    """Records of tracks; a repeated record is kept once."""

    permission = "workers.run_cameras"
    body_limit = RECORD_LIMIT
    bodies = {"record": RecordBody}
    answers = {"record": {204: None}}
    further_problems = (*EdgeView.further_problems, "412", "422")

    def record(self, request: Request, worker: str, camera: UUID) -> Response:
        """Record a track, under a lease that the worker holds, or held when the track became known.

        409: another worker held the camera by then. 412: its lease has expired; a record with `known_at` does
        not need a present lease. 422: the record can never be saved as it is.
        """
        said = self.said(request)
        speaker = self.speaking(worker, said)
        grant = grant_of(speaker, camera, said["epoch"])
        if said["known_at"] is None:
            _require_lease(speaker, grant)
        try:
            _keep(grant, said)
        except StaleEpoch:
            raise Conflict("Another worker held the camera by then: this record does not count.") from None
        except (DatabaseError, ValueError, TypeError) as error:
            log.exception("a record of camera %s cannot be saved", camera)
            raise Unprocessable(f"The record cannot be saved ({type(error).__name__}).") from None
        return Response(status=204)


class EdgePeopleViewSet(EdgeView):
    """The people of a tenant of which the worker holds a camera."""

    permission = "workers.run_cameras"
    bodies = {"tuning": PackBody, "known": VersionBody, "visitors": FaceBody}
    answers = {
        "tuning": {200: TuningBody},
        "known": {200: KnownBody, 204: None},
        "visitors": {200: FoundBody},
    }

    def tuning(self, request: Request, worker: str, tenant: UUID) -> Response:
        """The tenant's matching thresholds for a model pack."""
        said = self.said(request)
        watched = watched_tenant(self.speaking(worker, said), tenant)
        return Response(TuningBody(DIRECT_RUN_CLIENT.tuning(watched, said["pack"])).data)

    def known(self, request: Request, worker: str, tenant: UUID) -> Response:
        """The staff, one template each; 204 if `version` is still the present one. Ask once a second."""
        said = self.said(request)
        watched = watched_tenant(self.speaking(worker, said), tenant)
        known = DIRECT_RUN_CLIENT.known(watched, said["pack"], said["version"])
        if known is None:
            return Response(status=204)
        denied = [{"person": person, "templates": as_text(faces)} for person, faces in known.denied.items()]
        facts = {"version": known.version, "people": known.people, "templates": as_text(known.templates)}
        return Response(KnownBody(facts | {"denied": denied}).data)

    def visitors(self, request: Request, worker: str, tenant: UUID) -> Response:
        """The nearest visitors who may be known at a site; none while the index cannot be searched."""
        said = self.said(request)
        watched = watched_tenant(self.speaking(worker, said), tenant, said["site"])
        found = DIRECT_RUN_CLIENT.visitors(watched, said["template"], said["pack"], said["site"])
        people = [{"person": one.identity, "score": one.score} for one in found]
        return Response(FoundBody({"found": people}).data)


def _admitting(text: str, worker: Worker, camera: UUID) -> Ticket | None:
    """The ticket, if it lets the worker see that camera; it may be used up."""
    ticket = ticket_of(text, worker.name) if text else None
    return ticket if ticket and ticket.camera == camera and ticket.operation in LOOKS else None


def _asked_for(ticket: Ticket) -> Tenant:
    """Raises Http404 if it was deleted."""
    rows: QuerySet[Tenant] = Tenant.objects.all()
    return get_or_404(rows, CAMERA_DELETED, pk=ticket.tenant)


def _require_lease(worker: Worker, grant: LeaseGrant) -> None:
    """A new track needs the present lease. Raises Conflict, RunOut."""
    try:
        held = held_lease(worker, grant.camera_id)
    except Http404:
        held = None
    if held is None or held.epoch != grant.epoch:
        raise Conflict("Another worker holds the camera now: this record does not count.")


def _keep(grant: LeaseGrant, said: dict[str, Any]) -> None:
    """Limits the times that the worker reports: nothing is known before the grant, or seen long after it was
    known. The matching threshold is always the installation's own, not the worker's.

    Raises Unavailable, StaleEpoch, and what the database does.
    """
    known_at = said.pop("known_at")
    facts = TrackFacts(camera=grant.camera_id, **said)
    link = DIRECT_RUN_CLIENT.match_threshold(grant.tenant, facts.pack)
    if known_at is None:
        DIRECT_RUN_CLIENT.record(grant.tenant, TrackRecord(grant.tenant_id, facts, link, grant.granted_at))
        return
    known_at = max(known_at, grant.granted_at)
    seen = put_right(TimeSpan(facts.started_at, facts.last_seen_at), known_at)
    facts = replace(facts, started_at=seen.started_at, last_seen_at=seen.last_seen_at)
    DIRECT_RUN_CLIENT.deliver(TrackRecord(grant.tenant_id, facts, link, known_at))
