"""Secrets in URLs: signatures, tokens and passwords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from twelvelabs_provider.api.url_secrets import secret_parts, secrets_in, without_secrets

HEX = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
AWS_V4 = (
    "https://b.s3.amazonaws.com/a.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261128"
    f"%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261128T000000Z&X-Amz-Expires=3600&X-Amz-Signature={HEX}"
)
GCS = (
    "https://storage.googleapis.com/b/a.mp4?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a%40p.iam%2F20261128"
    f"%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20261128T000000Z&X-Goog-Signature={HEX}"
)
AZURE = "https://a.blob.core.windows.net/c/a.mp4?sv=2024-11-04&se=2026-11-29T00%3A00%3A00Z&sr=b&sp=r&sig=aB3%2Fd8sS%3D"
CLOUDFRONT = (
    "https://d.cloudfront.net/a.mp4?Expires=1700000000&Signature=ab-~_DEF1&Key-Pair-Id=K2JCJM&Policy=eyJTdGF0Z1"
)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (AWS_V4, {HEX, "AKIAIOSFODNN7EXAMPLE"}),
        (f"https://b/a?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1&Signature={HEX}", {HEX, "AKIAIOSFODNN7EXAMPLE"}),
        (GCS, {HEX}),
        (AZURE, {"aB3%2Fd8sS%3D", "aB3/d8sS="}),
        (CLOUDFRONT, {"ab-~_DEF1", "K2JCJM", "eyJTdGF0Z1"}),
        ("HTTPS://H/a?SIG=5ecre7f00", {"5ecre7f00"}),
        ("https://h/a?accessToken=5ecre7f00", {"5ecre7f00"}),
        ("https://h/a#access_token=5ecre7f00", {"5ecre7f00"}),
        ("https://h/a?5ecre7f00dba5eba115e", {"5ecre7f00dba5eba115e"}),
        ("https://h/a?k=5ecre7f00dba5eba115e", {"5ecre7f00dba5eba115e"}),
        ("https://h/get?url=https%3A%2F%2Fb%2Fa%3Fsig%3D5ecre7f00", {"5ecre7f00"}),
        ("https://user:hunter2@h/a", {"hunter2"}),
        ("s3://AKIA:se/cret7@bucket/a", {"se/cret7"}),
        ("abfs://c@a/k?sig=5ecre7f00", {"5ecre7f00"}),
    ],
)
def test_secret_parameter_is_found(url: str, secrets: set[str]) -> None:
    assert secrets <= set(secret_parts(url))


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://h/a?token=public", ("token=public",)),
        ("https://h/a?token=123456", ("token=123456",)),
        ("https://h/a?sig=a1", ("sig=a1",)),
        ("https://admin:video@h/a", ("admin:video@",)),
        ("https://admin@h/a", ("admin@h",)),
    ],
)
def test_secret_that_may_be_a_word_is_masked_with_its_name_only(url: str, secrets: tuple[str, ...]) -> None:
    assert secret_parts(url) == secrets


@pytest.mark.parametrize(
    "url",
    [
        "https://youtube.com/watch?v=dQw4w9WgXcQ&t=90",
        "https://h/a.mp4?v=1&download=true",
        "https://h/a?title=summer-holiday-2024-part-1.mp4",
        "https://h/a?at=2026-11-28T10%3A00%3A00.000Z&id=550e8400-e29b-41d4-a716-446655440000",
        "https://h/a.mp4",
        "s3://conn@bucket/What?.mp4",
        "/tmp/v.mp4?token=5ecre7f00",
        "no address",
        "",
    ],
)
def test_harmless_parameters_are_not_masked(url: str) -> None:
    assert secret_parts(url) == ()


@pytest.mark.parametrize("name", ["x-amz-date", "X-Amz-Expires", "X-Amz-Algorithm", "sv", "se", "Expires"])
def test_other_parts_of_a_signed_url_are_not_masked(name: str) -> None:
    harmless = [pair.partition("=")[2] for url in (AWS_V4, AZURE, CLOUDFRONT) for pair in url.split("&")[:1]]
    parts = [part for url in (AWS_V4, GCS, AZURE, CLOUDFRONT) for part in secret_parts(url)]
    assert not [part for part in parts if name.lower() in part.lower() or part in harmless]


@pytest.mark.parametrize(
    "value",
    [
        f"look at {AWS_V4}.",
        {"items": [{"video": {"url": AWS_V4}}]},
        {AWS_V4: 1},
        ({1, AWS_V4},),
        f'{{"url": "{AWS_V4}"}}'.replace("&", "\\u0026").replace("/", "\\/"),
        f"[video]({AWS_V4})",
        Path("/a") / AWS_V4.replace("https://", "https:/"),
    ],
)
def test_urls_are_found_in_any_text(value: Any) -> None:
    assert HEX in secrets_in(value)


def test_text_without_secrets() -> None:
    text = f"{AWS_V4} s3://conn@bucket/k https://h/a?v=1 (https://u:hunter2@h/b)"
    assert without_secrets(text) == "https://b.s3.amazonaws.com/a.mp4 s3://conn@bucket/k https://h/a?v=1 (https://h/b)"


@pytest.mark.parametrize(
    "text",
    [
        r"[\"https:\/\/u:pass0word1@b.example\/a.mp4?x=1\u0026sig=5ecre7f00d\"]",
        "https://b.example/a.mp4?x=1&amp;sig=5ecre7f00d",
    ],
)
def test_secrets_of_an_escaped_url_are_removed(text: str) -> None:
    bare = without_secrets(text)
    assert "5ecre7f00d" not in bare and "pass0word1" not in bare
    assert "a.mp4" in bare
