"""Quality: how well a face can be recognised, from its size, turn, sharpness and the detector's doubt.

The limits were read off 208 portraits (AT&T and press pictures, blurred and shrunk step by step until
genuine similarities fell) and off clips of people seen from behind, from the side and far away.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from workers.types import Face, Floats, Picture, Quality

FULL_WIDTH = 80.0  # pixels; wider faces are no better recognised
FRONTAL_EYES = 0.866  # eye distance over eye-to-mouth distance of the ArcFace template
LEAST_OPENNESS = 0.42  # about 55 degrees of yaw: genuine similarities sink among those of strangers
LEAST_SHARPNESS = 0.2  # a blur of 3 pixels at 112 x 112 costs a third of the genuine similarity
FULL_SHARPNESS = 0.5
DOUBT_OF_PROFILES = 0.25  # detectors take ears and collars for profiles: these have to score that much higher
TOLERANCE = 0.1  # landmarks may lie that part of a side outside the box
MOST_OUTSIDE = 0.15  # part of the box that the frame's edge may cut off
MOST_TILT = 50.0  # degrees


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
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    axis = mouth - eyes
    length = float(np.linalg.norm(axis))
    if length < 1e-3:
        return Pose(openness=0.0, nose=0.0, tilt=0.0)
    down = axis / length
    right = np.array([down[1], -down[0]])
    return Pose(
        openness=float((landmarks[1] - landmarks[0]) @ right) / length / FRONTAL_EYES,
        nose=float((landmarks[2] - eyes) @ down) / length,
        tilt=float(np.degrees(np.arctan2(-down[0], down[1]))),
    )


def sharpness_of(crop: Picture) -> float:
    """Fine structure against contrast in the middle of an aligned crop; 0.5 and more is sharp.

    Half resolution keeps noise and compression out; dividing by the contrast keeps dark pictures in.
    """
    side = crop.shape[0]
    rows, columns = slice(side // 7, side - side // 14), slice(side * 5 // 28, side * 23 // 28)
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[rows, columns].astype(np.float32)
    half = cv2.resize(grey, None, fx=56 / side, fy=56 / side, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(half, cv2.CV_32F).std() / (half.std() + 8.0))


def implausible(face: Face, pose: Pose) -> str | None:
    """Why the landmarks cannot be those of an upright face, or None."""
    low, high = face.box[:2], face.box[2:]
    slack = (high - low) * TOLERANCE
    if (face.landmarks < low - slack).any() or (face.landmarks > high + slack).any():
        return "its landmarks lie outside its box"
    if not 0.15 < pose.nose < 0.9:
        return "its landmarks do not form a face"
    if abs(pose.tilt) > MOST_TILT:
        return "it is tilted too far"
    return None


def cut_off(box: Floats, frame_width: int, frame_height: int) -> float:
    """The part of the box that lies outside the frame, 0..1."""
    width, height = box[2:] - box[:2]
    seen_width = min(box[2], frame_width) - max(box[0], 0)
    seen_height = min(box[3], frame_height) - max(box[1], 0)
    whole = max(float(width * height), 1e-6)
    return 1.0 - max(0.0, float(seen_width)) * max(0.0, float(seen_height)) / whole


def flaws(face: Face, frame_size: tuple[int, int], *, least_width: float, sure: float) -> tuple[str, ...]:
    """Reasons to refuse a face that need no pixels, worst first; empty for a usable one.

    `frame_size` is (width, height); `sure` is the detector's score from which a frontal face is certain.
    """
    pose = pose_of(face.landmarks)
    found = []
    width = float(face.box[2] - face.box[0])
    if width < least_width:
        found.append(f"it is too small ({width:.0f} pixels wide, {least_width:.0f} needed)")
    if (reason := implausible(face, pose)) is not None:
        found.append(reason)
    if cut_off(face.box, *frame_size) > MOST_OUTSIDE:
        found.append("it is cut off by the edge of the picture")
    if pose.openness < LEAST_OPENNESS:
        found.append("it is turned too far away")
    needed = min(0.99, sure * (1.0 + DOUBT_OF_PROFILES * max(0.0, 1.0 - pose.openness)))
    if face.score < needed:
        found.append(f"the detector is not sure ({face.score:.2f})")
    return tuple(found)


def assess(
    face: Face,
    crop: Picture,
    frame_size: tuple[int, int],
    *,
    least_width: float,
    sure: float,
    least_sharpness: float = LEAST_SHARPNESS,
) -> Quality:
    """The quality of a face whose aligned crop is `crop`: as good as its weakest side."""
    reasons = flaws(face, frame_size, least_width=least_width, sure=sure)
    sharpness = sharpness_of(crop)
    if sharpness < least_sharpness:
        reasons += (f"it is too blurred (sharpness {sharpness:.2f}, {least_sharpness:.2f} needed)",)
    width = float(face.box[2] - face.box[0])
    sides = (
        (width - least_width / 2) / (FULL_WIDTH - least_width / 2),
        (pose_of(face.landmarks).openness - 0.25) / 0.75,
        (sharpness - LEAST_SHARPNESS / 2) / (FULL_SHARPNESS - LEAST_SHARPNESS / 2),
    )
    return Quality(score=float(np.clip(min(sides), 0.0, 1.0)), reasons=reasons)
