import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from cameras.rules import AddressPolicy
from workers.recognition.capture import SourceError, open_source
from workers.recognition.capture.files.source import FileSource
from workers.recognition.capture.source import Rhythm
from workers.recognition.capture.usb import UsbSource
from workers.recognition.orientation import AS_IS, Orientation, QuarterTurn
from workers.recognition.types import Frame


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three seconds at 20 frames a second; the brightness of each frame tells its number."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20, (64, 48))
    for i in range(60):
        writer.write(np.full((48, 64, 3), i * 4, dtype=np.uint8))
    writer.release()
    return path


def frames_of(source: FileSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


@pytest.mark.parametrize(
    ("orientation", "size"),
    [
        (AS_IS, (128, 48)),
        (Orientation(pixel_aspect=1.0), (64, 48)),
        (Orientation(QuarterTurn.RIGHT), (48, 128)),
        (Orientation(QuarterTurn.HALF, mirrored=True), (128, 48)),
    ],
)
def test_a_file_is_shown_as_it_says_or_as_the_camera_is_set(
    tmp_path: Path, orientation: Orientation, size: tuple[int, int]
) -> None:
    path = tmp_path / "squeezed.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        for _ in range(5):
            picture = np.full((48, 64, 3), 200, dtype=np.uint8)
            picture[:, :32] = 20
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    source = FileSource(str(path), fps=10, orientation=orientation)
    assert source.size == size
    [first, *_] = frames_of(source)
    assert first.picture.shape == (size[1], size[0], 3)
    if orientation == AS_IS:
        assert first.picture[:, :60].mean() < 40 < 180 < first.picture[:, 68:].mean()
    if orientation.turn is QuarterTurn.RIGHT:
        assert first.picture[:60].mean() < 40 < 180 < first.picture[68:].mean()


def test_every_second_frame_at_half_the_rate(clip: Path) -> None:
    frames = frames_of(FileSource(str(clip), fps=10))
    assert [frame.index for frame in frames] == list(range(0, 60, 2))
    assert [frame.at for frame in frames] == pytest.approx([i / 20 for i in range(0, 60, 2)])
    assert [frame.picture.mean() / 4 for frame in frames] == pytest.approx(list(range(0, 60, 2)), abs=1)


def test_every_frame_where_the_clip_is_slower_than_asked(clip: Path) -> None:
    source = FileSource(str(clip), fps=30)
    assert source.frames == 60
    assert len(frames_of(source)) == 60


def test_a_looped_file_goes_on_and_so_does_its_position(clip: Path) -> None:
    source = FileSource(str(clip), fps=5, loop=True)
    frames = [frame for frame in (source.read() for _ in range(40)) if frame is not None]
    source.close()
    assert [frame.index for frame in frames] == list(range(0, 160, 4))
    assert frames[15].picture.mean() == pytest.approx(frames[0].picture.mean(), abs=2)
    assert frames[-1].at == pytest.approx(156 / 20)


def test_a_paced_file_takes_its_time_and_carries_posix_times(clip: Path) -> None:
    started = time.time()
    source = open_source("file", str(clip), fps=10, policy=AddressPolicy())
    first, *_, last = [frame for frame in (source.read() for _ in range(6)) if frame is not None]
    source.close()
    assert time.time() - started == pytest.approx(0.5, abs=0.25)
    assert first.at == pytest.approx(started, abs=0.3)
    assert last.at - first.at == pytest.approx(0.5)


def test_a_slow_reader_of_a_paced_file_misses_nothing(clip: Path) -> None:
    source = open_source("file", str(clip), fps=10, policy=AddressPolicy())
    indexes = []
    for i in range(8):
        frame = source.read()
        assert frame is not None
        indexes.append(frame.index)
        if i == 2:
            time.sleep(0.5)
    source.close()
    assert indexes == list(range(0, 16, 2))


def test_an_animated_gif_is_a_clip(samples: Path) -> None:
    frames = frames_of(FileSource(str(samples / "clips" / "corridor_walk.gif"), fps=10))
    assert frames[-1].index == 34
    assert frames[0].picture.shape == (270, 480, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no file"), (b"", "is not a video"), (b"no video at all " * 500, "is not a video")],
    ids=["missing", "empty", "text"],
)
def test_files_that_are_no_clips(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "wrong.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as refusal:
        FileSource(str(path), fps=10)
    assert path.name in refusal.value.message
    assert str(path.parent) not in str(refusal.value)
    assert refusal.value.fix_hint


def test_a_folder_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a file"):
        FileSource(str(tmp_path), fps=10)


def test_a_clip_that_was_cut_off_yields_what_is_there_or_says_why(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(SourceError, match=r"decoded"):
        frames_of(FileSource(str(clip), fps=10))


@pytest.mark.parametrize(
    ("location", "message"), [("front door", "is not a USB camera"), ("97", "cannot be opened")]
)
def test_usb_cameras_that_are_not_there(location: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        UsbSource(location, fps=10)


def test_an_unknown_kind_of_source() -> None:
    with pytest.raises(SourceError, match="choose file, usb, rtsp or http"):
        open_source("carrier pigeon", "x", policy=AddressPolicy())


def test_a_rhythm_is_even_and_does_not_catch_up_after_a_pause() -> None:
    rhythm = Rhythm(fps=10)
    taken = [i / 30 for i in range(90) if rhythm.takes(i / 30)]
    assert len(taken) == 30
    assert [t for t in (5.0, 5.01, 5.02, 5.1) if rhythm.takes(t)] == [5.0, 5.1]


@pytest.mark.parametrize("name", ["list.m3u8", "list.ffconcat", "list.mpd", "list.mp4"])
def test_a_clip_that_names_other_files_is_no_clip(clip: Path, tmp_path: Path, name: str) -> None:
    """Whatever it is called: or a tenant plays another one's clips by it."""
    (tmp_path / "own").mkdir()
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n"
    if name.endswith("ffconcat"):
        text = "ffconcat version 1.0\nfile 'inner.mp4'\n"
        (tmp_path / "own" / "inner.mp4").symlink_to(clip)
    path = tmp_path / "own" / name
    path.write_text(text)
    with pytest.raises(SourceError, match="is not a video that can be decoded"):
        FileSource(str(path), fps=10)


def test_a_clip_of_too_large_pictures_is_refused_undecoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 6000, 4000, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((4000, 6000, 3), dtype=np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    with pytest.raises(SourceError, match="6000 x 4000 pixels") as refusal:
        FileSource(str(path), fps=10)
    assert refusal.value.fix_hint
