"""What OpenCV knows about an opened source."""

from typing import Any

import cv2


def facts_of(capture: cv2.VideoCapture) -> dict[str, Any]:
    """Codec (its four letters, empty if unknown), width, height, and the announced frame rate."""
    letters = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True)
    return {
        "codec": "".join(chr(letter) for letter in letters if 32 < letter < 127),
        "width": int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        "height": int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        "fps": round(max(0.0, float(capture.get(cv2.CAP_PROP_FPS))), 3),
    }
