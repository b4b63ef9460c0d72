"""The demo's people: where each one is in a source picture. The pictures never change, nor does this."""

from __future__ import annotations

from dataclasses import dataclass

from facetrack.demo import outlines
from facetrack.demo.outlines import Points
from facetrack.demo.sources import COLLINS, GROUP, HANKS, PictureSource

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One person in a source picture.

    `eyes` is the point between the eyes; `face` the width of the face; `outline` a polygon around head and
    shoulders: all in pixels of the source picture. In widths of the face, the outline fades out between the
    two `fade` lengths below the eyes, and `lean` is the distance of the shoulders from those of a person who
    stands upright. Colours are BGR; `neck` and `hair` are drawn where the picture lacks them. A `grey`
    picture is given the tone of skin.
    """

    name: str
    source: PictureSource
    eyes: tuple[int, int]
    face: int
    outline: Points
    fade: tuple[float, float]
    jacket: Colour
    trousers: Colour
    lean: tuple[float, float] = (0.0, 0.0)
    neck: Colour | None = None
    hair: Colour | None = None
    grey: bool = False


TOM_HANKS = DemoPerson(
    name="Tom Hanks",
    source=HANKS,
    eyes=(52, 53),
    face=77,
    outline=outlines.TOM_HANKS,
    fade=(0.62, 0.75),
    jacket=(112, 72, 52),
    trousers=(58, 50, 48),
    lean=(-0.1, -0.2),
    neck=(82, 106, 148),
    hair=(20, 22, 28),
    grey=True,
)

EILEEN_COLLINS = DemoPerson(
    name="Eileen Collins",
    source=COLLINS,
    eyes=(225, 104),
    face=91,
    outline=outlines.EILEEN_COLLINS,
    fade=(1.75, 2.3),
    jacket=(36, 78, 212),
    trousers=(34, 70, 190),
    lean=(-0.33, 0.05),
)

GUEST_1 = DemoPerson(
    name="guest 1",
    source=GROUP,
    eyes=(108, 313),
    face=104,
    outline=outlines.GUEST_1,
    fade=(1.3, 1.7),
    jacket=(120, 92, 40),
    trousers=(60, 48, 40),
    neck=(112, 150, 208),
)

GUEST_2 = DemoPerson(
    name="guest 2",
    source=GROUP,
    eyes=(516, 328),
    face=108,
    outline=outlines.GUEST_2,
    fade=(1.0, 1.5),
    jacket=(72, 68, 66),
    trousers=(44, 42, 44),
    lean=(-0.3, -0.32),
)

GUEST_3 = DemoPerson(
    name="guest 3",
    source=GROUP,
    eyes=(784, 400),
    face=102,
    outline=outlines.GUEST_3,
    fade=(0.72, 1.0),
    jacket=(34, 24, 126),
    trousers=(74, 58, 48),
    lean=(0.15, -0.52),
)

GUEST_4 = DemoPerson(
    name="guest 4",
    source=GROUP,
    eyes=(1178, 322),
    face=96,
    outline=outlines.GUEST_4,
    fade=(2.0, 2.5),
    jacket=(84, 104, 46),
    trousers=(92, 76, 64),
)

PASSER_BY = DemoPerson(
    name="passer-by",
    source=GROUP,
    eyes=(928, 116),
    face=104,
    outline=outlines.PASSER_BY,
    fade=(1.0, 1.5),
    jacket=(124, 140, 144),
    trousers=(60, 52, 48),
    lean=(0.7, -0.2),
)

STAFF = (EILEEN_COLLINS, TOM_HANKS)
STRANGERS = (GUEST_1, GUEST_2, GUEST_3, GUEST_4)
PASSERS_BY = (PASSER_BY,)
