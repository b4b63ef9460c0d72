"""Where the catalogue's models are stored on this machine, and how they get there.

Search order: the folder of the setting FACETRACK_MODEL_DIR, the cache folder, the publisher. A file is used
only if its SHA-256 is the catalogue's: a damaged file is skipped and reported.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import logging
import os
import shutil
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from workers.recognition.models.catalogue import MODELS, Model, ModelFile
from workers.recognition.models.download import BrokenOffError, Progress, RefusedError, download

logger = logging.getLogger(__name__)

SLACK = 1.1
"""An archive may be this much larger than the catalogue says before it is refused."""


class ModelMissing(Exception):
    """A model is not available. `fix_hint` says what to do about it."""

    def __init__(self, name: str, fix_hint: str, reason: str = "is not on this machine") -> None:
        super().__init__(f"model {name} {reason}: {fix_hint}")
        self.name = name
        self.fix_hint = fix_hint


class DownloadFailed(ModelMissing):
    """The publisher or the mirror did not deliver a model."""

    def __init__(self, name: str, url: str, reason: str, fix_hint: str) -> None:
        super().__init__(name, fix_hint, f"could not be downloaded from {_without_password(url)} ({reason})")


class ContentError(Exception):
    """The downloaded file is not what the catalogue describes."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A file with a model's name whose content is not the model."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The copies of a model on this machine: `path` is the first good copy, `place` is where it was found."""

    model: Model
    path: Path | None
    place: str
    damages: tuple[Damage, ...]

    @property
    def state(self) -> str:
        if self.path:
            return "ready"
        return "damaged" if self.damages else "missing"


class ModelStore:
    """Finds, downloads and verifies models. Safe to use from several threads and processes at once.

    mirror  base URL that replaces the publishers': `<mirror>/<file name of the publisher>`; serves also files
            that no publisher offers, under their first name in the catalogue
    pauses  seconds before each further try of a download that broke off
    """

    def __init__(
        self,
        model_dir: Path | None,
        cache_dir: Path,
        *,
        mirror: str = "",
        models: Mapping[str, Model] = MODELS,
        pauses: tuple[float, ...] = (1.0, 3.0),
    ) -> None:
        self._model_dir = model_dir
        self._cache_dir = cache_dir
        self._mirror = mirror.rstrip("/")
        self._models = models
        self._pauses = pauses

    def find(self, name: str) -> Path:
        """The verified file (for a package: folder) of a model. Raises ModelMissing; never downloads."""
        model = self._model(name)
        finding = self._first_good(model)
        if finding.path:
            return finding.path
        if finding.damages:
            damage = finding.damages[0]
            raise ModelMissing(name, self.cure(model, damage), f"is damaged ({damage.path}: {damage.reason})")
        raise ModelMissing(name, self.fix_hint(model))

    def inspect(self, name: str) -> Finding:
        """All copies of a model on this machine, with damaged ones behind a good one, too."""
        model = self._model(name)
        copies = list(self._copies(model))
        good = next(((place, path) for place, path, reason in copies if not reason), ("", None))
        damages = tuple(Damage(path, reason) for _, path, reason in copies if reason)
        return Finding(model, good[1], good[0], damages)

    def ensure(self, name: str, progress: Progress | None = None) -> Path:
        """The verified file of a model, downloaded into the cache if there is no other copy.

        Raises ModelMissing if no publisher offers it, DownloadFailed if the download does not succeed.
        """
        model = self._model(name)
        finding = self._first_good(model)
        if finding.path:
            return finding.path
        for damage in finding.damages:
            logger.warning("%s is skipped as model %s: %s", damage.path, name, damage.reason)
        offers = [file for file in model.files if file.url or self._mirror]
        if model.package or not offers:
            raise ModelMissing(name, self.fix_hint(model))
        failure: DownloadFailed | None = None
        for file in offers:
            try:
                return self._fetched(model, file, progress or _unseen)
            except DownloadFailed as error:
                failure = failure or error
        assert failure is not None  # noqa: S101 - the loop ran at least once
        raise failure

    def fix_hint(self, model: Model) -> str:
        """How to get a model that is missing."""
        if model.package:
            return f"install it with `{model.install}`"
        names = " or ".join(name for file in model.files for name in file.names)
        folder = self._model_dir or "the folder that FACETRACK_MODEL_DIR names"
        put = f"put {names} into {folder}"
        offer = next((file for file in model.files if file.url or self._mirror), None)
        if offer:
            amount = f"{offer.download_size / 1e6:.1f} MB"
            return f"run `manage.py models ensure {model.name}` (downloads {amount}), or {put}"
        return (
            f"no publisher is known to offer this file (the model's page is {model.page}): {put} (SHA-256 "
            f"{model.files[0].sha256}), or offer it on a server that FACETRACK_MODEL_MIRROR names"
        )

    def cure(self, model: Model, damage: Damage) -> str:
        """How to repair a damaged copy."""
        if model.package:
            return f"reinstall it with `{model.install} --force-reinstall`"
        return f"delete {damage.path}, then {self.fix_hint(model)}"

    def _model(self, name: str) -> Model:
        if name not in self._models:
            raise ModelMissing(name, f"choose one of {', '.join(self._models)}", "is not in the catalogue")
        return self._models[name]

    def _first_good(self, model: Model) -> Finding:
        damages: list[Damage] = []
        for place, path, reason in self._copies(model):
            if not reason:
                return Finding(model, path, place, tuple(damages))
            damages.append(Damage(path, reason))
        return Finding(model, None, "", tuple(damages))

    def _copies(self, model: Model) -> Iterator[tuple[str, Path, str]]:
        """Place, path and fault ("" for none) of each file with one of the model's names."""
        if model.package:
            folder = _package_folder(model)
            if folder:
                yield "package", *_flawed_part(folder, model)
            return
        names = [name for file in model.files for name in file.names]
        for place, folder in (("model folder", self._model_dir), ("cache", self._cache_dir)):
            for path in (folder / name for name in names) if folder else ():
                flaw = _flaw(path, model.files)
                if flaw is not None:
                    yield place, path, flaw

    def _fetched(self, model: Model, file: ModelFile, progress: Progress) -> Path:
        """Downloads one edition; other processes that want the same one wait."""
        url = f"{self._mirror}/{file.published_name}" if self._mirror else str(file.url)
        part = self._cache_dir / f"{file.published_name}.part"
        try:
            self._cache_dir.mkdir(parents=True, exist_ok=True)
            with _alone(self._cache_dir / f".{file.published_name}.lock"):
                finding = self._first_good(model)  # another process may have downloaded it meanwhile
                return finding.path or self._received(model, file, url, part, progress)
        except (RefusedError, BrokenOffError, ContentError, OSError) as error:
            raise DownloadFailed(model.name, url, str(error), self._way_out(file, error)) from error

    def _way_out(self, file: ModelFile, error: Exception) -> str:
        if isinstance(error, OSError):
            return f"make {self._cache_dir} writable, with enough free space, or set FACETRACK_CACHE_DIR"
        folder = self._model_dir or "the folder that FACETRACK_MODEL_DIR names"
        first = {
            BrokenOffError: "try again, the download resumes where it stopped",
            ContentError: "nothing of it was kept",
        }
        return (
            f"{first.get(type(error), 'check whether this machine reaches that server')}; or set "
            f"FACETRACK_MODEL_MIRROR to a server that offers {file.published_name}; or put {file.names[0]} "
            f"into {folder}"
        )

    def _received(self, model: Model, file: ModelFile, url: str, part: Path, progress: Progress) -> Path:
        """An older `.part` may belong to other bytes: in that case the download starts again."""
        limit = int(file.download_size * SLACK) if file.member else file.size
        resumed = part.exists()
        _check_room(self._cache_dir, file, part)
        download(url, part, limit, self._pauses, progress)
        try:
            return self._unpacked(file, part)
        except ContentError:
            part.unlink(missing_ok=True)
            if not resumed:
                raise
        logger.warning("the resumed download of model %s was not whole: starting again", model.name)
        download(url, part, limit, self._pauses, progress)
        try:
            return self._unpacked(file, part)
        finally:
            part.unlink(missing_ok=True)

    def _unpacked(self, file: ModelFile, part: Path) -> Path:
        """Verifies the download and moves it to its name. Raises ContentError."""
        target = self._cache_dir / file.names[0]
        if not file.member:
            flaw = _flaw(part, (file,))
            if flaw:
                raise ContentError(flaw)
            os.replace(part, target)
            return target
        _extract(part, file, target)
        for other in self._neighbours(file):
            try:
                _extract(part, other, self._cache_dir / other.names[0])
            except ContentError as error:  # this model was not requested
                logger.info("%s was not taken from %s: %s", other.member, file.published_name, error)
        part.unlink()
        return target

    def _neighbours(self, file: ModelFile) -> list[ModelFile]:
        """Other missing models of the same archive: they need no download of their own."""
        return [
            other
            for model in self._models.values()
            for other in model.files
            if other.url == file.url and other.member != file.member and not self._first_good(model).path
        ]


def _unseen(_done: int, _total: int) -> None:
    """For callers that do not show progress."""


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _package_folder(model: Model) -> Path | None:
    """Found without importing: face_recognition_models imports pkg_resources, which new Pythons lack."""
    name, _, way = str(model.package).partition("/")
    specs = [importlib.util.find_spec(needed) for needed in (name, *model.needs)]
    if not all(specs) or not specs[0] or not specs[0].submodule_search_locations:
        return None
    return Path(specs[0].submodule_search_locations[0], way)


def _flawed_part(folder: Path, model: Model) -> tuple[Path, str]:
    """The first missing or damaged file of a package, or the folder if all files are good."""
    for file in model.files:
        path = folder / file.names[0]
        flaw = _flaw(path, (file,))
        if flaw is None or flaw:
            return path, flaw or "it does not exist"
    return folder, ""


_digests: dict[tuple[str, int, int], str] = {}
_digests_lock = threading.Lock()


def _sha256(path: Path) -> str:
    """Hashed once per process, as long as size and modification time do not change."""
    stat = path.stat()
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    with _digests_lock:
        if key not in _digests:
            with path.open("rb") as stream:
                _digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return _digests[key]


def _flaw(path: Path, editions: tuple[ModelFile, ...]) -> str | None:
    """Why the file is none of the editions: "" if it is one, None if there is no such file."""
    try:
        if not path.is_file():
            return None
        size = path.stat().st_size
        alike = [edition for edition in editions if edition.size == size]
        if not alike:
            return f"it has {size:,} bytes instead of {editions[0].size:,}"
        if _sha256(path) not in {edition.sha256 for edition in alike}:
            return f"its SHA-256 is {_sha256(path)} instead of {alike[0].sha256}"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return ""


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process or thread holds the lock; the system releases it when a holder dies."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _check_room(folder: Path, file: ModelFile, part: Path) -> None:
    there = part.stat().st_size if part.exists() else 0
    needed = file.download_size - there + (file.size if file.member else 0)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"{folder} has {free / 1e6:.0f} MB of free space, {needed / 1e6:.0f} MB are needed")


def _extract(archive: Path, file: ModelFile, target: Path) -> None:
    """One member, moved to our own name after verification; other members are not extracted."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        with zipfile.ZipFile(archive) as opened:
            info = next(
                (info for info in opened.infolist() if PurePosixPath(info.filename).name == file.member), None
            )
            if info is None:
                raise ContentError(f"the archive does not contain {file.member}")
            if info.file_size != file.size:
                raise ContentError(f"{file.member} has {info.file_size:,} bytes instead of {file.size:,}")
            with opened.open(info) as source, fresh.open("wb") as stream:
                _copy(source, stream)
        flaw = _flaw(fresh, (file,))
        if flaw:
            raise ContentError(f"{file.member}: {flaw}")
        os.replace(fresh, target)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ContentError(f"the archive cannot be read: {error}") from error
    finally:
        fresh.unlink(missing_ok=True)


def _copy(source: IO[bytes], stream: IO[bytes]) -> None:
    shutil.copyfileobj(source, stream, 1 << 20)
    stream.flush()
    os.fsync(stream.fileno())
