"""The rules of visits, for any times and any faces."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import template_of
from visits.rules import TEMPLATE_WEIGHT_LIMIT, is_over, joins, merge_templates

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
