"""What is accepted as a camera's address; whatever slips through here meets the worker's own check."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.rules import AddressPolicy, clip_problem, holds_login, secret_in, source_problem
from cameras.rules.login import taken_apart
from facetrack.core.addresses.networks import network_problem

OFFICE = AddressPolicy(
    networks=(ip_network("192.168.1.0/24"), ip_network("fd12:3456::/32"), ip_network("100.64.0.0/10")),
    own=frozenset({("192.168.1.9", 5432), ("db.internal", 5432), ("facetrack.example", 0), ("8.8.4.4", 0)}),
)


@pytest.mark.parametrize(
    "location",
    [
        "rtsp://93.184.215.14/stream",
        "rtsps://camera.example:322/stream?channel=1",
        "RTSP://Camera_7.example/stream",
        "rtsp://192.168.1.20:8554/a/b",
        "rtsp://192.168.1.9:554/",
        "rtsp://[fd12:3456::7]/x",
        "rtsp://[2606:4700::1111]:554/x",
        "rtsp://100.65.0.1/x",
        "rtsp://door/x",
        "rtsp://cam.example/user={username}&password={password}&channel=1",
        "rtsp://cam.example/?usr={username}&pwd={password}",
    ],
)
def test_cameras_are_accepted(location: str) -> None:
    assert source_problem("rtsp", location, OFFICE) is None
    assert secret_in(location) is None


@pytest.mark.parametrize(
    "location",
    [
        "",
        "rtsp:",
        "rtsp://",
        "//192.168.1.20/x",
        "http://192.168.1.20/x",
        "file:///etc/passwd",
        "gopher://192.168.1.20/",
        "rtsp+http://192.168.1.20/",
        "rtsp://192.168.2.20/x",
        "rtsp://10.0.0.7/x",
        "rtsp://172.16.0.1/x",
        "rtsp://[fd00::1]/x",
        "rtsp://127.0.0.1/x",
        "rtsp://127.8.8.8/x",
        "rtsp://localhost/x",
        "rtsp://a.LOCALHOST/x",
        "rtsp://localhost./x",
        "rtsp://127.0.0.1./x",
        "rtsp://0/x",
        "rtsp://0.0.0.0/x",
        "rtsp://127.1/x",
        "rtsp://2130706433/x",
        "rtsp://0x7f000001/x",
        "rtsp://0x7f.0.0.1/x",
        "rtsp://0177.0.0.1/x",
        "rtsp://017700000001/x",
        "rtsp://192.168.1.0x14/x",
        "rtsp://192.168.1.020/x",
        "rtsp://192.168.276/x",
        "rtsp://256.1.1.1/x",
        "rtsp://[::1]/x",
        "rtsp://[::]/x",
        "rtsp://[::127.0.0.1]/x",
        "rtsp://[::ffff:127.0.0.1]/x",
        "rtsp://[::ffff:7f00:1]/x",
        "rtsp://[::ffff:169.254.169.254]/x",
        "rtsp://[64:ff9b::7f00:1]/x",
        "rtsp://[2002:7f00:1::]/x",
        "rtsp://[fe80::1]/x",
        "rtsp://[fe80::1%25eth0]/x",
        "rtsp://[fe80::1%eth0]/x",
        "rtsp://[ff02::1]/x",
        "rtsp://169.254.169.254/latest/meta-data",
        "rtsp://169.254.1.1/x",
        "rtsp://[fd00:ec2::254]/x",
        "rtsp://100.100.100.200/x",
        "rtsp://224.0.0.1/x",
        "rtsp://255.255.255.255/x",
        "rtsp://192.0.2.1/x",
        "rtsp://192.168.1.9:5432/x",
        "rtsp://DB.internal:5432/x",
        "rtsp://facetrack.example/x",
        "rtsp://8.8.4.4:1/x",
        "rtsp://[::ffff:8.8.4.4]:1/x",
        "rtsp://me@192.168.1.20/x",
        "rtsp://me:pw@192.168.1.20/x",
        "rtsp://93.184.215.14@127.0.0.1/x",
        "rtsp://127.0.0.1#@93.184.215.14/x",
        "rtsp://93.184.215.14#x",
        "rtsp://93.184.215.14\\@127.0.0.1/x",
        "rtsp://127.0.0.1%2f@93.184.215.14/",
        "rtsp://%31%32%37.0.0.1/x",
        "rtsp://127。0。0。1/x",
        "rtsp://①②⑦.0.0.1/x",
        "rtsp://ⓛocalhost/x",
        "rtsp://loc\u00adalhost/x",
        "rtsp://xn--bcher-kva.example:0/x",
        "rtsp://192.168.1.20:65536/x",
        "rtsp://192.168.1.20:-1/x",
        "rtsp://192.168.1.20:99999999999999999999/x",
        "rtsp://192.168.1.20:\uff15\uff15\uff14/x",
        "rtsp://192.168.1.20:554:554/x",
        "rtsp://192.168.1.20 /x",
        " rtsp://192.168.1.20/x",
        "rtsp://192.168.1.20/x\r\nHost: evil",
        "rtsp://192.168.1.20/\tx",
        "rtsp://192.168.1.20/\0",
        "rtsp://[::1/x",
        "rtsp://::1/x",
        "rtsp://[v1.x]/x",
        "rtsp://a..example/x",
        "rtsp://" + "a" * 64 + ".example/x",
        "rtsp://" + "a." * 127 + "example/x",
    ],
)
def test_everything_else_is_refused(location: str) -> None:
    assert source_problem("rtsp", location, OFFICE)


def test_this_machine_is_a_camera_only_where_that_is_wanted() -> None:
    tests = AddressPolicy(loopback=True, own=frozenset({("127.0.0.1", 5432)}))
    assert source_problem("http", "http://127.0.0.1:8080/x", tests) is None
    assert source_problem("http", "http://localhost:8080/x", tests) is None
    assert source_problem("http", "http://127.0.0.1:5432/x", tests)
    assert source_problem("http", "http://169.254.169.254/", tests)


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_no_spelling_of_a_refused_address_is_accepted(address: object) -> None:
    """Whatever a policy refuses as four numbers, it refuses as one number, in hexadecimal, inside IPv6."""
    plain = ip_address(str(address))
    if AddressPolicy().problem(plain, 554) is None:
        return
    number = int(plain)
    spellings = [str(plain), str(number), hex(number), f"0{number:o}", f"[::ffff:{plain}]", f"{plain}."]
    spellings.append(".".join(f"0x{part:x}" for part in plain.packed))
    for spelling in spellings:
        assert source_problem("rtsp", f"rtsp://{spelling}/x", AddressPolicy()), spelling


@settings(deadline=None)
@given(st.text(max_size=60))
def test_nothing_that_is_typed_breaks_the_rules(text: str) -> None:
    for kind in ("rtsp", "http", "usb"):
        for location in (text, f"{kind}://{text}", f"{kind}://[{text}]/", f"{kind}://a/{text}"):
            source_problem(kind, location, OFFICE)
            holds_login(location)
    clip_problem(text, folder="/srv/clips", tenant="acme")
    network_problem(text)


@pytest.mark.parametrize(
    "network", ["192.168.1.0/24", "10.0.0.7", "10.0.0.7/8", "fd12:3456::/48", "100.64.0.0/10"]
)
def test_private_networks_can_be_allowed(network: str) -> None:
    assert network_problem(network) is None


@pytest.mark.parametrize(
    "network",
    [
        *("", "door", "0.0.0.0/0", "::/0", "8.8.8.0/24", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/15"),
        *("10.0.0.0/7", "::ffff:10.0.0.0/104", "fe80::/10", "fc00::/6", "10.0.0.0/33", "10.0.0.0/8/8"),
        "10.0.0.0/255.0.0.1",
    ],
)
def test_other_networks_cannot(network: str) -> None:
    assert network_problem(network)


def test_metadata_stays_refused_inside_an_allowed_network() -> None:
    policy = AddressPolicy(networks=(ip_network("fc00::/7"), ip_network("100.64.0.0/10")))
    assert policy.problem(ip_address("fd00:ec2::254"), 80)
    assert policy.problem(ip_address("100.100.100.200"), 80)
    assert policy.problem(ip_address("fd00:ec2::253"), 80) is None


@pytest.mark.parametrize(
    ("location", "apart", "usernames", "passwords"),
    [
        ("rtsp://c/x?channel=1", "rtsp://c/x?channel=1", [], []),
        ("rtsp://c/?user=a&pwd=b%26", "rtsp://c/?user={username}&pwd={password}", ["a"], ["b&"]),
        ("rtsp://c/?p%61ssword=b", "rtsp://c/?p%61ssword={password}", [], ["b"]),
        ("rtsp://c/?access_token=b;x=1", "rtsp://c/?access_token={password};x=1", [], ["b"]),
        (
            "rtsp://c/user=admin_password=a_b_channel=1_stream=0.sdp",
            "rtsp://c/user={username}_password={password}_channel=1_stream=0.sdp",
            ["admin"],
            ["a_b"],
        ),
        (
            "rtsp://c/user=admin&password=&channel=1",
            "rtsp://c/user={username}&password=&channel=1",
            ["admin"],
            [],
        ),
    ],
)
def test_logins_in_addresses_are_found(
    location: str, apart: str, usernames: list[str], passwords: list[str]
) -> None:
    assert taken_apart(location) == (apart, usernames, passwords)
    assert (secret_in(location) is not None) == bool(usernames or passwords)
    assert secret_in(apart) is None


@pytest.mark.parametrize("location", ["a.mp4", "/srv/clips/a.mp4", "acme/a.mp4", "/srv/clips/acme/b/a.mp4"])
def test_clips_of_the_folder_may_be_played(location: str) -> None:
    assert clip_problem(location, folder="/srv/clips", tenant="acme") is None


@pytest.mark.parametrize(
    "location",
    [
        "",
        ".",
        "/srv/clips",
        "/srv/clips2/a.mp4",
        "../a.mp4",
        "acme/../../a",
        "/etc/passwd",
        "other/a.mp4",
        "a\0b",
    ],
)
def test_other_files_may_not(location: str) -> None:
    assert clip_problem(location, folder="/srv/clips", tenant="acme")
