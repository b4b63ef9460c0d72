"""What people ask of a camera's worker, answered by real workers over the real broker."""

from __future__ import annotations

import time

from tests.chaos.camera import Camera
from tests.chaos.fleet import Fleet, wait_for
from tests.chaos.results import Result


def operations(fleet: Fleet) -> Result:
    """Test, snapshot, live picture and restart of a camera that runs; tests of a stopped and a dead one."""
    from cameras.actions import set_enabled
    from tenants.isolation.context import inside
    from workers.control.operations import ask
    from workers.process.sinks import pictures
    from workers.process.sinks.answers import Operation

    fleet.start_workers()
    with Camera(first_person=4001) as source:
        camera = fleet.camera("Asked", source.url)
        wait_for(lambda: fleet.records(camera), 60, "the camera to record")
        answers: dict[str, bool] = {}
        seconds: dict[str, float] = {}

        def asked(name: str, operation: Operation, *, well: bool = True) -> None:
            began = time.monotonic()
            with inside(fleet.tenant):
                answer = ask(operation, fleet.row(camera))
            seconds[name] = round(time.monotonic() - began, 2)
            pictured = operation is Operation.RESTART or answer.picture[:2] == b"\xff\xd8"
            answers[name] = answer.ok is well and (pictured or not well)

        asked("test while it runs", Operation.TEST)
        asked("snapshot", Operation.SNAPSHOT)
        pictures.watch(fleet.tenant.pk, [camera])
        seconds["live picture"] = wait_for(
            lambda: pictures.live(fleet.tenant.pk, camera), 10, "a live picture"
        )
        epoch = fleet.row(camera).epoch
        asked("restart", Operation.RESTART)
        wait_for(lambda: fleet.records(camera, after_epoch=epoch), 30, "the camera to begin anew")
        with inside(fleet.tenant):
            set_enabled(camera=fleet.row(camera), enabled=False, by=None)
        seconds["stop"] = wait_for(lambda: fleet.lease(camera).worker is None, 10, "the lease to be given up")
        asked("test while it is stopped", Operation.TEST)
        source.kill()
        asked("test of a dead camera", Operation.TEST, well=False)
    detail = {"seconds": seconds, "failed": [name for name, well in answers.items() if not well]}
    return Result("operations asked of workers", len(answers), detail=detail).judged(
        holds=all(answers.values())
    )
