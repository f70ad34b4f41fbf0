"""Redaction of text of the service: keys in any spelling, signed URLs, control characters, length."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from twelvelabs_provider.api import redaction
from twelvelabs_provider.api.redaction import clean_request_id, clean_text, remember_key, without_keys

KEY = "tlk_0CANARY0KEY0OF0THESE0TESTS"
SHORT = "tlk_0SHORT0KEY0"
SPELLINGS = {
    "plain": KEY,
    "in words": f"(the key {KEY}, it is wrong)",
    "percent-encoded": "".join(f"%{ord(letter):02x}" for letter in KEY),
    "percent-encoded twice": quote("".join(f"%{ord(letter):02X}" for letter in KEY), safe=""),
    "escaped as in JSON": "".join(f"\\u{ord(letter):04x}" for letter in KEY),
    "partly escaped": KEY.replace("_", "\\u005f"),
    "escaped as in HTML": "".join(f"&#{ord(letter)};" for letter in KEY),
    "hexadecimal": KEY.encode().hex(),
    "Base64": b64encode(KEY.encode()).decode(),
    "within Base64": b64encode(f"user:{KEY}!".encode()).decode(),
    "within other Base64": urlsafe_b64encode(f"us:{KEY}".encode()).decode(),
    "with invisible characters": KEY.replace("_", "_\u200b"),
    "with colours": KEY.replace("_", "\x1b[31m_\x1b[0m"),
}


@pytest.fixture(autouse=True)
def known_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_keys", {})
    remember_key(KEY)


@pytest.mark.parametrize("name", SPELLINGS)
def test_key_is_hidden_in_every_encoding(name: str) -> None:
    shown = clean_text(f"invalid: {SPELLINGS[name]} .")
    assert "***" in shown
    assert not any(part in shown for part in (SPELLINGS[name][8:20], KEY[8:20]))


@pytest.mark.parametrize("spelling", [KEY, SHORT.encode().hex()])
@pytest.mark.parametrize("text", ["{}", "bad_{}", "_{}", "x{}y"])
def test_key_is_hidden_within_a_word(text: str, spelling: str) -> None:
    remember_key(SHORT)
    assert len(text.format(spelling)) <= 40
    assert clean_text(text.format(spelling)) == text.format("***")


@pytest.mark.parametrize("keys", [(KEY[:12], KEY), (KEY, KEY[:12]), (KEY, KEY[8:]), (KEY[8:], KEY)])
def test_key_that_contains_another_key_is_hidden_completely(
    keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "_keys", {})
    for key in keys:
        remember_key(key)
    for key in keys:
        assert clean_text(f"invalid: {key} .") == "invalid: *** ."
        assert without_keys([f"of {key}"]) == ["of ***"]


def test_key_is_hidden_in_decoded_json_names_and_values() -> None:
    value = {"a": [f"x{KEY}", 1, None], KEY: {"b": b64encode(KEY.encode()).decode()}}
    assert without_keys(value) == {"a": ["x***", 1, None], "***": {"b": "***"}}


def test_short_key_hides_no_parts_of_words() -> None:
    remember_key("video")
    assert clean_text("videos of the key video: no") == "videos of the key ***: no"
    assert without_keys({"text": "a video"}) == {"text": "a video"}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no https://b.example/v.mp4?X-Amz-Signature=SECRET&a=1 here", "no https://b.example/v.mp4?... here"),
        ("https://b.example/v.mp4?SECRET", "https://b.example/v.mp4?..."),
        ("/v.mp4?sig=SECRET", "/v.mp4?..."),
        (r"https:\/\/b.example\/v?sig\u003dSECRET\u0026a", r"https:\/\/b.example\/v?..."),
        ("https%3A%2F%2Fb%2Fv%3Fsig%3DSECRET%26b", "https%3A%2F%2Fb%2Fv%3F..."),
        ("https%253A%252F%252Fb%252Fv%253Fsig%253DSECRET", "https%253A%252F%252Fb%252Fv%253F..."),
        ("X-Amz-Signature=SECRET", "X-Amz-Signature=..."),
        ("{'X-Amz-Security-Token': b'SECRET'}", "{'X-Amz-Security-Token=...'}"),
        ("https://user:SECRET@b.example/v", "https://...@b.example/v"),
        ("s3://user:SECRET@bucket/v", "s3://...@bucket/v"),
        ("is 1=2? no; mail a@b.example, see https://b.example/docs.", None),
    ],
)
def test_signatures_and_credentials_are_removed(said: str, shown: str | None) -> None:
    assert clean_text(said) == (said if shown is None else shown)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("one\ntwo\r\n\tthree", "one two three"),
        ("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07", "red link"),
        ("a\x00b\x9b1mc\u202ed\ufeff", "abcd"),
        ("\ud800", "\ufffd"),
        (None, ""),
        (404, "404"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_text_becomes_one_printable_line(said: object, shown: str) -> None:
    assert clean_text(said) == shown


def test_text_is_truncated_after_redaction() -> None:
    assert clean_text("x" * 10**6) == "x" * 500 + "..."
    assert KEY[:8] not in clean_text("x" * 490 + KEY)


@pytest.mark.parametrize("text", ["%3f" * 10**5, "?a." * 10**5, "https://" * 10**5, "a" * 10**6, "\x1b]" * 10**5])
def test_redaction_takes_linear_time(text: str) -> None:
    assert len(clean_text(text)) <= 503


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("req_1-A", True),
        ("6f0e3b0a-1f7b-4a0e-9a51-0d8f0c8a3a55", True),
        ("x" * 81, False),
        ("a b", False),
        ("a\n", False),
        ("https://b/v?sig=1", False),
        (KEY, False),
        (f"x{KEY}", False),
        ("", False),
        (None, False),
        (5, False),
    ],
)
def test_invalid_request_id_is_dropped(given: object, kept: bool) -> None:
    assert clean_request_id(given) == (given if kept else None)
