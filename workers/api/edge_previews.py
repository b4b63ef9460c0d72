"""Live pictures and answers of a worker at the edge, on the public host.

A worker does not write these into Redis itself: these endpoints check its lease, or the ticket of the
request that it answers.
"""

from uuid import UUID

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.rest.problems import Conflict
from workers.api.bodies import ProcessBody
from workers.api.edge import EdgeView
from workers.api.edge_runs import RECORD_LIMIT
from workers.api.preview_bodies import AnswerBody, PictureBody, WatchedBody
from workers.fleet.queries import held_by, held_lease
from workers.process.clients.ticket import spend, ticket_of
from workers.process.sinks import pictures
from workers.process.sinks.answers import Answer, key_of, reply


class EdgePreviewViewSet(EdgeView):
    """Live pictures of the cameras that a worker holds, and answers to requests."""

    permission = "workers.run_cameras"
    body_limit = RECORD_LIMIT
    bodies = {"watched": ProcessBody, "picture": PictureBody, "answer": AnswerBody}
    answers = {"watched": {200: WatchedBody}, "picture": {204: None}, "answer": {204: None}}
    further_problems = (*EdgeView.further_problems, "412")

    def watched(self, request: Request, worker: str) -> Response:
        """The cameras it holds that are being watched now. Ask once a second."""
        speaker = self.speaking(worker, self.said(request))
        held = held_by(speaker).values_list("tenant_id", "camera_id")
        cameras = pictures.watched_among(list(held))
        return Response(WatchedBody({"cameras": cameras}).data)

    def picture(self, request: Request, worker: str, camera: UUID) -> Response:
        """Send the newest picture of a camera that it holds, while the camera is being watched."""
        said = self.said(request)
        lease = held_lease(self.speaking(worker, said), camera)
        if lease.epoch != said["epoch"]:
            raise Conflict(f"The camera is not at epoch {said['epoch']}.")
        pictures.keep(lease.tenant_id, camera, said["picture"])
        return Response(status=204)

    def answer(self, request: Request, worker: str) -> Response:
        """Answer a request that was sent to this worker: once, and before the request expires."""
        said = self.said(request)
        speaker = self.speaking(worker, said)
        ticket = ticket_of(said.pop("ticket"), speaker.name)
        if ticket is None or not spend(ticket, "answer"):
            raise Http404("No request waits for this answer of this worker.")
        picture = said.pop("picture") or b""
        reply(key_of(ticket.request), Answer(worker=speaker.name, picture=picture, **said))
        return Response(status=204)
