import numpy as np
import pytest

from tests.conftest import template_of as made_up
from workers.recognition.stages.embed import template_of
from workers.recognition.stages.match import nearest


def test_each_person_is_a_candidate_once_with_their_best_score() -> None:
    known = np.stack([made_up(1), made_up(2), made_up(1, 0.3), made_up(3)])
    first, second, *_ = nearest(made_up(1), known, ["ann", "bob", "ann", "cid"])
    assert first.identity == "ann"
    assert first.score == pytest.approx(1.0)
    assert second.identity != "ann"


def test_at_most_the_limit_and_best_first() -> None:
    known = np.stack([made_up(person) for person in range(20)])
    found = nearest(made_up(7), known, [str(person) for person in range(20)], limit=3)
    assert found[0].identity == "7"
    assert len(found) == 3
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)


def test_an_empty_gallery_knows_nobody() -> None:
    assert nearest(made_up(1), np.empty((0, 512), np.float32), []) == []


def test_names_and_templates_must_belong_together() -> None:
    with pytest.raises(ValueError, match="2 templates, but 1 identities"):
        nearest(made_up(1), np.zeros((2, 512), np.float32), ["ann"])


def test_a_template_lies_nearer_to_the_better_faces() -> None:
    good, bad = made_up(1), made_up(2)
    template = template_of(np.stack([good, bad]), np.array([0.9, 0.1], np.float32))
    assert np.linalg.norm(template) == pytest.approx(1.0)
    assert template @ good > 0.9 > template @ bad


def test_nobody_seen_has_no_template() -> None:
    with pytest.raises(ValueError, match="at least one"):
        template_of(np.empty((0, 512), np.float32), np.empty(0, np.float32))
