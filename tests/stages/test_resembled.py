"""Whom a new face resembles: pictures and templates of others, never the person's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import template_of
from workers.recognition.likeness import MAX_RESEMBLED, KnownFaces, resembled
from workers.recognition.types import Floats

MATCH = 0.5


def known(*faces: tuple[str, Floats]) -> KnownFaces:
    rows = [face for _, face in faces]
    return KnownFaces(
        people=[person for person, _ in faces],
        embeddings=np.stack(rows) if rows else np.empty((0, 512), dtype=np.float32),
        qualities=np.full(len(rows), 0.8, dtype=np.float32),
    )


def mixed(first: int, second: int, share: float) -> Floats:
    """A face that is like the first one by about `share`, and like the second one by the rest."""
    mean = share * template_of(first) + np.sqrt(1 - share**2) * template_of(second)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def names(face: Floats, person: str, faces: KnownFaces) -> list[str]:
    return [one.identity for one in resembled(face, 0.8, person, faces, MATCH)]


def test_the_first_person_resembles_nobody() -> None:
    assert names(template_of(1), "ann", known()) == []


def test_another_persons_face_is_found_and_the_persons_own_is_not() -> None:
    faces = known(("ann", template_of(1)), ("bob", template_of(2)))
    assert names(template_of(1), "bob", faces) == ["ann"]
    assert names(template_of(1), "ann", faces) == []
    assert names(template_of(3), "cid", faces) == []


def test_one_picture_among_others_is_enough() -> None:
    """A picture that was uploaded to the wrong colleague hardly changes the colleague's template."""
    wrong = [("ann", template_of(number)) for number in range(1, 5)]
    assert names(mixed(4, 9, 0.8), "bob", known(*wrong)) == ["ann"]


def test_a_template_is_enough_where_no_single_picture_is() -> None:
    weak = mixed(5, 9, 0.62)
    ann = [("ann", mixed(5, other, 0.62)) for other in (11, 12, 13, 14)]
    assert float(max(row @ weak for _, row in ann)) < MATCH
    assert names(weak, "bob", known(*ann)) == ["ann"]


def test_the_persons_own_template_counts_too() -> None:
    """No picture of Bob alone reaches the threshold; together they do."""
    bob = [("bob", mixed(5, other, 0.45)) for other in (21, 22, 23)]
    faces = known(("ann", template_of(5)), *bob)
    assert names(mixed(5, 24, 0.45), "bob", faces) == ["ann"]


@pytest.mark.parametrize("count", [1, MAX_RESEMBLED, MAX_RESEMBLED + 5])
def test_the_most_similar_come_first_and_not_without_end(count: int) -> None:
    faces = known(*((f"p{n}", mixed(1, 100, 0.99 - 0.03 * n)) for n in range(count)))
    assert names(template_of(1), "new", faces) == [f"p{n}" for n in range(min(count, MAX_RESEMBLED))]


@given(st.floats(-0.99, 0.99))
def test_no_one_below_the_threshold_is_named(threshold: float) -> None:
    faces = known(*((f"p{n}", mixed(1, 100 + n, n / 10)) for n in range(1, 10)))
    found = resembled(template_of(1), 0.8, "new", faces, threshold)
    assert all(one.score >= threshold for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
