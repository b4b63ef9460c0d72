"""Whether a face is upright.

Detectors also find faces that lie on their side or stand on their head. They were trained on upright ones,
and put the five landmarks where those of an upright face would be, so that their geometry cannot tell. But
they are surer of the same face once it is upright.
"""

from __future__ import annotations

import cv2
import numpy as np

from workers.recognition.orientation import QuarterTurn, turned
from workers.recognition.types import Detector, Face, Picture

TILE = 96  # pixels of a face with what is around it; at 72 more faces that are tilted by 30 degrees are lost
COLUMNS = 3  # of tiles in the picture that the detector gets
ANGLES = tuple(range(0, 360, 45))  # with quarters alone, one of 13 faces turned by 225 degrees seemed upright
TOLERANCE = (
    0.05  # by which a tilted position may score higher: 25 of 25 heads tilted by 15 degrees pass, 20 by 30
)
AROUND = 1.8  # sides of the face's box in a tile
NEAR = 0.25  # part of a tile by which the centre of the same face may be off
MAX_FACES = 5  # of a picture
MIN_WIDTH = 0.25  # part of a tile from which a detection is the face itself, and no part of it


UNCLEAR = "it is not clear which way up it is"
HINTS = {
    QuarterTurn.RIGHT: "by 90 degrees to the right",
    QuarterTurn.HALF: "by 180 degrees",
    QuarterTurn.LEFT: "by 90 degrees to the left",
}


def needed_turn(detector: Detector, picture: Picture, face: Face) -> QuarterTurn | None:
    """How the picture has to be turned for this face to be upright; None if no quarter turn makes it so.

    A head may be tilted by 30 degrees. Eight positions are looked at in one detection, unless the detector
    finds upright faces only.
    """
    if detector.upright_only:
        return QuarterTurn.NONE
    scores = _scores(detector, _tile(picture, face))
    quarters = {turn: scores[turn] for turn in QuarterTurn}
    best = max(quarters, key=lambda turn: quarters[turn])  # the first of equals: upright
    tilted = max(scores[angle] for angle in ANGLES if angle % 90)
    return best if quarters[best] > max(0.0, tilted - TOLERANCE) else None


def _scores(detector: Detector, tile: Picture) -> dict[int, float]:
    """The detector's score of the face in a tile, by the angle that the tile was turned."""
    tiles = [_tilted(tile, angle) for angle in ANGLES] + [np.zeros_like(tile)]
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    scores = dict.fromkeys(ANGLES, 0.0)
    for found in detector.detect(np.ascontiguousarray(np.vstack(rows))):
        x, y = ((found.box[:2] + found.box[2:]) / 2 / TILE).tolist()
        place = int(y) * COLUMNS + int(x)
        off = max(abs(x % 1 - 0.5), abs(y % 1 - 0.5))
        wide = float(found.box[2] - found.box[0]) >= MIN_WIDTH * TILE
        if 0 <= place < len(ANGLES) and off <= NEAR and wide:
            angle = ANGLES[place]
            scores[angle] = max(scores[angle], found.score)
    return scores


def _tilted(tile: Picture, angle: int) -> Picture:
    if angle % 90 == 0:
        return turned(tile, QuarterTurn(angle))
    matrix = cv2.getRotationMatrix2D(((TILE - 1) / 2, (TILE - 1) / 2), -angle, 1.0)
    return np.asarray(cv2.warpAffine(tile, matrix, (TILE, TILE)), dtype=np.uint8)


def suggested_turn(detector: Detector, picture: Picture, sure: float) -> QuarterTurn:
    """How to turn a camera's pictures so that most faces in this one are upright.

    `sure`: the score from which a face counts.
    """
    upright = dict.fromkeys(QuarterTurn, 0)
    for turn in QuarterTurn:
        shown = turned(picture, turn)
        faces = [face for face in detector.detect(shown) if face.score >= sure][:MAX_FACES]
        upright[turn] = sum(needed_turn(detector, shown, face) is QuarterTurn.NONE for face in faces)
    return max(upright, key=lambda turn: upright[turn])  # the first of equals: as it is


def _tile(picture: Picture, face: Face) -> Picture:
    """The face in the middle of a square, black where it leaves the picture."""
    height, width = picture.shape[:2]
    half = max(1.0, float(max(face.box[2:] - face.box[:2])) * AROUND / 2)
    x, y = ((face.box[:2] + face.box[2:]) / 2).tolist()
    left, top, right, bottom = (round(v) for v in (x - half, y - half, x + half, y + half))
    seen = picture[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    if not seen.size:
        return np.zeros((TILE, TILE, 3), dtype=np.uint8)
    square = cv2.copyMakeBorder(
        seen,
        max(0, -top),
        max(0, bottom - height),
        max(0, -left),
        max(0, right - width),
        cv2.BORDER_CONSTANT,
        value=(0, 0, 0),
    )
    method = cv2.INTER_AREA if square.shape[0] > TILE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (TILE, TILE), interpolation=method), dtype=np.uint8)
