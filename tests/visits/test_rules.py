"""The rules of visits, for any times and any faces."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conftest import template_of
from visits.rules import (
    CLOCK_DIFFERENCE,
    TEMPLATE_WEIGHT_LIMIT,
    TimeSpan,
    is_over,
    joins,
    merge_templates,
    outweighs,
    put_right,
)

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
SECONDS = st.integers(min_value=0, max_value=86_400)


@given(gap=SECONDS, window=st.integers(min_value=1, max_value=86_400))
def test_a_visit_is_over_exactly_when_nobody_can_join_it(gap: int, window: int) -> None:
    later = NOON + timedelta(seconds=gap)
    assert joins(NOON, later, window) == (gap <= window)
    assert is_over(NOON, later, window) != joins(NOON, later, window)


@given(late=SECONDS)
def test_a_late_report_of_an_earlier_sighting_joins(late: int) -> None:
    assert joins(NOON, NOON - timedelta(seconds=late), 1)


@given(weight=st.floats(min_value=0.1, max_value=1e6), seen=st.floats(min_value=0.1, max_value=1.0))
def test_a_merged_template_is_normalised_and_between_the_two(weight: float, seen: float) -> None:
    known, new = template_of(1), template_of(2)
    merged, total = merge_templates(known, weight, new, seen)
    assert np.linalg.norm(merged) == pytest.approx(1.0, abs=1e-5)
    assert merged @ known > new @ known
    assert merged @ new > new @ known
    assert total <= TEMPLATE_WEIGHT_LIMIT + seen


SPANS = st.builds(
    lambda start, length: TimeSpan(NOON + timedelta(seconds=start), NOON + timedelta(seconds=start + length)),
    st.integers(-200_000, 200_000),
    st.integers(0, 50_000),
)


@given(stay=SPANS, seen=SPANS)
def test_a_joined_stay_covers_both(stay: TimeSpan, seen: TimeSpan) -> None:
    whole = stay.and_also(seen)
    assert whole == seen.and_also(stay)
    assert whole.started_at <= min(stay.started_at, seen.started_at)
    assert whole.last_seen_at >= max(stay.last_seen_at, seen.last_seen_at)


@given(seen=SPANS, ahead=st.integers(-100_000, 100_000))
def test_no_clock_makes_a_stay_end_before_it_began_or_in_the_future(seen: TimeSpan, ahead: int) -> None:
    now = NOON + timedelta(seconds=ahead)
    backwards = TimeSpan(seen.last_seen_at, seen.started_at)
    for right in (put_right(seen, now), put_right(backwards, now)):
        assert right.started_at <= right.last_seen_at <= now + CLOCK_DIFFERENCE


def clicked(times: int, face: int = 1) -> NDArray[np.float32]:
    return np.stack([template_of(face)] * times)


@given(clicks=st.integers(1, 6), pictures=st.integers(0, 6), others=st.integers(0, 3))
def test_a_rejection_counts_only_against_fewer_pictures(clicks: int, pictures: int, others: int) -> None:
    enrolled = np.stack([template_of(1)] * pictures + [template_of(2 + n) for n in range(others + 1)])
    counts = outweighs(clicked(clicks), enrolled, template_of(2), 0.36)
    assert counts.tolist() == [clicks > pictures] * clicks


def test_one_rejection_never_counts_against_a_template_that_matches() -> None:
    """No picture alone shows the face, but all of them together do."""
    enrolled = np.stack([template_of(2)])
    assert outweighs(clicked(1), enrolled, template_of(1), 0.36).tolist() == [False]
    assert outweighs(clicked(2), enrolled, template_of(1), 0.36).tolist() == [True, True]


def test_rejections_of_several_faces_are_counted_apart() -> None:
    rejected = np.concatenate([clicked(2, face=1), clicked(1, face=3)])
    enrolled = np.stack([template_of(1), template_of(3)])
    assert outweighs(rejected, enrolled, template_of(1), 0.36).tolist() == [True, True, False]
