"""Portraits of people who do not exist, drawn with ellipses."""

from dataclasses import dataclass

import cv2
import numpy as np

from workers.recognition.types import Picture

SIDE = 256
TIMES = 4
"""Drawn so much larger, then reduced: smooth edges."""

Colour = tuple[int, int, int]
INK = (52, 44, 42)


@dataclass(frozen=True, slots=True)
class DrawnPerson:
    """How a person looks. Colours are BGR; `long_hair` falls to the shoulders."""

    skin: Colour
    hair: Colour
    clothes: Colour
    wall: Colour
    long_hair: bool = False
    glasses: bool = False
    beard: bool = False


ADA = DrawnPerson((178, 205, 240), (38, 48, 84), (140, 92, 58), (224, 220, 208), long_hair=True)
GRACE = DrawnPerson((120, 156, 204), (36, 32, 34), (64, 96, 196), (210, 222, 226), glasses=True)
FIRST_GUEST = DrawnPerson((92, 124, 172), (26, 24, 28), (110, 140, 84), (222, 214, 214), beard=True)
SECOND_GUEST = DrawnPerson((170, 196, 234), (96, 150, 202), (98, 78, 132), (214, 226, 218), long_hair=True)
THIRD_GUEST = DrawnPerson(
    (156, 186, 228), (150, 148, 146), (86, 82, 80), (230, 222, 204), glasses=True, beard=True
)
FOURTH_GUEST = DrawnPerson((74, 98, 142), (30, 26, 28), (60, 160, 206), (218, 222, 230), long_hair=True)


def portrait(person: DrawnPerson) -> Picture:
    """BGR, SIDE pixels a side. The same at every call."""
    canvas = np.full((SIDE * TIMES, SIDE * TIMES, 3), person.wall, np.uint8)
    if person.long_hair:
        _oval(canvas, (128, 124), (64, 82), person.hair)
    _oval(canvas, (128, 262), (92, 70), person.clothes)
    _oval(canvas, (128, 186), (22, 34), _darker(person.skin))
    _oval(canvas, (128, 92), (54, 56), person.hair)
    _oval(canvas, (128, 116), (47, 58), person.skin)
    if person.beard:
        _oval(canvas, (128, 148), (36, 28), person.hair)
        _oval(canvas, (128, 130), (37, 22), person.skin)
    _oval(canvas, (128, 78), (44, 21), person.hair)
    for x in (110, 146):
        _oval(canvas, (x, 112), (5, 6), INK)
        _oval(canvas, (x, 100), (11, 2), _darker(person.hair))
        if person.glasses:
            cv2.circle(canvas, (x * TIMES, 112 * TIMES), 14 * TIMES, INK, 2 * TIMES, cv2.LINE_AA)
    if person.glasses:
        cv2.line(canvas, (124 * TIMES, 112 * TIMES), (132 * TIMES, 112 * TIMES), INK, 2 * TIMES, cv2.LINE_AA)
    _arc(canvas, (128, 128), (6, 6), _darker(person.skin))
    _arc(canvas, (128, 142), (16, 11), (92, 84, 168))
    return np.asarray(cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _oval(canvas: Picture, centre: tuple[int, int], axes: tuple[int, int], colour: Colour) -> None:
    x, y, across, down = (value * TIMES for value in (*centre, *axes))
    cv2.ellipse(canvas, (x, y), (across, down), 0, 0, 360, colour, -1, cv2.LINE_AA)


def _arc(canvas: Picture, centre: tuple[int, int], axes: tuple[int, int], colour: Colour) -> None:
    x, y, across, down = (value * TIMES for value in (*centre, *axes))
    cv2.ellipse(canvas, (x, y), (across, down), 0, 25, 155, colour, 3 * TIMES, cv2.LINE_AA)


def _darker(colour: Colour) -> Colour:
    blue, green, red = (round(value * 0.82) for value in colour)
    return blue, green, red
