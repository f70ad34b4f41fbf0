"""Checks of hosts and URLs: private networks, and URLs of responses."""

from __future__ import annotations

import pytest

from twelvelabs_provider.api.addresses import is_inside, must_be_usable
from twelvelabs_provider.api.endpoint import endpoint_from
from twelvelabs_provider.api.errors import TwelveLabsAnswerError

INSIDE = [
    "localhost", "LOCALHOST.", "db", "a.internal", "x.cluster.local", "127.0.0.1", "10.1.2.3", "169.254.169.254",
    "0.0.0.0", "::1", "[::1]", "fe80::1", "fe80::1%eth0", "fd00::2", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1", "2002:7f00:1::", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "224.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
]  # fmt: skip
OUTSIDE = [
    "api.twelvelabs.io",
    "bucket.s3.amazonaws.com",
    "8.8.8.8",
    "2606:4700::1111",
    "0x.example.com",
    "1.example.org",
]
SIGNATURE = "X-Amz-Signature=5ecre7"


@pytest.mark.parametrize("host", INSIDE)
def test_private_hosts(host: str) -> None:
    assert is_inside(host)


@pytest.mark.parametrize("host", OUTSIDE)
def test_public_hosts(host: str) -> None:
    assert not is_inside(host)


def usable(url: str, service: str) -> None:
    endpoint = endpoint_from("c", host=service, port=None, schema=None, password="tlk_key", extra={})
    must_be_usable(url, endpoint, "the address of part 3")


@pytest.mark.parametrize(
    "url",
    [
        "http://bucket.example.com/p", "https://127.0.0.1/p", "https://[::1]/p", "https://2130706433/p",
        "https://user:word@bucket.example.com/p", "https://bucket.example.com@10.0.0.1/p", "ftp://bucket.example.com/p",
        "file:///etc/passwd", "https:///p", "https://bucket.example.com\\@10.0.0.1/p", "https://[::1/p", "//host/p", "",
        "https://bucket.example.com:99999/p",
    ],
)  # fmt: skip
def test_refused_addresses(url: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match=r"^the address of part 3 .*nothing was sent") as caught:
        usable(f"{url}?{SIGNATURE}", "https://api.twelvelabs.io")
    assert "5ecre7" not in str(caught.value)


def test_accepted_addresses() -> None:
    usable(f"https://bucket.s3.amazonaws.com/p?{SIGNATURE}", "https://api.twelvelabs.io")
    usable(f"http://127.0.0.1:9000/p?{SIGNATURE}", "http://localhost:8000")
    usable(f"http://minio:9000/p?{SIGNATURE}", "http://engine:8000")
