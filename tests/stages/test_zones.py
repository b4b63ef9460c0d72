import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.rules import polygons_problem
from tests.stages.faces import face_at
from workers.recognition.config import CameraConfig
from workers.recognition.stages.zones import contains, watched

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
MIDDLE = ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))
SIZE = (1000, 1000)


def seen(x: float, y: float, *, zones: object = (), masks: object = ()) -> bool:
    return watched(face_at(x, y), SIZE, zones, masks)  # type: ignore[arg-type]


def test_without_zones_everything_is_watched() -> None:
    assert seen(10, 990)


def test_a_zone_leaves_the_rest_out_and_a_mask_takes_a_part_away() -> None:
    assert seen(250, 500, zones=(LEFT_HALF,))
    assert not seen(750, 500, zones=(LEFT_HALF,))
    assert not seen(450, 500, zones=(LEFT_HALF,), masks=(MIDDLE,))
    assert seen(750, 500, masks=(MIDDLE,))


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_polygon_and_its_mirror_agree_about_mirrored_points(x: float, y: float) -> None:
    shape = ((0.1, 0.2), (0.9, 0.1), (0.7, 0.8), (0.4, 0.5), (0.2, 0.9))
    mirrored = tuple((1 - a, b) for a, b in shape)
    assert contains(shape, x, y) == contains(shape[::-1], x, y)
    if all(abs(x - a) > 1e-9 for a, _ in shape):
        assert contains(shape, x, y) == contains(mirrored, 1 - x, y)


@pytest.mark.parametrize(
    ("polygons", "problem"),
    [
        ([], None),
        ([[[0, 0], [1, 0], [1, 1]]], None),
        ("everywhere", "a list of"),
        ([[[0, 0], [1, 1]]], "3 to"),
        ([[[0, 0], [1, 0], [1, 2]]], "from 0"),
        ([[[0, 0], [1, 0], [True, 1]]], "from 0"),
        ([[[0, 0], [0.5, 0.5], [1, 1]]], "has no area"),
        ([[[0, 0], [1, 0], [1, 1]]] * 21, "20 polygons"),
    ],
)
def test_what_people_write_is_checked(polygons: object, problem: str | None) -> None:
    found = polygons_problem(polygons)
    assert found is None if problem is None else problem in str(found)


def test_a_configuration_refuses_a_zone_of_two_corners() -> None:
    with pytest.raises(ValueError, match="three corners"):
        CameraConfig(zones=(((0.0, 0.0), (1.0, 1.0)),))
