"""The keys that sign tokens: made once, named by thumbprint, rotated with two alive."""

import os
import stat
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from facetrack.core.crypto import jwt_keys
from facetrack.core.crypto.jwt_keys import (
    FormerStillNeeded,
    GivenKeys,
    KeptKeys,
    RotatedMeanwhile,
    loaded,
    pems,
)

DAY = timedelta(days=1)
NAME = "FACETRACK_JWT_PRIVATE_KEY"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture(scope="module")
def two() -> list[str]:
    return [jwt_keys.make_pem(), jwt_keys.make_pem()]


@pytest.fixture
def kept(tmp_path: Path) -> KeptKeys:
    return KeptKeys(tmp_path / "jwt", DAY)


def kids(keys: KeptKeys | GivenKeys) -> list[str]:
    return [key.kid for key in keys.live()]


def test_a_key_is_called_by_the_thumbprint_of_rfc_7638(two: list[str]) -> None:
    example = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE"
        "CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
        "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6"
        "WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
    }
    public = RSAAlgorithm.from_jwk(example)
    assert isinstance(public, rsa.RSAPublicKey)
    assert jwt_keys.thumbprint(public) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    key = loaded(two[0])
    assert key.kid == jwt_keys.thumbprint(key.public)
    assert RSAAlgorithm.from_jwk(dict(key.jwk)) == key.public


def test_the_first_key_is_made_once_and_read_by_its_owner_only(kept: KeptKeys, tmp_path: Path) -> None:
    found: list[list[str]] = []
    both = [
        threading.Thread(target=lambda: found.append(kids(KeptKeys(tmp_path / "jwt", DAY)))) for _ in "12"
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found == [kids(kept)] * 2
    assert [path.name for path in (tmp_path / "jwt").iterdir()] == ["000001.pem"]
    assert stat.S_IMODE((tmp_path / "jwt" / "000001.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "jwt").stat().st_mode) == 0o700


def test_a_rotation_is_seen_by_who_has_the_keys_already(kept: KeptKeys, tmp_path: Path) -> None:
    running = KeptKeys(tmp_path / "jwt", DAY)
    (first,) = kids(running)
    done = kept.rotate()
    assert kids(running) == [done.kid, first]
    assert (done.former, done.dropped) == (first, [])


def test_a_former_key_is_kept_for_as_long_as_its_tokens_last(kept: KeptKeys, tmp_path: Path) -> None:
    (first,) = kids(kept)
    second = kept.rotate().kid
    with pytest.raises(FormerStillNeeded, match="the previous key must verify tokens until"):
        kept.rotate()
    assert kids(kept) == [second, first]
    yesterday = time.time() - DAY.total_seconds() - 1
    os.utime(tmp_path / "jwt" / "000002.pem", (yesterday, yesterday))
    assert kids(kept) == [second]
    done = kept.rotate()
    assert (done.former, done.dropped) == (second, [first])
    assert kids(kept) == [done.kid, second]
    assert sorted(path.name for path in (tmp_path / "jwt").iterdir()) == ["000002.pem", "000003.pem"]


def test_a_leaked_key_is_dropped_at_once(kept: KeptKeys) -> None:
    first = kids(kept)[0]
    second = kept.rotate().kid
    done = kept.rotate(drop=True)
    assert (done.former, done.until, done.dropped) == (None, None, [second, first])
    assert kids(kept) == [done.kid]


def test_of_two_rotations_at_once_one_is_refused(
    kept: KeptKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kids(kept)
    make, made = jwt_keys.make_pem, list[KeptKeys]()

    def other_is_first() -> str:
        if not made:
            made.append(KeptKeys(tmp_path / "jwt", DAY))
            made[0].rotate()
        return make()

    monkeypatch.setattr(jwt_keys, "make_pem", other_is_first)
    with pytest.raises(RotatedMeanwhile):
        kept.rotate()
    assert len(kids(kept)) == 2


def test_the_environment_may_give_several(two: list[str]) -> None:
    given = GivenKeys(pems("\n".join(two), name=NAME))
    assert kids(given) == [loaded(one).kid for one in two]
    assert pems(two[0].replace("\n", "\\n"), name=NAME) == [two[0].strip()]
    assert pems("", name=NAME) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no key at all", "contains no PEM"),
        ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----", "number 1 is not a private key"),
        (pem(rsa.generate_private_key(65537, 1024)), "number 1 is not an RSA key of 2048 bits"),  # noqa: S505
        (pem(ec.generate_private_key(ec.SECP256R1())), "number 1 is not an RSA key"),
    ],
)
def test_a_bad_value_is_refused_by_name_and_not_quoted(value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{NAME}.*{reason}") as refused:
        pems(value, name=NAME)
    assert not any(line and line in str(refused.value) for line in value.splitlines())


def test_a_public_half_has_nothing_private(two: list[str]) -> None:
    key = loaded(two[0])
    assert set(key.jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert "PRIVATE" not in repr(key)
    assert "private=" not in repr(key)
