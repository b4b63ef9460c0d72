"""The demo itself: prepares a customer, starts web, worker and beat, reports who is recognised."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from django.conf import settings
from django.core.management import call_command
from rich.console import Console
from rich.table import Table

from cameras.actions import save_camera, save_site, set_enabled
from cameras.models import Camera, Site
from cameras.queries import get_camera
from facetrack.demo.clip import make_clip
from facetrack.demo.enrolment import enrolment_pictures
from facetrack.demo.report import Report, Seen, compare
from facetrack.demo.truth import DemoTruth
from facetrack.devservices import ensure
from facetrack.devservices.process_group import ProcessGroup, manage, process_group
from tenants.access.rights import whole_tenant
from tenants.actions import add_member, create_tenant, ensure_public
from tenants.isolation.context import inside
from tenants.models import Tenant, User
from tenants.rules import Role
from visits.models import Sighting, SightingDecision, Visit
from visits.queries import event_of, live_cursor, missed, visits
from workers.lab.clips import write

HOST = "acme.localhost"
ADMIN = "admin@acme.localhost"
REENTRY_SECONDS = 5
PATIENCE_SECONDS = 300.0


class Show:
    """One run of the demo. `run` returns whether the truth was met; without `once` it ends with Ctrl-C."""

    def __init__(self, *, once: bool, port: int, say: Callable[[str], None]) -> None:
        self._once, self._port, self._say = once, port, say
        self._var: Path = settings.VAR_DIR
        self._began = time.monotonic()

    def run(self) -> bool:
        with ThreadPoolExecutor(1) as pool, process_group(logs=self._var / "log", say=self._say) as members:
            clip = pool.submit(self._clip)
            tenant = self._customer()
            members.add("worker", manage("worker"))  # loads its models while staff are enrolled
            members.add("web", manage("web", "--port", str(self._port)))
            self._enrol(tenant)
            path, truth = clip.result()
            with inside(tenant):
                camera = self._camera(path)
            members.add("beat", manage("beat"))
            self._wait_for_web(members)
            with inside(tenant):
                cursor = live_cursor(whole_tenant())
                set_enabled(camera=camera, enabled=True, by=None)
            self._say(f"{time.monotonic() - self._began:.0f} s: the camera plays. Recognised visits:")
            self._watch(tenant, camera, cursor, members)
            seconds = time.monotonic() - self._began
        with inside(tenant):
            return self._tell(self._report(camera, truth, seconds))

    def _clip(self) -> tuple[Path, DemoTruth]:
        """The clip and its truth, made once for each state of the code that makes it."""
        sources = [*sorted(Path(__file__).parent.glob("*.py")), Path(write.__file__)]
        maker = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
        path = settings.FACETRACK_CLIP_DIR / f"entrance-{maker}.mp4"
        told = path.with_suffix(".json")
        if path.exists() and told.exists():
            return path, DemoTruth.from_json(told.read_text())
        path.parent.mkdir(parents=True, exist_ok=True)
        truth = make_clip(path)
        told.write_text(truth.to_json())
        return path, truth

    def _enrol(self, tenant: Tenant) -> None:
        self._say("Enrolling two members of staff ...")
        folder = self._var / "enrol"
        enrolment_pictures(folder)
        call_command("enrol", str(folder), tenant=tenant.name)

    def _customer(self) -> Tenant:
        self._say("Preparing the database ...")
        call_command("migrate_schemas", verbosity=0)
        ensure_public(host=settings.FACETRACK_PUBLIC_HOST)
        tenant = Tenant.objects.filter(schema_name="acme").first() or create_tenant(name="acme", host=HOST)
        password = secrets.token_urlsafe(9)
        user: User = add_member(tenant=tenant, email=ADMIN, role=Role.TENANT_ADMIN, password=password)
        user.set_password(password)
        user.save(update_fields=["password"])
        self._say(f"Log in at http://{HOST}:{self._port}/ as {ADMIN} with the password {password}")
        return tenant

    def _camera(self, path: Path) -> Camera:
        site = Site.objects.filter(name="Head office", archived_at=None).first() or save_site(
            site=Site(name="Head office", reentry_seconds=REENTRY_SECONDS), by=None
        )
        camera = Camera.objects.filter(name="Entrance", archived_at=None).first() or Camera(
            name="Entrance", site=site
        )
        camera.kind, camera.location = "file", str(path)
        camera.loop, camera.fps, camera.enabled = not self._once, 10.0, False
        return save_camera(camera=camera, by=None)

    def _wait_for_web(self, members: ProcessGroup) -> None:
        request = Request(f"http://127.0.0.1:{self._port}/login/", headers={"Host": HOST})
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urlopen(request, timeout=5) as answer:  # noqa: S310  loopback
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                members.restart_dead()
                time.sleep(0.3)
        raise RuntimeError(f"the web server does not answer; {self._var / 'log' / 'web.log'} says why")

    def _watch(self, tenant: Tenant, camera: Camera, cursor: str, members: ProcessGroup) -> None:
        """Print visits as they happen; with `once` until the clip has ended and everything is recorded."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        ended = False
        while True:
            with inside(tenant):
                cursor = self._tell_news(cursor)
                state = get_camera(whole_tenant(), camera.pk)
            if self._once and ended:
                return
            ended = state.status == Camera.Status.ENDED
            if self._once and state.status == Camera.Status.ERROR:
                self._say(f"The camera failed: {state.status_detail} See {self._var / 'log' / 'worker.log'}")
                return
            if self._once and time.monotonic() > deadline:
                self._say(
                    f"The clip did not end in {PATIENCE_SECONDS:g} s: {state.status} {state.status_detail}"
                )
                return
            ensure(self._var / "services")
            members.restart_dead()
            time.sleep(0.5)

    def _tell_news(self, cursor: str) -> str:
        access = whole_tenant()
        events = missed(access, event_of(access, cursor))
        if events is None:
            return live_cursor(access)
        for visit in sorted(events[0], key=lambda visit: visit.started_at):
            kind = "staff  " if visit.staff_member else "visitor"
            again = (
                ""
                if visit.staff_member or Visit.objects.filter(visitor=visit.visitor).count() == 1
                else ", back again"
            )
            at = time.monotonic() - self._began
            self._say(
                f"{at:5.0f} s  {kind}  {visit.person}{again}  (match {visit.score:.2f}, {visit.camera})"
            )
        return events[2]

    def _report(self, camera: Camera, truth: DemoTruth, seconds: float) -> Report:
        rows = list(Sighting.objects.select_related("staff_member", "visitor").defer("template"))
        per_visitor: dict[str, int] = {}
        for visit in visits(whole_tenant()).filter(visitor__isnull=False):
            per_visitor[str(visit.visitor_id)] = per_visitor.get(str(visit.visitor_id), 0) + 1
        return compare(
            truth,
            [
                Seen(
                    person=row.staff_member.name if row.staff_member else str(row.visitor_id or "") or None,
                    is_staff=row.decision == SightingDecision.STAFF,
                    started_at=row.started_at,
                    last_seen_at=row.last_seen_at,
                )
                for row in rows
            ],
            began_at=self._clip_began(camera),
            visits=Visit.objects.count(),
            visits_by_visitor=per_visitor,
            pack=settings.FACETRACK_PACK,
            seconds=seconds,
        )

    def _clip_began(self, camera: Camera) -> datetime:
        camera.refresh_from_db()
        if camera.started_at is None:
            raise RuntimeError(f"the camera {camera} did not start: see {self._var / 'log' / 'worker.log'}")
        return camera.started_at

    def _tell(self, report: Report) -> bool:
        path = self._var.parent / "report.json"
        path.write_text(json.dumps(report.as_dict(), indent=2) + "\n")
        table = Table("", "found", "expected", title="What was recognised, and what the clip shows")
        table.add_row("staff", str(report.staff_found), str(report.staff_expected))
        table.add_row("visitors", str(report.visitors_created), str(report.visitors_expected))
        table.add_row("visits", str(report.visits), str(report.visits_expected))
        table.add_row("visitors who came back", str(report.returning_found), str(report.returning_expected))
        table.add_row("false names", str(report.false_names), "0")
        table.add_row("unsure (for review)", str(report.unsure), "")
        Console().print(table)
        self._say(
            f"{'The truth was met' if report.met else 'THE TRUTH WAS MISSED'} in {report.seconds:g} s; {path}"
        )
        return report.met
