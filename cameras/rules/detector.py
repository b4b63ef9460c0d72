"""Which detectors a camera can name."""

from workers.recognition.models.catalogue import DETECTORS

DLIB = "dlib"
"""The detector that the pack of this name brings."""


def detector_problem(name: str) -> str | None:
    """Why `name` is no detector of the catalogue; empty for the installation's own."""
    if not name or name in DETECTORS or name == DLIB:
        return None
    return f"There is no detector “{name[:30]}”. Choose {', '.join([*sorted(DETECTORS), DLIB])}, or none."
