"""ROC and DET curves side by side, drawn with OpenCV, because the product has no plotting library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from workers.lab.evaluation.assessment import Assessment
from workers.recognition.types import Picture

PANEL, MARGIN, GAP = 620, 90, 40
INK, GRID, LINE, MARK = (40, 40, 40), (225, 225, 225), (180, 90, 20), (40, 40, 200)
FONT = cv2.FONT_HERSHEY_SIMPLEX
RATES = (1e-4, 1e-3, 1e-2, 1e-1)
MISSES = (0.001, 0.005, 0.02, 0.1, 0.3)

Scale = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def save_plot(path: Path, found: Assessment) -> None:
    """Writes a PNG. Raises OSError."""
    picture = np.full((PANEL + 2 * MARGIN, 2 * PANEL + 2 * MARGIN + GAP + MARGIN, 3), 255, dtype=np.uint8)
    matches, misses, thresholds = _curve(found)
    link = int(np.argmin(np.abs(thresholds - found.recommended.match)))
    roc = _Panel(
        picture, MARGIN, "ROC: true against false matches", np.log10, lambda v: v, (1e-5, 1), (0.8, 1.0)
    )
    roc.axes("false match rate", "true match rate", RATES, (0.8, 0.85, 0.9, 0.95, 1.0))
    roc.curve(matches, 1 - misses)
    roc.mark(matches[link], 1 - misses[link], f"link {found.recommended.match:g}")
    left = MARGIN + PANEL + GAP + MARGIN
    det = _Panel(
        picture, left, "DET: misses against false matches", norm.ppf, norm.ppf, (1e-5, 0.4), (5e-4, 0.4)
    )
    det.axes("false match rate", "false non-match rate", RATES, MISSES)
    det.curve(matches, misses)
    det.mark(matches[link], misses[link], f"link {found.recommended.match:g}")
    title = f"{found.pack}: {found.people} people, {found.pictures} pictures, single pictures compared"
    cv2.putText(picture, title, (MARGIN, 32), FONT, 0.7, INK, 1, cv2.LINE_AA)
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise OSError(f"{path} cannot be drawn")
    path.write_bytes(bytes(data))


def _curve(found: Assessment) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """False matches and misses at many thresholds."""
    thresholds = np.linspace(-0.2, 0.99, 600)
    impostor, genuine = np.sort(found.impostor), np.sort(found.genuine)
    matches = 1 - np.searchsorted(impostor, thresholds) / max(1, len(impostor))
    misses = np.searchsorted(genuine, thresholds) / max(1, len(genuine))
    return matches, misses, thresholds


class _Panel:
    """One diagram with axes of its own."""

    def __init__(
        self,
        picture: Picture,
        left: int,
        title: str,
        across: Scale,
        up: Scale,
        width: tuple[float, float],
        height: tuple[float, float],
    ) -> None:
        self._picture, self._left = picture, left
        self._across, self._up, self._width, self._height = across, up, width, height
        cv2.putText(picture, title, (left, MARGIN - 14), FONT, 0.6, INK, 1, cv2.LINE_AA)

    def axes(self, across: str, up: str, columns: Sequence[float], rows: Sequence[float]) -> None:
        bottom, right = MARGIN + PANEL, self._left + PANEL
        for value in columns:
            x = self._point(value, self._height[0])[0]
            cv2.line(self._picture, (x, MARGIN), (x, bottom), GRID, 1)
            self._write(f"{value:g}", (x - 18, bottom + 20))
        for value in rows:
            y = self._point(self._width[1], value)[1]
            cv2.line(self._picture, (self._left, y), (right, y), GRID, 1)
            self._write(f"{value:g}", (self._left - 52, y + 5))
        cv2.rectangle(self._picture, (self._left, MARGIN), (right, bottom), INK, 1)
        self._write(across, (self._left + PANEL // 2 - 70, bottom + 46))
        self._write(up, (self._left + 8, MARGIN + 20))

    def curve(self, across: NDArray[np.float64], up: NDArray[np.float64]) -> None:
        points = np.array([self._point(x, y) for x, y in zip(across, up, strict=True)], dtype=np.int32)
        cv2.polylines(self._picture, [points], False, LINE, 2, cv2.LINE_AA)

    def mark(self, across: float, up: float, text: str) -> None:
        x, y = self._point(across, up)
        cv2.circle(self._picture, (x, y), 6, MARK, -1, cv2.LINE_AA)
        self._write(text, (x + 10, y + 18))

    def _point(self, across: float, up: float) -> tuple[int, int]:
        x = _place(across, self._across, self._width)
        y = _place(up, self._up, self._height)
        return self._left + round(x * PANEL), MARGIN + round((1 - y) * PANEL)

    def _write(self, text: str, at: tuple[int, int]) -> None:
        cv2.putText(self._picture, text, at, FONT, 0.5, INK, 1, cv2.LINE_AA)


def _place(value: float, scale: Scale, limits: tuple[float, float]) -> float:
    """The position between the limits, 0..1, on the scale of the axis."""
    low, high = (float(scale(np.array(min(max(v, 1e-6), 1 - 1e-9)))) for v in limits)
    here = float(scale(np.array(min(max(value, limits[0]), limits[1] if limits[1] < 1 else 1 - 1e-9))))
    return (here - low) / (high - low)
