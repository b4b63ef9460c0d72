"""Leave for a worker to see a camera that it does not run: it is asked to test the camera."""

from uuid import UUID

from django.core import signing

SECONDS = 30
"""How long one counts: longer than anybody waits for the test."""
_SALT = "facetrack.ticket"


def ticket_for(worker: str, tenant: UUID, camera_id: UUID) -> str:
    """Good for this worker's own key only: whoever else reads it can do nothing with it."""
    return signing.dumps([worker, str(tenant), str(camera_id)], salt=_SALT)


def tenant_by(ticket: str, worker: str, camera_id: UUID) -> UUID | None:
    """The tenant of the camera that the ticket admits this worker to; None where it does not (any more)."""
    try:
        whom, tenant, camera = signing.loads(ticket, salt=_SALT, max_age=SECONDS)
        return UUID(tenant) if (whom, camera) == (worker, str(camera_id)) else None
    except (signing.BadSignature, ValueError, TypeError):
        return None
