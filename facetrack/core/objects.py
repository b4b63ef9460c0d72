"""Object storage: pictures in two buckets, on local disk or any S3 API (`S3_ENDPOINT_URL`).

Keys start with the tenant's UUID and are checked; a picture leaves only through a short-lived URL that is
made after a permission check.
"""

import os
import uuid
from pathlib import Path
from stat import S_ISREG
from typing import IO, Any, cast
from urllib.parse import quote

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from facetrack.core.waiting import give_back

RAW, DERIVED = "faces-raw", "faces-derived"
_SALT = "facetrack.picture"


class ForeignObject(PermissionError):
    """A key that belongs to another tenant, or to none."""


def save(tenant: uuid.UUID, kind: str, data: bytes, *, bucket: str = DERIVED, suffix: str = ".jpg") -> str:
    """Store `data` and return its key: `<tenant>/<kind>/<random>.jpg`."""
    if not isinstance(tenant, uuid.UUID):
        raise TypeError(f"an object belongs to a tenant, not to {tenant!r}")
    give_back(may_keep=True)
    return _bucket(bucket).save(f"{tenant}/{kind}/{uuid.uuid4().hex}{suffix}", ContentFile(data))


def open_object(tenant: uuid.UUID, key: str, *, bucket: str = DERIVED) -> IO[bytes]:
    """Raises ForeignObject, FileNotFoundError."""
    own = _own(tenant, key)
    give_back(may_keep=True)
    return _bucket(bucket).open(own, "rb")


def delete(tenant: uuid.UUID, key: str, *, bucket: str = DERIVED) -> None:
    """Deletes an object, and its small copy; a missing one is not an error."""
    own = _own(tenant, key)
    give_back(may_keep=True)
    _bucket(bucket).delete(own)
    _bucket(DERIVED).delete(small_key(own))


def size(tenant: uuid.UUID, key: str, *, bucket: str = DERIVED) -> int:
    """In bytes; 0 for a missing object."""
    try:
        return int(_bucket(bucket).size(_own(tenant, key)))
    except FileNotFoundError:
        return 0


def small_key(key: str) -> str:
    """Where the small copy of a picture is kept, in DERIVED: names are random, and none is used twice."""
    tenant, _, rest = key.partition("/")
    return f"{tenant}/small/{rest.rpartition('/')[2]}"


def save_small(tenant: uuid.UUID, key: str, data: bytes, *, bucket: str = DERIVED) -> None:
    """Keeps the small copy of a picture, unless the picture was deleted meanwhile."""
    small = small_key(_own(tenant, key))
    give_back(may_keep=True)
    kept = _bucket(DERIVED).save(small, ContentFile(data))
    if kept != small or not _bucket(bucket).exists(
        key
    ):  # another request was first, or it is to be forgotten
        _bucket(DERIVED).delete(kept)


def total(tenant: uuid.UUID) -> int:
    """The bytes of all objects of a tenant, in both buckets. Slow: it lists each object."""
    return sum(_total(_bucket(name), f"{tenant}/") for name in (RAW, DERIVED))


def url(tenant: uuid.UUID, key: str, *, bucket: str = DERIVED) -> str:
    """A URL for `FACETRACK_PICTURE_URL_SECONDS`; call it after the permission check."""
    storage = _bucket(bucket)
    if isinstance(storage, FileSystemStorage):
        token = signing.dumps([bucket, _own(tenant, key)], salt=f"{_SALT}.{tenant}", compress=True)
        return f"/pictures/{quote(token)}"
    return storage.url(_own(tenant, key))


def small_url(tenant: uuid.UUID, key: str, *, bucket: str = DERIVED) -> str:
    """As `url`, of the small copy (`facetrack.core.thumbnails`), which the web process serves."""
    token = signing.dumps([bucket, _own(tenant, key), "small"], salt=f"{_SALT}.{tenant}", compress=True)
    return f"/pictures/{quote(token)}"


def named_by(tenant: uuid.UUID, token: str) -> tuple[str, str, bool]:
    """Bucket and key behind a local URL, and whether it is of the small copy.

    Raises ForeignObject if it is forged, expired or another tenant's.
    """
    try:
        bucket, key, *small = signing.loads(
            token, salt=f"{_SALT}.{tenant}", max_age=settings.FACETRACK_PICTURE_URL_SECONDS
        )
    except signing.BadSignature:
        raise ForeignObject("this picture's address is no longer valid: reload the page") from None
    return bucket, key, bool(small)


def _total(storage: Storage, prefix: str) -> int:
    if isinstance(storage, FileSystemStorage):
        files = (path for path in Path(storage.path(prefix)).rglob("*"))
        return sum(found.st_size for path in files if (found := _stat(path)) and S_ISREG(found.st_mode))
    return sum(one.size for one in cast(Any, storage).bucket.objects.filter(Prefix=prefix))


def _stat(path: Path) -> os.stat_result | None:
    """None for an object that was deleted meanwhile."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _own(tenant: uuid.UUID, key: str) -> str:
    if not key.startswith(f"{tenant}/") or ".." in key:
        raise ForeignObject(f"the object {key!r} does not belong to tenant {tenant}")
    return key


def _bucket(name: str) -> Storage:
    if name not in settings.FACETRACK_BUCKETS:
        raise ValueError(f"there is no bucket {name!r}")
    return storages[name]
