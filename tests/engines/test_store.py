"""Models are found, downloaded and checked: against a real HTTP server on this machine, with small files."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path

import pytest

from workers.recognition.models.catalogue import DetectorModel, Model, ModelFile
from workers.recognition.models.download import CHUNK
from workers.recognition.models.store import DownloadFailed, ModelMissing, ModelStore

FACES = b"finds faces " * 40_000
PIECE = 6 * CHUNK
VOICES = b"hears voices " * 3_000


@dataclass
class Publisher:
    """An HTTP server and how it is to behave."""

    url: str = ""
    offers: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    breaks_after: int | None = None  # bytes of each answer
    breaks: int = 1  # that many answers
    answers: list[int] = field(default_factory=list)  # statuses before it behaves
    chunked: bool = False  # no Content-Length
    delay: float = 0.0
    requests: list[tuple[str, str]] = field(default_factory=list)  # path, Range


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    behaviour = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            behaviour.requests.append((self.path, asked))
            time.sleep(behaviour.delay)
            content = behaviour.offers.get(self.path.lstrip("/"))
            if behaviour.answers or content is None:
                self.send_error(behaviour.answers.pop(0) if behaviour.answers else 404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and behaviour.ranges else 0
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self._send(content, start)

        def _send(self, content: bytes, start: int) -> None:
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if not behaviour.chunked:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            rest = content[start:]
            if behaviour.breaks_after is not None and behaviour.breaks > 0:
                behaviour.breaks -= 1
                rest = rest[: behaviour.breaks_after]
            self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    behaviour.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield behaviour
    server.shutdown()
    thread.join()
    server.server_close()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def model(name: str, *files: ModelFile, package: str | None = None) -> Model:
    return DetectorModel(
        name=name,
        files=files,
        page="https://publisher.example/faces",
        licence="MIT",
        permits="Anything.",
        input="any",
        package=package,
        install="pip install faces",
    )


def plain(
    url: str | None, content: bytes = FACES, names: tuple[str, ...] = ("faces.onnx", "f.onnx")
) -> ModelFile:
    return ModelFile(names=names, sha256=sha256(content), size=len(content), url=url)


def zipped(members: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return archive.getvalue()


def packed(url: str, member: str, content: bytes, download: int) -> ModelFile:
    return ModelFile(
        names=(f"{member}.cached",),
        sha256=sha256(content),
        size=len(content),
        url=url,
        member=member,
        download=download,
    )


def store_of(
    tmp_path: Path, *models: Model, mirror: str = "", pauses: tuple[float, ...] = (0.01, 0.01)
) -> ModelStore:
    (tmp_path / "models").mkdir(exist_ok=True)
    known = {model.name: model for model in models}
    return ModelStore(tmp_path / "models", tmp_path / "cache", mirror=mirror, models=known, pauses=pauses)


def cached(tmp_path: Path) -> list[str]:
    """What a stranger would see in the cache folder."""
    return sorted(path.name for path in (tmp_path / "cache").iterdir() if not path.name.endswith(".lock"))


class TestFinding:
    def test_a_file_counts_under_any_of_its_names(self, tmp_path: Path) -> None:
        store = store_of(tmp_path, model("faces", plain(None)))
        (tmp_path / "models" / "f.onnx").write_bytes(FACES)
        assert store.find("faces") == tmp_path / "models" / "f.onnx"
        assert store.inspect("faces").state == "ready"

    def test_the_model_folder_comes_before_the_cache(self, tmp_path: Path) -> None:
        store = store_of(tmp_path, model("faces", plain(None)))
        (tmp_path / "cache").mkdir()
        for folder in ("models", "cache"):
            (tmp_path / folder / "faces.onnx").write_bytes(FACES)
        assert store.find("faces").parent == tmp_path / "models"
        (tmp_path / "models" / "faces.onnx").unlink()
        assert store.find("faces").parent == tmp_path / "cache"

    @pytest.mark.parametrize(
        "content", [b"", FACES[:-1], FACES[:-1] + b"!"], ids=["empty", "short", "changed"]
    )
    def test_it_refuses_a_damaged_file(self, tmp_path: Path, content: bytes) -> None:
        store = store_of(tmp_path, model("faces", plain("http://publisher.example/faces.onnx")))
        damaged = tmp_path / "models" / "faces.onnx"
        damaged.write_bytes(content)
        with pytest.raises(ModelMissing, match="models ensure faces") as refusal:
            store.find("faces")
        assert str(damaged) in str(refusal.value)
        assert store.inspect("faces").state == "damaged"

    def test_a_good_copy_stands_in_for_a_damaged_one_which_is_still_reported(self, tmp_path: Path) -> None:
        store = store_of(tmp_path, model("faces", plain(None)))
        (tmp_path / "cache").mkdir()
        (tmp_path / "models" / "faces.onnx").write_bytes(b"broken")
        (tmp_path / "cache" / "faces.onnx").write_bytes(FACES)
        assert store.find("faces").parent == tmp_path / "cache"
        assert [damage.path.parent.name for damage in store.inspect("faces").damages] == ["models"]

    def test_it_notices_a_file_that_changes_after_it_was_checked(self, tmp_path: Path) -> None:
        store = store_of(tmp_path, model("faces", plain(None)))
        path = tmp_path / "models" / "faces.onnx"
        path.write_bytes(FACES)
        store.find("faces")
        path.write_bytes(FACES[:-1] + b"!")
        os.utime(path, (1, 1))
        with pytest.raises(ModelMissing, match="SHA-256"):
            store.find("faces")

    def test_any_edition_will_do(self, tmp_path: Path) -> None:
        editions = (plain("http://publisher.example/new.onnx", VOICES, ("new.onnx",)), plain(None))
        store = store_of(tmp_path, model("faces", *editions))
        (tmp_path / "models" / "faces.onnx").write_bytes(FACES)
        assert store.find("faces").name == "faces.onnx"

    def test_a_missing_package_names_the_command_that_installs_it(self, tmp_path: Path) -> None:
        store = store_of(tmp_path, model("faces", plain(None), package="no_such_package/models"))
        for ask in (store.find, store.ensure):
            with pytest.raises(ModelMissing, match="pip install faces"):
                ask("faces")

    def test_an_unknown_name_is_answered_with_the_known_ones(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissing, match="choose one of faces"):
            store_of(tmp_path, model("faces", plain(None))).find("voices")


class TestDownload:
    def test_a_file_arrives_checked_in_the_cache(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers = {"v1/faces.onnx": FACES}
        store = store_of(tmp_path, model("faces", plain(f"{publisher.url}/v1/faces.onnx")))
        progress: list[tuple[int, int]] = []
        path = store.ensure("faces", lambda done, total: progress.append((done, total)))
        assert path.read_bytes() == FACES
        assert cached(tmp_path) == ["faces.onnx"]
        assert progress[-1] == (len(FACES), len(FACES))
        assert store.ensure("faces") == store.find("faces") == path
        assert len(publisher.requests) == 1

    def test_a_member_of_an_archive_brings_its_neighbours_along(
        self, tmp_path: Path, publisher: Publisher
    ) -> None:
        archive = zipped({"pack/faces.onnx": FACES, "voices.onnx": VOICES, "../evil": b"no"})
        publisher.offers = {"pack.zip": archive}
        url = f"{publisher.url}/pack.zip"
        faces = model("faces", packed(url, "faces.onnx", FACES, len(archive)))
        voices = model("voices", packed(url, "voices.onnx", VOICES, len(archive)))
        store = store_of(tmp_path, faces, voices)
        assert store.ensure("faces").read_bytes() == FACES
        assert store.ensure("voices").read_bytes() == VOICES
        assert len(publisher.requests) == 1
        assert cached(tmp_path) == ["faces.onnx.cached", "voices.onnx.cached"]
        assert not (tmp_path / "evil").exists()

    def test_a_broken_connection_is_resumed(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers, publisher.breaks_after = {"faces.onnx": FACES}, PIECE
        store = store_of(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))
        assert store.ensure("faces").read_bytes() == FACES
        assert [asked for _, asked in publisher.requests] == ["", f"bytes={PIECE}-"]

    def test_a_later_call_goes_on_where_an_earlier_one_stopped(
        self, tmp_path: Path, publisher: Publisher
    ) -> None:
        publisher.offers, publisher.breaks_after, publisher.breaks = {"faces.onnx": FACES}, PIECE, 3
        store = store_of(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))
        with pytest.raises(DownloadFailed, match="try again, the download resumes where it stopped"):
            store.ensure("faces")
        assert cached(tmp_path) == ["faces.onnx.part"]
        assert store.ensure("faces").read_bytes() == FACES
        assert publisher.requests[-1][1] == f"bytes={3 * PIECE}-"

    def test_without_ranges_it_starts_again(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers, publisher.breaks_after, publisher.ranges = {"faces.onnx": FACES}, PIECE, False
        store = store_of(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))
        assert store.ensure("faces").read_bytes() == FACES
        assert len(publisher.requests) == 2

    @pytest.mark.parametrize("left", [b"x" * 50_000, b"x" * len(FACES), b"x" * (len(FACES) + 9), FACES])
    def test_what_lies_there_from_before_never_spoils_it(
        self, tmp_path: Path, publisher: Publisher, left: bytes
    ) -> None:
        publisher.offers = {"faces.onnx": FACES}
        store = store_of(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "faces.onnx.part").write_bytes(left)
        assert store.ensure("faces").read_bytes() == FACES
        assert cached(tmp_path) == ["faces.onnx"]

    def test_a_busy_server_is_asked_again(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers, publisher.answers = {"faces.onnx": FACES}, [503, 429]
        store = store_of(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))
        assert store.ensure("faces").read_bytes() == FACES

    def test_a_damaged_copy_is_replaced_by_the_publishers(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers = {"faces.onnx": FACES}
        store = store_of(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "faces.onnx").write_bytes(b"broken")
        assert store.ensure("faces").read_bytes() == FACES

    def test_processes_that_want_the_same_download_it_once(
        self, tmp_path: Path, publisher: Publisher
    ) -> None:
        publisher.offers, publisher.delay = {"faces.onnx": FACES}, 0.5
        known = model("faces", plain(f"{publisher.url}/faces.onnx"))
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            paths = list(pool.map(_ensured, [(tmp_path, known)] * 2))
        assert {path.read_bytes() for path in paths} == {FACES}
        assert len(publisher.requests) == 1


class TestMirror:
    def test_it_replaces_the_publisher(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers = {"models/faces-v1.onnx": FACES}
        known = model("faces", plain("http://publisher.invalid/v1/faces-v1.onnx"))
        assert (
            store_of(tmp_path, known, mirror=f"{publisher.url}/models/").ensure("faces").read_bytes() == FACES
        )

    def test_it_offers_what_no_publisher_does(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers = {"faces.onnx": FACES}
        known = model("faces", plain(None))
        assert store_of(tmp_path, known, mirror=publisher.url).ensure("faces").read_bytes() == FACES

    def test_its_password_stays_out_of_messages(self, tmp_path: Path, publisher: Publisher) -> None:
        mirror = publisher.url.replace("://", "://reader:secret@")
        with pytest.raises(DownloadFailed, match="404") as failure:
            store_of(tmp_path, model("faces", plain(None)), mirror=mirror).ensure("faces")
        assert "secret" not in str(failure.value)

    def test_a_mirror_without_a_scheme_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadFailed, match="FACETRACK_MODEL_MIRROR"):
            store_of(tmp_path, model("faces", plain(None)), mirror="mirror.example/models").ensure("faces")


class TestTrouble:
    def refusal(self, tmp_path: Path, *models: Model) -> str:
        with pytest.raises(DownloadFailed) as failure:
            store_of(tmp_path, *models).ensure(models[0].name)
        message = str(failure.value)
        assert models[0].name in message
        assert str(models[0].files[0].url) in message
        assert "FACETRACK_MODEL_MIRROR" in message
        assert all(name.endswith(".part") for name in cached(tmp_path)), "something unchecked was kept"
        return message

    def test_wrong_bytes(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers = {"faces.onnx": FACES[:-1] + b"!"}
        message = self.refusal(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))
        assert "SHA-256" in message
        assert cached(tmp_path) == []

    def test_a_page_instead_of_the_file(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers = {"faces.onnx": b"<html>please log in</html>"}
        assert "26 bytes" in self.refusal(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))

    def test_nothing_there(self, tmp_path: Path, publisher: Publisher) -> None:
        assert "404" in self.refusal(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))

    @pytest.mark.parametrize("chunked", [False, True])
    def test_too_much(self, tmp_path: Path, publisher: Publisher, chunked: bool) -> None:
        publisher.offers, publisher.chunked = {"faces.onnx": FACES + b"and more"}, chunked
        assert "expected" in self.refusal(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx")))

    def test_nobody_answers(self, tmp_path: Path, unused_port: int) -> None:
        started = time.monotonic()
        url = f"http://127.0.0.1:{unused_port}/faces.onnx"
        assert "no connection" in self.refusal(tmp_path, model("faces", plain(url)))
        assert time.monotonic() - started < 10

    @pytest.mark.parametrize(
        ("archive", "reason"),
        [
            (b"PK no zip at all", "cannot be read"),
            (zipped({"other.onnx": FACES}), "does not contain faces.onnx"),
            (zipped({"faces.onnx": FACES[:-1] + b"!"}), "SHA-256"),
            (zipped({"faces.onnx": b"\0" * 50_000_000}), "50,000,000 bytes"),
        ],
        ids=["no zip", "no member", "other bytes", "bomb"],
    )
    def test_an_archive_that_is_not_the_publishers(
        self, tmp_path: Path, publisher: Publisher, archive: bytes, reason: str
    ) -> None:
        publisher.offers = {"pack.zip": archive}
        file = packed(f"{publisher.url}/pack.zip", "faces.onnx", FACES, len(archive))
        assert reason in self.refusal(tmp_path, model("faces", file))

    def test_nobody_offers_it(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissing, match="no publisher is known") as refusal:
            store_of(tmp_path, model("faces", plain(None))).ensure("faces")
        assert str(tmp_path / "models") in str(refusal.value)
        assert sha256(FACES) in str(refusal.value)

    def test_a_cache_that_cannot_be_written(self, tmp_path: Path, publisher: Publisher) -> None:
        publisher.offers = {"faces.onnx": FACES}
        (tmp_path / "cache").write_text("a file where the folder should be")
        with pytest.raises(DownloadFailed, match="FACETRACK_CACHE_DIR"):
            store_of(tmp_path, model("faces", plain(f"{publisher.url}/faces.onnx"))).ensure("faces")


@pytest.fixture
def unused_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


def _ensured(task: tuple[Path, Model]) -> Path:
    tmp_path, known = task
    return store_of(tmp_path, known).ensure(known.name)
