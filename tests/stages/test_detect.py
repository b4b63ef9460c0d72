import numpy as np
import pytest

from tests.stages.faces import face_at
from workers.recognition.stages.detect import (
    find_faces,
    kept_faces,
    letterboxed,
    moved,
    padded_to_multiple,
    scaled,
    shrunk,
)
from workers.recognition.types import Face, Picture


class BrightSpot:
    """A detector of one bright rectangle, with the sizes of the pictures it was given."""

    upright_only = False

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def detect(self, picture: Picture) -> list[Face]:
        self.seen.append(picture.shape)
        rows, columns = np.nonzero(picture[:, :, 0] > 128)
        x, y = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
        return [face_at(float(x), float(y), float(columns.max() + 1 - columns.min()))]


def test_large_frames_are_shrunk_and_faces_come_back_in_pixels_of_the_frame() -> None:
    frame = np.zeros((1080, 1920, 3), dtype=np.uint8)
    frame[300:420, 600:720] = 255
    detector = BrightSpot()
    [face] = find_faces(detector, shrunk(frame, 960))
    assert detector.seen == [(540, 960, 3)]
    assert face.box[0] == pytest.approx(600, abs=2)
    assert face.box[2] == pytest.approx(720, abs=2)
    assert face.landmarks.mean(axis=0) == pytest.approx([660, 360], abs=6)


def test_small_frames_are_never_enlarged() -> None:
    frame = np.zeros((270, 480, 3), dtype=np.uint8)
    frame[100:150, 100:150] = 255
    detector = BrightSpot()
    find_faces(detector, shrunk(frame, 1280))
    assert detector.seen == [(270, 480, 3)]


def test_of_overlapping_boxes_the_best_stays_and_doubtful_ones_go() -> None:
    boxes = np.array([[0, 0, 100, 100], [5, 5, 105, 105], [200, 0, 300, 100], [400, 0, 500, 100]], np.float32)
    landmarks = np.zeros((4, 5, 2), dtype=np.float32)
    scores = np.array([0.7, 0.9, 0.8, 0.3], dtype=np.float32)
    faces = kept_faces(boxes, landmarks, scores, min_score=0.6, overlap=0.3)
    assert [round(face.score, 1) for face in faces] == [0.9, 0.8]
    assert faces[0].box.tolist() == [5, 5, 105, 105]


def test_nothing_found_is_an_empty_list() -> None:
    nothing = np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32)
    assert kept_faces(*nothing, min_score=0.6, overlap=0.3) == []


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 64), (33, 31), (360, 640)])
def test_padding_keeps_the_picture_at_the_top_left(height: int, width: int) -> None:
    picture = np.full((height, width, 3), 7, dtype=np.uint8)
    padded = padded_to_multiple(picture, 32)
    assert padded.shape[0] % 32 == 0
    assert padded.shape[1] % 32 == 0
    assert (padded[:height, :width] == 7).all()
    assert padded.sum() == picture.sum()


@pytest.mark.parametrize(("height", "width"), [(2000, 10), (10, 2000), (100, 100), (1, 1)])
def test_letterboxed_pictures_fit(height: int, width: int) -> None:
    fitted = letterboxed(np.full((height, width, 3), 200, dtype=np.uint8), 640, 640)
    assert fitted.picture.shape == (640, 640, 3)
    assert max(height, width) * fitted.scale == pytest.approx(640)


def test_scaling_and_moving_are_undone_by_their_opposites() -> None:
    face = face_at(50, 70)
    back = moved(scaled(moved(scaled(face, 2.0), 10, 20), 1.0), -10, -20)
    back = scaled(back, 0.5)
    assert back.box == pytest.approx(face.box)
    assert back.landmarks == pytest.approx(face.landmarks)
