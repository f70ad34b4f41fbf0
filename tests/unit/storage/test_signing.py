"""Presigned URLs: masked at creation, and refused if the service could not fetch them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from airflow.sdk.io import store as airflow_store
from fsspec.spec import AbstractFileSystem

from twelvelabs_provider.api.addresses import is_inside
from twelvelabs_provider.api.assets import UPLOADS, UploadMethod, choose_method
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks import masking
from twelvelabs_provider.hooks.log_redaction import redact_client_logs
from twelvelabs_provider.jobs.asset_upload import method_for
from twelvelabs_provider.storage.signing import SIGNED_FOR, signed_link
from twelvelabs_provider.storage.source import Source, resolve_source
from twelvelabs_provider.storage.source_content import StoredObject

SERVICE = "https://api.twelvelabs.io"
SIGNATURE = "0123456789abcdef0123"


class SigningStore(AbstractFileSystem):  # type: ignore[misc]
    """One object, and links to it."""

    cachable = False
    protocol = "s3"

    def __init__(self, link: str = "", error: Exception | None = None) -> None:
        super().__init__()
        self.link, self.error = link, error

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": 3, "type": "file", "ETag": '"e"'}

    def cat_file(self, path: str, start: Any = None, end: Any = None, **_: Any) -> bytes:
        return b"abc"[start:end]

    def sign(self, path: str, expiration: int = 100, **_: Any) -> str:
        if self.error:
            raise self.error
        return self.link.format(path=path, expiration=expiration)


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was given to Airflow to be masked."""
    found: list[str] = []
    monkeypatch.setattr(masking, "mask_secret", found.extend)
    return found


@pytest.fixture
def source(stores: dict[str, Any]) -> Callable[..., Source]:
    """Return an object of a store that signs."""

    def make(link: str = "", error: Exception | None = None) -> Source:
        stores.clear()
        airflow_store.attach("s3", "conn", fs=SigningStore(link, error))
        return resolve_source("s3://conn@bucket/a b.mp4")

    return make


def test_presigned_url_is_masked(source: Callable[..., Source], masked: list[str]) -> None:
    given = source("https://bucket.s3.amazonaws.com/x?path={path}&Expires={expiration}&Signature=" + SIGNATURE)
    link = signed_link(given, SERVICE)
    query = f"path=bucket/a b.mp4&Expires={SIGNED_FOR}&Signature={SIGNATURE}"
    assert link == f"https://bucket.s3.amazonaws.com/x?{query}"
    assert SIGNATURE in masked
    assert SIGNATURE not in repr(given)


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "[::1]", "10.1.2.3", "minio:9000", "s3.corp.internal", "localhost"])
def test_private_url_is_only_for_a_private_service(source: Callable[..., Source], masked: list[str], host: str) -> None:
    given = source(f"http://{host}/x?Signature={SIGNATURE}")
    assert signed_link(given, "http://127.0.0.1:8000").startswith(f"http://{host}")
    with pytest.raises(TwelveLabsInputError, match="cannot reach from the internet: use method 'direct'") as caught:
        signed_link(given, SERVICE)
    assert SIGNATURE not in str(caught.value)


def test_signing_error_shows_no_signature(source: Callable[..., Source], masked: list[str]) -> None:
    error = AttributeError(f"you need a private key, not https://host/x?sig={SIGNATURE} or a?sig={SIGNATURE}")
    with pytest.raises(TwelveLabsInputError) as caught:
        signed_link(source(error=error), SERVICE)
    assert "'s3://bucket/a b.mp4' cannot be signed with this connection (AttributeError: you need" in str(caught.value)
    assert SIGNATURE not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(TwelveLabsInputError, match="no http"):
        signed_link(source("bucket/a b.mp4"), SERVICE)


def test_stores_without_presigned_urls(memory: Any) -> None:
    memory.pipe_file("/bucket/a.mp4", b"abc")
    given = resolve_source("memory://bucket/a.mp4")
    assert not given.can_sign
    with pytest.raises(TwelveLabsInputError, match="its store signs none"):
        signed_link(given, SERVICE)


def test_method_auto_prefers_a_presigned_url() -> None:
    small, large = choose_method(1, None, True), choose_method(UPLOADS.max_url, None, True)
    assert (small.method, small.otherwise) == (UploadMethod.URL, UploadMethod.DIRECT)
    assert (large.method, large.otherwise) == (UploadMethod.URL, UploadMethod.MULTIPART)
    asked = choose_method(UPLOADS.max_url, UploadMethod.URL, True)
    assert (asked.method, asked.otherwise) == (UploadMethod.URL, None)
    assert choose_method(1, UploadMethod.DIRECT, True).method is UploadMethod.DIRECT
    too_large = choose_method(UPLOADS.max_url + 1, None, True)
    assert (too_large.method, too_large.otherwise) == (UploadMethod.MULTIPART, None)
    with pytest.raises(ValueError, match="use 'multipart'"):
        choose_method(UPLOADS.max_url + 1, UploadMethod.URL, True)


def test_source_without_presigned_url_is_uploaded(source: Callable[..., Source], masked: list[str]) -> None:
    link = f"https://bucket.s3.amazonaws.com/x?Signature={SIGNATURE}"
    assert method_for(source(link), None, SERVICE).method is UploadMethod.URL
    assert method_for(source(link)).method is UploadMethod.DIRECT
    assert method_for(source(link), UploadMethod.MULTIPART, SERVICE).method is UploadMethod.MULTIPART
    unsigned = method_for(source(error=AttributeError(f"no key for {link}")), None, SERVICE)
    assert (unsigned.method, unsigned.otherwise) == (UploadMethod.DIRECT, None)
    assert "it cannot be signed with this connection (AttributeError: no key for ...)" in unsigned.why
    inside = method_for(source(f"http://minio:9000/x?Signature={SIGNATURE}"), None, SERVICE)
    assert inside.method is UploadMethod.DIRECT
    assert "it is on 'minio', which the service cannot reach from the internet" in inside.why
    assert SIGNATURE not in unsigned.why + inside.why


@pytest.mark.parametrize(
    ("host", "inside"),
    [("bucket.s3.amazonaws.com", False), ("8.8.8.8", False), ("192.168.1.1", True), ("minio", True), ("x.svc.", True)],
)
def test_private_and_public_host_names(host: str, inside: bool) -> None:
    assert is_inside(host) is inside


def test_client_logs_no_signature_while_signing(caplog: pytest.LogCaptureFixture) -> None:
    s3fs = pytest.importorskip("s3fs")
    store = s3fs.S3FileSystem(
        key="AKIAEXAMPLE",
        secret="example",
        endpoint_url="http://s3.example",
        client_kwargs={"region_name": "eu-west-1"},
    )
    content = StoredObject(store, "bucket/v.mp4", "s3://bucket/v.mp4", 3, "f", "video")
    source = Source("s3://bucket/v.mp4", "v.mp4", 3, "f", content=content)
    with caplog.at_level(logging.DEBUG):
        link = signed_link(source, SERVICE)
    query = dict(parse_qsl(urlsplit(link).query))
    assert "botocore.auth" in caplog.text and "StringToSign" in caplog.text
    for name in ("X-Amz-Signature", "X-Amz-Credential", "Signature"):
        assert query.get(name, "no such part") not in caplog.text
    assert len(query) >= 3


@pytest.mark.parametrize("logger", ["urllib3.connectionpool", "httpx", "httpcore.http11", "botocore.endpoint", "gcsfs"])
def test_clients_log_no_signed_url(logger: str, caplog: pytest.LogCaptureFixture) -> None:
    redact_client_logs()
    url = "https://user:SECRET@b.example/v.mp4?X-Amz-Signature=SECRET"
    log = logging.getLogger(logger)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger):
        log.debug('GET %s "HTTP/1.1" %d', url, 200)
        log.warning("response headers: %r", [(b"location", url.encode())])
        try:
            raise OSError(f"no answer from {url}") from ValueError(url)
        except OSError:
            log.debug("failed", exc_info=True)
        logging.getLogger("other").debug("mine: a?b=c")
    assert "SECRET" not in caplog.text
    assert '"HTTP/1.1" 200' in caplog.text and "failed (OSError)" in caplog.text
    assert "mine: a?b=c" in caplog.text
