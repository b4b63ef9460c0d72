"""How well a face can be recognised, from its size, turn, sharpness and the detector's score.

The limits were read off 208 portraits (AT&T and press pictures, blurred and shrunk step by step until
genuine similarities fell) and off clips of people seen from behind, from the side and far away.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, hypot

import cv2
import numpy as np

from workers.recognition.types import Face, Floats, Picture, Quality

FULL_WIDTH = 80.0  # pixels; wider faces are not recognised better
FRONTAL_EYES = 0.866  # eye distance over eye-to-mouth distance of the ArcFace template
MIN_OPENNESS = 0.42  # about 55 degrees of yaw: genuine similarities sink among those of strangers
MIN_SHARPNESS = 0.2  # a blur of 3 pixels at 112 x 112 costs a third of the genuine similarity
FULL_SHARPNESS = 0.5
DOUBT_OF_PROFILES = 0.25  # detectors take ears and collars for profiles: these have to score that much higher
TOLERANCE = 0.1  # landmarks may lie that part of a side outside the box
MAX_OUTSIDE = 0.15  # part of the box that the frame's edge may cut off
MAX_TILT = 50.0  # degrees
MIN_LIGHT, MAX_LIGHT = 12.0, 242.0  # mean grey level: below and above, the features are gone
MIN_CONTRAST = 5.0  # standard deviation of the grey levels; a face in ordinary light has 30 and more
FULL_CONTRAST = 12.0


@dataclass(frozen=True, slots=True)
class Pose:
    """The geometry of five landmarks, independent of roll and scale.

    `openness` is 1 for a frontal face and sinks towards 0 in profile; `nose` is the height of the nose
    tip between the eyes (0) and the mouth (1); `tilt` is the roll in degrees.
    """

    openness: float
    nose: float
    tilt: float


def pose_of(landmarks: Floats) -> Pose:
    """Raises nothing: landmarks that coincide give an openness of 0."""
    # Plain numbers: arrays of two take five times as long, and this runs for every face of every frame.
    (lx, ly), (rx, ry), (nx, ny), (mx, my), (wx, wy) = landmarks.tolist()
    eye_x, eye_y = (lx + rx) / 2, (ly + ry) / 2
    axis_x, axis_y = (mx + wx) / 2 - eye_x, (my + wy) / 2 - eye_y
    length = hypot(axis_x, axis_y)
    if length < 1e-3:
        return Pose(openness=0.0, nose=0.0, tilt=0.0)
    down_x, down_y = axis_x / length, axis_y / length
    return Pose(
        openness=((rx - lx) * down_y - (ry - ly) * down_x) / length / FRONTAL_EYES,
        nose=((nx - eye_x) * down_x + (ny - eye_y) * down_y) / length,
        tilt=degrees(atan2(-down_x, down_y)),
    )


def sharpness_of(crop: Picture) -> float:
    """Fine structure against contrast in the middle of an aligned crop; 0.5 and more is sharp.

    Half resolution removes noise and compression; dividing by the contrast makes dark pictures comparable.
    """
    side = crop.shape[0]
    rows, columns = slice(side // 7, side - side // 14), slice(side * 5 // 28, side * 23 // 28)
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[rows, columns].astype(np.float32)
    half = cv2.resize(grey, None, fx=56 / side, fy=56 / side, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(half, cv2.CV_32F).std() / (half.std() + 8.0))


def light_of(crop: Picture) -> tuple[float, float]:
    """The mean grey level of the middle of an aligned crop and the standard deviation there, 0..255."""
    side = crop.shape[0]
    rows, columns = slice(side // 5, side - side // 8), slice(side // 5, side - side // 5)
    mean, deviation = cv2.meanStdDev(cv2.cvtColor(crop[rows, columns], cv2.COLOR_BGR2GRAY))
    return float(mean[0, 0]), float(deviation[0, 0])


def implausible(face: Face, pose: Pose) -> str | None:
    """Why the landmarks cannot be those of an upright face, or None."""
    x1, y1, x2, y2 = face.box.tolist()
    slack_x, slack_y = (x2 - x1) * TOLERANCE, (y2 - y1) * TOLERANCE
    for x, y in face.landmarks.tolist():
        if not (x1 - slack_x <= x <= x2 + slack_x and y1 - slack_y <= y <= y2 + slack_y):
            return "its landmarks lie outside its box"
    if not 0.15 < pose.nose < 0.9:
        return "its landmarks do not form a face"
    if abs(pose.tilt) > MAX_TILT:
        return "it is tilted too far"
    return None


def cut_off(box: Floats, frame_width: int, frame_height: int) -> float:
    """The part of the box that lies outside the frame, 0..1."""
    x1, y1, x2, y2 = box.tolist()
    seen_width = min(x2, frame_width) - max(x1, 0.0)
    seen_height = min(y2, frame_height) - max(y1, 0.0)
    whole = max((x2 - x1) * (y2 - y1), 1e-6)
    return float(1.0 - max(0.0, seen_width) * max(0.0, seen_height) / whole)


def hidden(landmarks: Floats, frame_size: tuple[int, int]) -> int:
    """How many of the five landmarks lie outside the frame: that part of the face is not visible."""
    width, height = frame_size
    return sum(not (0 <= x < width and 0 <= y < height) for x, y in landmarks.tolist())


def best_possible_quality(
    face: Face, frame_size: tuple[int, int], *, min_width: float, sure: float
) -> Quality:
    """What is known of a face without its pixels: its flaws, worst first, and the best quality it can have.

    `frame_size` is (width, height); `sure` is the detector's score from which a frontal face is certain.
    """
    pose = pose_of(face.landmarks)
    found = []
    width = float(face.box[2] - face.box[0])
    if width < min_width:
        found.append(f"it is too small ({width:.0f} pixels wide, {min_width:.0f} needed)")
    if (reason := implausible(face, pose)) is not None:
        found.append(reason)
    if (parts := hidden(face.landmarks, frame_size)) > 0:
        found.append(f"part of it is hidden ({parts} of 5 landmarks)")
    if cut_off(face.box, *frame_size) > MAX_OUTSIDE:
        found.append("it is cut off by the edge of the picture")
    if pose.openness < MIN_OPENNESS:
        found.append("it is turned too far away")
    needed = min(0.99, sure * (1.0 + DOUBT_OF_PROFILES * max(0.0, 1.0 - pose.openness)))
    if face.score < needed:
        found.append(f"the detector is not sure ({face.score:.2f})")
    best = min((width - min_width / 2) / (FULL_WIDTH - min_width / 2), (pose.openness - 0.25) / 0.75)
    return Quality(score=min(1.0, max(0.0, best)), reasons=tuple(found))


def assess(
    face: Face,
    crop: Picture,
    frame_size: tuple[int, int],
    *,
    min_width: float,
    sure: float,
    min_sharpness: float = MIN_SHARPNESS,
) -> Quality:
    """The quality of a face whose aligned crop is `crop`: as good as its weakest side."""
    seen = best_possible_quality(face, frame_size, min_width=min_width, sure=sure)
    reasons, sharpness, (light, contrast) = seen.reasons, sharpness_of(crop), light_of(crop)
    if light < MIN_LIGHT or contrast < MIN_CONTRAST:
        reasons += (f"it is too dark (brightness {light:.0f} of 255, contrast {contrast:.0f})",)
    elif light > MAX_LIGHT:
        reasons += (f"it is overexposed (brightness {light:.0f} of 255)",)
    if sharpness < min_sharpness:
        reasons += (f"it is too blurred (sharpness {sharpness:.2f}, {min_sharpness:.2f} needed)",)
    sides = (
        seen.score,
        (sharpness - MIN_SHARPNESS / 2) / (FULL_SHARPNESS - MIN_SHARPNESS / 2),
        contrast / FULL_CONTRAST,
    )
    return Quality(score=float(np.clip(min(sides), 0.0, 1.0)), reasons=reasons)
