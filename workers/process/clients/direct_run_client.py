"""The client of runs on the installation's own machines; the API of workers at the edge uses it, too."""

import logging
from uuid import UUID

from django.utils import timezone

from cameras.actions import end_run, report_run
from cameras.models import Camera
from cameras.queries import stored_login
from staff.gallery import enrolled_faces, gallery_version, other_packs, tenants_thresholds
from staff.models import MatchThresholds
from tenants.isolation.context import inside
from tenants.models import Tenant
from visits.index import IndexUnavailable, nearest_visitors, rejected_faces
from visits.live_events import record_camera_event
from visits.rules import outweighs
from workers.fleet.leases import note_source
from workers.process.clients.camera_settings import CameraSettings, polygons
from workers.process.clients.run_client import RunReport, StaffGallery, TenantThresholds
from workers.process.sinks import outage, pictures
from workers.process.sinks.answers import Answer, reply
from workers.process.sinks.sighting_store import TenantSightingStore
from workers.recognition.config import Thresholds
from workers.recognition.models.catalogue import PACKS
from workers.recognition.stages.embed import templates_of
from workers.recognition.types import Candidate, Floats

log = logging.getLogger(__name__)


class DirectRunClient(TenantSightingStore):
    """Reads and writes PostgreSQL, and searches the index."""

    def camera_settings(self, tenant: Tenant, camera_id: UUID, ticket: str = "") -> CameraSettings | None:
        with outage.noticed(), inside(tenant):
            camera = Camera.objects.select_related("site").filter(pk=camera_id).first()
            return _camera_settings(tenant, camera) if camera else None

    def tuning(self, tenant: Tenant, pack: str) -> TenantThresholds:
        with outage.noticed(), inside(tenant):
            own = tenants_thresholds(pack)
            return TenantThresholds(
                own=Thresholds(match=own.link, review=own.review, margin=own.margin) if own else None,
                others=other_packs(pack),
            )

    def known(self, tenant: Tenant, pack: str, version: int) -> StaffGallery | None:
        with outage.noticed(), inside(tenant):
            return (
                None if gallery_version() == version else _known(pack, _match(tenants_thresholds(pack), pack))
            )

    def visitors(self, tenant: Tenant, template: Floats, pack: str, site: UUID | None) -> list[Candidate]:
        try:
            with outage.noticed(), inside(tenant):
                matches = nearest_visitors(tenant, template, pack, site=site)
        except IndexUnavailable as error:
            log.warning("visitors of %s cannot be compared now: %s", tenant, error)
            return []
        return [Candidate(identity=str(match.person), score=match.score) for match in matches]

    def report(self, tenant: Tenant, said: RunReport) -> bool:
        with outage.noticed(), inside(tenant):
            goes_on = report_run(
                camera_id=said.camera,
                epoch=said.epoch,
                status=Camera.Status(said.status),
                now=timezone.now(),
                detail=said.detail,
                started_at=said.started_at,
                last_frame_at=said.last_frame_at,
                picture_problem=said.picture_problem,
                lost_frames=said.lost_frames,
            )
            if goes_on and said.news:
                _note_source(said)
                record_camera_event(camera_id=said.camera)
            return goes_on

    def end(self, tenant: Tenant, said: RunReport) -> None:
        with outage.noticed(), inside(tenant):
            end_run(
                camera_id=said.camera,
                epoch=said.epoch,
                status=Camera.Status(said.status),
                now=timezone.now(),
                detail=said.detail,
                lost_frames=said.lost_frames,
            )
            _note_source(said)
            record_camera_event(camera_id=said.camera)

    def watched(self, tenant: Tenant, camera: UUID) -> bool:
        return pictures.is_watched(tenant.pk, camera)

    def show(self, tenant: Tenant, camera: UUID, epoch: int, picture: bytes) -> None:
        pictures.keep(tenant.pk, camera, picture)

    def answer(self, key: str, ticket: str, answer: Answer) -> None:
        reply(key, answer)

    def match_threshold(self, tenant: Tenant, pack: str) -> float:
        """The similarity from which two templates of the tenant count as one person."""
        with outage.noticed(), inside(tenant):
            return _match(tenants_thresholds(pack), pack)


DIRECT_RUN_CLIENT = DirectRunClient()


def _note_source(said: RunReport) -> None:
    """A camera that is only being opened reports nothing about its source."""
    if said.status in (Camera.Status.RUNNING, Camera.Status.ERROR):
        fails = said.status == Camera.Status.ERROR
        note_source(camera_id=said.camera, epoch=said.epoch, fails=fails)


def _camera_settings(tenant: Tenant, camera: Camera) -> CameraSettings:
    login = stored_login(camera.pk)
    return CameraSettings(
        site=camera.site_id,
        owner=tenant.schema_name,
        kind=camera.kind,
        location=camera.location,
        username=login.username or "",
        password=login.password or "",
        loop=camera.loop,
        exclusive=camera.exclusive,
        host=camera.host,
        networks=tuple(str(network) for network in camera.site.open_networks()),
        turn=camera.turn,
        mirrored=camera.mirrored,
        pixel_aspect=camera.pixel_aspect,
        detector=camera.detector,
        fps=camera.fps,
        analysed_side=camera.analysed_side,
        min_face=camera.min_face,
        zones=polygons(camera.zones),
        masks=polygons(camera.masks),
        wanted=camera.enabled,
    )


def _match(own: MatchThresholds | None, pack: str) -> float:
    return own.link if own else PACKS[pack].thresholds.match


def _known(pack: str, match: float) -> StaffGallery:
    """One template per person, and the rejections that count. Called in the tenant."""
    faces = enrolled_faces(pack)
    names = [str(member) for member in faces.people]
    people, templates = templates_of(names, faces.embeddings, faces.qualities)
    denied = {}
    for person, rejected in rejected_faces(pack).items():
        if person in people:
            pictures_of = faces.embeddings[[row for row, name in enumerate(names) if name == person]]
            counting = rejected[outweighs(rejected, pictures_of, templates[people.index(person)], match)]
            if len(counting):
                denied[person] = counting
    return StaffGallery(faces.version, people, templates, denied)
