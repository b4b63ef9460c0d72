"""What a damaged stream has lost, counted by the times of what is left. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MIN_HOLE = 0.5
"""Seconds without a frame that count as missing although no error was reported: a hole in a recording, or an
end before the announced one. Below that, cameras skip frames, and containers round their times."""
MAX_HOLE = 86_400.0
"""Seconds; a longer step is a time stamp that means nothing."""
USUAL_GAPS = 4.0
"""Where frames do not say how long they last, a hole is this many times as long as the longest usual gap."""
SUSPECT_FRAMES = 32
"""Good frames that may still come from before a damage: a decoder holds up to 16 back to sort them, and some
for each of its threads. Among these every missing frame counts."""
MAX_LOST = 2_000_000_000
"""Frames; what is beyond is not counted."""


@dataclass(slots=True)
class Losses:
    """One round of a stream, in the order of its frames. Times are seconds of the stream, None if unknown."""

    fps: float
    end: float | None = None
    """Where the frames so far end; to begin with, where the stream begins."""
    frames: int = 0
    """Frames that could not be decoded or are missing."""
    _undecoded: int = 0
    _suspect: int = 0
    _gap: float = 0.0

    def note_damage(self) -> None:
        """A packet could not be read or decoded."""
        self._undecoded += 1
        self._suspect = SUSPECT_FRAMES

    def note_frame(self, start: float | None, seconds: float, following: float | None = None) -> int:
        """A frame was decoded; `seconds` it lasts, 0 if unknown. `following`: when the next one begins.

        Returns how many are missing before it. A time that the next frame does not confirm is damaged itself.
        """
        lasts = seconds or 1 / self.fps
        believed = start is not None and _follows(following, start, lasts)
        if start is None or self.end is None:
            missing = self._undecoded
        else:
            missing = self._missing(start - self.end, known=seconds > 0) if believed else 0
        if missing or start is None or self.end is None:
            self._undecoded = 0
        self._suspect = max(0, self._suspect - 1)
        self.frames += missing
        if start is not None and (believed or self.end is None):
            self.end = start + lasts
        elif self.end is not None:
            self.end += lasts
        return missing

    def note_end(self, reached: float | None, announced: float | None, undecoded: int) -> int:
        """No frame follows. `reached`: where the last packet ends; `announced`: where the file says it ends;
        `undecoded`: packets that made no frame.

        Returns the number of frames that are missing at the end.
        """
        if self.end is None or reached is None:
            missing = self._undecoded
        else:
            missing = min(self._missing(reached - self.end), undecoded)
        if announced is not None and self.end is not None:
            missing += self._missing(announced - self.end - missing / self.fps)
        self.frames += missing
        return missing

    def _missing(self, hole: float, *, known: bool = True) -> int:
        """Frames in a hole; `known`: the frame before it says how long it lasts."""
        if not known and not self._suspect and hole < MIN_HOLE + USUAL_GAPS * self._gap:
            self._gap = max(self._gap, hole)
            return 0
        return round(hole * self.fps) if (0 if self._suspect else MIN_HOLE) <= hole <= MAX_HOLE else 0


def loss_text(frames: int, fps: float) -> str:
    """The losses in words; empty if there are none. `fps`: of the source, 0 if unknown."""
    if not frames:
        return ""
    seconds = f" ({frames / fps:.1f} seconds)" if fps > 0 else ""
    what = "1 frame" if frames == 1 else f"{frames} frames"
    return f"{what}{seconds} of the source could not be decoded or are missing."


def _follows(following: float | None, start: float, lasts: float) -> bool:
    return following is None or 0 <= following - start <= lasts + MIN_HOLE
