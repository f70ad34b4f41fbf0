"""Results on object store servers, and errors of outputs."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from tests.servers.gateway import Break
from tests.servers.remote import Remote
from tests.servers.results import FOLDER, check_whole, put
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.publish import check_output


def test_published_files_are_in_the_store(remote: Remote) -> None:
    output = remote.uri("out")
    check_output(output)
    assert (remote.contents(), remote.leftovers()) == ({}, [])
    published = put(output, "first")
    found = {name: content for name, content in remote.contents().items() if name.startswith(f"out/{FOLDER}")}
    assert sorted(name.rpartition(".")[2] for name in found) == ["json", "jsonl", "srt"]
    assert published.manifest_uri == f"{remote.scheme}://{remote.bucket}/out/{FOLDER}/transcription.manifest.json"
    assert check_whole(found, "out")["rows"] == published.rows
    put(output, "second")
    assert sorted(name for name in remote.contents() if name.startswith(f"out/{FOLDER}")) == sorted(found)
    assert b"second" in remote.contents()[f"out/{FOLDER}/transcription.jsonl"]
    check_whole(remote.contents(), "out")
    assert remote.leftovers() == []


def test_output_folders_with_special_characters(remote: Remote) -> None:
    folders = ["two words", "größe/影片", "a+b", "100%25", "%41", "c#d", "e?f", "g=h&i"]
    for folder in folders:
        check_output(remote.uri(folder))
        published = put(remote.uri(folder), folder)
        assert published.manifest_uri.startswith(f"{remote.scheme}://{remote.bucket}/{folder}/")
    found = remote.contents()
    for folder in folders:
        check_whole(found, folder)


def said_of(remote: Remote, action: Callable[[], object], kind: type[Exception]) -> str:
    """What a failure says, having seen that not even its traceback holds a secret."""
    with pytest.raises(kind) as caught:
        action()
    whole = "".join(traceback.format_exception(caught.value))
    assert not remote.secrets_in(whole)
    return str(caught.value)


def test_missing_bucket(remote: Remote) -> None:
    output = remote.uri("out", bucket="no-such-bucket")
    said = said_of(remote, lambda: check_output(output), TwelveLabsInputError)
    assert said == (
        f"The output path '{remote.scheme}://no-such-bucket/out' cannot be written: "
        "the bucket or container does not exist; create it first."
    )
    said = said_of(remote, lambda: put(output, "word"), TwelveLabsOutputError)
    assert f"Cannot write '{remote.scheme}://no-such-bucket/out/{FOLDER}/transcription." in said


def test_wrong_secret(remote: Remote) -> None:
    output = remote.uri("out", conn_id="stranger")
    said = said_of(remote, lambda: check_output(output), TwelveLabsInputError)
    assert said == (
        f"The output path '{remote.scheme}://{remote.bucket}/out' cannot be written: "
        "access denied; let the connection's account write there."
    )
    said_of(remote, lambda: put(output, "word"), TwelveLabsOutputError)
    assert remote.contents() == {}


def test_account_without_write_permission(remote: Remote) -> None:
    check_output(remote.uri("out"))
    with remote.gateway.breaking(1, Break.REFUSED):
        said = said_of(remote, lambda: check_output(remote.uri("out")), TwelveLabsInputError)
        assert "access denied" in said
        said_of(remote, lambda: put(remote.uri("out"), "word"), TwelveLabsOutputError)


def test_object_in_place_of_a_prefix(remote: Remote) -> None:
    remote.write("out", b"a file")
    said = said_of(remote, lambda: check_output(remote.uri("out")), TwelveLabsInputError)
    assert said.endswith("cannot be written: it is a file.")
