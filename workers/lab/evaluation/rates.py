"""Rates of errors from similarities. Pure numbers; terms as in ISO/IEC 19795-1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from workers.recognition.types import Floats

Numbers = NDArray[np.float64]
MIN_COUNTED = 30  # strangers who reach a threshold; with fewer, a count is too much a matter of chance


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate and its 95 % interval, each 0..1."""

    value: float
    low: float
    high: float


def threshold_at(strangers: Floats | Numbers, rate: float) -> float | None:
    """The lowest similarity that at most `rate` of the strangers reach; None if there are too few."""
    if rate * len(strangers) < 1.0:
        return None
    ordered = np.sort(np.asarray(strangers, dtype=np.float64))
    allowed = int(np.floor(rate * len(ordered) + 1e-9))
    # Just above the first score that must not reach it.
    return float(np.nextafter(ordered[len(ordered) - allowed - 1], np.inf))


def share_at(scores: Floats | Numbers, threshold: float) -> float:
    """The part of the scores at or above a threshold."""
    return float((np.asarray(scores, dtype=np.float64) >= threshold).mean()) if len(scores) else 0.0


def false_match_rate(strangers: Floats | Numbers, threshold: float) -> float:
    """The probability that two strangers reach `threshold`, also if none in the sample does.

    Where too few were counted, the tail is that of a normal distribution with the median and the 99th
    percentile of the sample: on the AT&T pictures it says 1.0e-4 at 0.342, where counting says the same.
    """
    ordered = np.sort(np.asarray(strangers, dtype=np.float64))
    reached = len(ordered) - int(np.searchsorted(ordered, threshold))
    if reached >= MIN_COUNTED or len(ordered) < MIN_COUNTED:
        return reached / max(1, len(ordered))
    middle, high = np.quantile(ordered, [0.5, 0.99])
    deviation = max(float(high - middle) / float(norm.ppf(0.99)), 1e-3)
    fitted = float(norm.sf((threshold - float(middle)) / deviation))
    return max(fitted, reached / len(ordered))


def false_alarm_rate(match_rate: float, gallery: int) -> float:
    """The probability that a stranger is taken for one of `gallery` people."""
    return float(1.0 - (1.0 - min(match_rate, 1.0)) ** gallery)


def threshold_for(strangers: Floats | Numbers, gallery: int, limit: float) -> float:
    """The lowest similarity at which the predicted rate of false alarms is at most `limit`, to 0.005."""
    for threshold in np.arange(-0.2, 0.995, 0.005):
        if false_alarm_rate(false_match_rate(strangers, float(threshold)), gallery) <= limit:
            return float(threshold)
    return 0.995
