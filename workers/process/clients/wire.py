"""Encodes faces and pictures between a worker at the edge and the installation: base64 in JSON."""

from base64 import b64decode

import numpy as np

from workers.recognition.types import Floats

MAX_PICTURE = 2_000_000
"""Bytes. A larger picture is left out of the record."""
MAX_DETAIL = 1_000
"""Characters of a text answer."""


def from_text(text: str) -> Floats:
    """(N, 512). Raises ValueError."""
    return np.frombuffer(b64decode(text), dtype="<f4").reshape(-1, 512).astype(np.float32, copy=False)
