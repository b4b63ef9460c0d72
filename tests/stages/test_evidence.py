import numpy as np
import pytest

from tests.conftest import template_of as made_up
from tests.stages.faces import face_at
from workers.recognition.stages.track_history import Agreement, Sample, TrackHistory, TrackSpan, crop_of
from workers.recognition.types import Candidate, Frame

PICTURE = np.zeros((480, 640, 3), dtype=np.uint8)


def frame(index: int) -> Frame:
    return Frame(index=index, at=index / 10, picture=PICTURE)


def history() -> TrackHistory:
    return TrackHistory(span=TrackSpan.starting(frame(0)), max_samples=4, stranger=0.2, same=0.4)


def show(
    track: TrackHistory, index: int, person: int, quality: float = 0.8, vote: str | None = None
) -> Agreement:
    """One face of a made-up person in frame `index`."""
    before = track.span
    track.see(frame(index), usable=True)
    shot = crop_of(frame(index), face_at(320, 240), quality, 0.5)
    candidate = Candidate(vote, 0.5) if vote else None
    noise = 0.3 if index else 0.0
    return track.add(Sample(made_up(person, noise), quality, index, index / 10, shot, candidate), before)


def test_one_person_stays_one_track() -> None:
    track = history()
    assert {show(track, i, person=1) for i in range(9)} == {Agreement.SAME}
    assert len(track.samples) == 4
    assert (track.span.first_frame, track.span.last_frame, track.span.faces) == (0, 8, 9)
    assert track.seconds() == pytest.approx(0.8)


def test_the_best_samples_are_kept_and_the_best_one_is_shown() -> None:
    track = history()
    for i, quality in enumerate([0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.6]):
        show(track, i, person=1, quality=quality)
    assert sorted(track.qualities().tolist()) == pytest.approx([0.6, 0.7, 0.8, 0.9])
    assert track.good(0.65) == 3
    shot = track.best_shot
    assert shot is not None
    assert shot.quality == 0.9


def test_a_single_strange_face_is_left_out() -> None:
    track = history()
    show(track, 0, person=1)
    assert show(track, 1, person=2) is Agreement.DOUBTFUL
    assert show(track, 2, person=1) is Agreement.SAME
    assert track.embeddings() @ made_up(2) == pytest.approx([0, 0], abs=0.2)


def test_two_strange_faces_that_agree_are_another_person() -> None:
    track = history()
    for i in range(5):
        show(track, i, person=1)
    track.see(frame(5), usable=False)
    assert show(track, 6, person=2) is Agreement.DOUBTFUL
    track.see(frame(7), usable=False)
    assert show(track, 8, person=2) is Agreement.ANOTHER
    rest = track.split()
    assert (track.span.first_frame, track.span.last_frame, track.span.faces) == (0, 5, 6)
    assert (rest.span.first_frame, rest.span.last_frame, rest.span.faces) == (6, 8, 3)
    assert (track.span.usable, rest.span.usable) == (5, 2)
    assert (rest.embeddings() @ made_up(2) > 0.5).all()
    assert show(rest, 9, person=2) is Agreement.SAME


def test_two_strange_faces_that_disagree_are_no_person() -> None:
    track = history()
    show(track, 0, person=1)
    assert [show(track, i, person=i + 5) for i in range(1, 6)] == [Agreement.DOUBTFUL] * 5


def test_only_a_track_in_doubt_can_be_split() -> None:
    with pytest.raises(ValueError, match="doubtful"):
        history().split()


def test_votes_weigh_as_much_as_their_faces() -> None:
    track = history()
    show(track, 0, person=1, quality=0.9, vote="ann")
    show(track, 1, person=1, quality=0.3, vote="bob")
    show(track, 2, person=1, quality=0.3)
    assert track.share_of("ann") == pytest.approx(0.6)
    assert track.share_of("nobody") == 0.0


def test_a_huge_face_gives_a_shot_of_bounded_size() -> None:
    face = face_at(1000, 1000, width=900)
    shot = crop_of(Frame(0, 0.0, np.zeros((2160, 3840, 3), np.uint8)), face, 0.5, margin=0.6)
    assert max(shot.picture.shape) == 512
    assert (shot.box >= 0).all()
    assert shot.box.max() <= 512


@pytest.mark.parametrize("place", [(320, 240), (5, 5), (638, 478)])
def test_a_shot_stays_inside_the_frame_and_knows_where_the_face_is(place: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    face = face_at(*place)
    shot = crop_of(Frame(0, 0.0, picture), face, 0.5, margin=0.6)
    height, width = shot.picture.shape[:2]
    assert 0 < width <= 60 + 2 * 0.6 * 78 + 2
    x, y = max(0, int(face.box[0])), max(0, int(face.box[1]))
    inside_x, inside_y = int(x - face.box[0] + shot.box[0]), int(y - face.box[1] + shot.box[1])
    assert (shot.picture[inside_y, inside_x] == picture[y, x]).all()
    assert height <= 480
