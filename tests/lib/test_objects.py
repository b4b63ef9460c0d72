"""Pictures are kept on local disk and on S3 alike, belong to a tenant, and leave by short-lived URLs only."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
import requests
from django.core.files.storage import storages
from django.test import override_settings

from facetrack.core import objects
from tests.lib.s3_server import S3, missing_programs, s3_server

ACME, OTHER = uuid.uuid4(), uuid.uuid4()
JPEG = b"\xff\xd8\xff\xe0 not looked at by anybody"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    if missing := missing_programs():
        pytest.skip(f"needs Debian's ceph-mon, ceph-osd, radosgw, ceph-common (no {', '.join(missing)})")
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        client = boto3.client(
            "s3",
            endpoint_url=server.url,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
        )
        for bucket in (objects.RAW, objects.DERIVED):
            client.create_bucket(Bucket=bucket)
        yield server


@pytest.fixture(params=["disk", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Both kinds of storage, the way the settings make them."""
    if request.param == "disk":
        made: dict[str, Any] = {
            bucket: {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": tmp_path / bucket},
            }
            for bucket in (objects.RAW, objects.DERIVED)
        }
    else:
        server: S3 = request.getfixturevalue("s3")
        made = {
            bucket: {
                "BACKEND": "storages.backends.s3.S3Storage",
                "OPTIONS": {
                    "bucket_name": bucket,
                    "endpoint_url": server.url,
                    "access_key": server.access_key,
                    "secret_key": server.secret_key,
                    "querystring_expire": 300,
                    "addressing_style": "path",
                    "file_overwrite": False,
                },
            }
            for bucket in (objects.RAW, objects.DERIVED)
        }
    with override_settings(STORAGES=made):
        yield request.param


def test_what_is_saved_is_read_and_deleted(storage: str) -> None:
    key = objects.save(ACME, "shots", JPEG)
    assert key.startswith(f"{ACME}/shots/")
    with objects.open_object(ACME, key) as file:
        assert file.read() == JPEG
    objects.delete(ACME, key)
    assert not storages[objects.DERIVED].exists(key)
    objects.delete(ACME, key)  # what is gone already is no error


def test_a_url_shows_the_picture_without_another_login(storage: str) -> None:
    url = objects.url(ACME, objects.save(ACME, "shots", JPEG))
    if storage == "s3":
        assert requests.get(url, timeout=5).content == JPEG
        assert requests.get(url.split("?")[0], timeout=5).status_code == 403
    else:
        token = unquote(urlsplit(url).path.removeprefix("/pictures/"))
        bucket, key, small = objects.named_by(ACME, token)
        assert objects.open_object(ACME, key, bucket=bucket).read() == JPEG
        assert not small


def test_a_small_copy_goes_with_its_picture(storage: str) -> None:
    key = objects.save(ACME, "shots", JPEG)
    for _ in range(2):  # of two that are made at once, one is kept
        objects.save_small(ACME, key, b"small")
    small = storages[objects.DERIVED]
    assert objects.open_object(ACME, objects.small_key(key)).read() == b"small"
    objects.delete(ACME, key)
    assert not small.exists(objects.small_key(key))
    objects.save_small(ACME, key, b"small")  # deleted while it was made
    assert not small.exists(objects.small_key(key))


def test_a_local_url_of_a_small_copy_says_so(storage: str) -> None:
    key = objects.save(ACME, "shots", JPEG)
    token = unquote(objects.small_url(ACME, key).removeprefix("/pictures/"))
    assert objects.named_by(ACME, token) == (objects.DERIVED, key, True)
    with pytest.raises(objects.ForeignObject):
        objects.named_by(OTHER, token)


def test_another_tenants_object_is_refused(storage: str) -> None:
    key = objects.save(ACME, "shots", JPEG)
    for use in (objects.open_object, objects.delete, objects.url, objects.small_url):
        with pytest.raises(objects.ForeignObject):
            use(OTHER, key)
    with pytest.raises(objects.ForeignObject):
        objects.open_object(ACME, f"{ACME}/../{OTHER}/shots/1.jpg")


def test_a_local_url_is_worthless_elsewhere_and_later(tmp_path: Path, settings: Any) -> None:
    settings.STORAGES = {
        objects.DERIVED: {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        }
    }
    token = unquote(urlsplit(objects.url(ACME, objects.save(ACME, "shots", JPEG))).path.split("/")[-1])
    with pytest.raises(objects.ForeignObject):
        objects.named_by(OTHER, token)
    with pytest.raises(objects.ForeignObject):
        objects.named_by(ACME, token[:-1] + ("A" if token[-1] != "A" else "B"))
    settings.FACETRACK_PICTURE_URL_SECONDS = -1
    with pytest.raises(objects.ForeignObject, match="reload the page"):
        objects.named_by(ACME, token)


def test_an_object_without_a_tenant_is_refused() -> None:
    with pytest.raises(TypeError, match="belongs to a tenant"):
        objects.save("acme", "shots", JPEG)  # type: ignore[arg-type]
