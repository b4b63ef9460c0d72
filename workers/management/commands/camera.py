"""manage.py camera start|stop|restart|test|snapshot NAME --tenant acme: a camera from the command line."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cameras.actions import SourceTaken
from cameras.models import Camera
from facetrack.core.text import tidy_line
from tenants.isolation.context import inside
from tenants.queries import TenantMissing, customer
from workers.control import camera_control
from workers.control.operations import NoAnswer, ask
from workers.process.sinks.answers import Operation

ASKED = {"restart": Operation.RESTART, "test": Operation.TEST, "snapshot": Operation.SNAPSHOT}


class Command(BaseCommand):
    help = "Start or stop a camera, or send its worker a request."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["start", "stop", *ASKED])
        parser.add_argument("camera", help="its name or its id")
        parser.add_argument("--tenant", required=True, help="the customer's name")
        parser.add_argument(
            "--force",
            action="store_true",
            help="start: stop another camera of the customer that uses the same exclusive source",
        )
        parser.add_argument("--to", type=Path, default=Path("snapshot.jpg"), help="snapshot: the file")

    def handle(self, *args: Any, verb: str, camera: str, tenant: str, **options: Any) -> None:
        try:
            owner = customer(tenant)
            with inside(owner):
                found = _camera(camera)
                self._do(verb, found, options)
        except (TenantMissing, SourceTaken, NoAnswer) as error:
            raise CommandError(str(error)) from None

    def _do(self, verb: str, camera: Camera, options: dict[str, Any]) -> None:
        if verb in ("start", "stop"):
            self.stdout.write(self._switch(verb, camera, force=options["force"]))
            return
        restarts = verb == "restart"
        answer = camera_control.restart(camera=camera) if restarts else ask(ASKED[verb], camera)
        if not answer.ok:
            raise CommandError(answer.detail)
        facts = " ".join(f"{name}={value}" for name, value in answer.facts.items())
        self.stdout.write(f"{camera}, worker {answer.worker}: {answer.detail} {facts}".strip())
        if verb == "snapshot":
            options["to"].write_bytes(answer.picture)
            self.stdout.write(f"Saved to {options['to']}.")

    def _switch(self, verb: str, camera: Camera, *, force: bool) -> str:
        if verb == "stop":
            camera_control.stop(camera=camera, by=None)
            return f"{camera} is stopped."
        begun = camera_control.start(camera=camera, by=None, force=force)
        if begun is None:
            return f"{camera} is being assigned to a worker, and starts within seconds."
        if begun.status == Camera.Status.ERROR:
            raise CommandError(f"{camera} fails: {begun.status_detail}")
        return f"{camera} runs on worker {begun.worker}."


def _camera(given: str) -> Camera:
    """Raises CommandError if there is no such camera, or more than one."""
    name = tidy_line(given)
    found = [
        one
        for one in Camera.objects.filter(archived_at=None).select_related("site")
        if name in (str(one.pk), one.name)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"there are {len(found)} cameras named '{given}': give the id")
    known = ", ".join(Camera.objects.filter(archived_at=None).values_list("name", flat=True)) or "none yet"
    raise CommandError(f"there is no camera '{given}' (cameras: {known})")
