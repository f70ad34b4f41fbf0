"""Atomic publishing: the connection breaks at every request in turn while a reader reads."""

from __future__ import annotations

import itertools
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.gateway import Break
from tests.servers.readers import Read, Versions, watching
from tests.servers.remote import Remote
from tests.servers.results import WORDS, piece_of, put_in_pieces
from twelvelabs_provider.exceptions import TwelveLabsOutputError

Publish = Callable[[str], str | None]


@pytest.fixture
def versions(remote: Remote, tmp_path: Path) -> Versions:
    """What whole files are."""
    return Versions.published(tmp_path, piece_of(remote.scheme))


@pytest.fixture
def read(remote: Remote) -> Read:
    """Look into the store, past this project's code and past the gateway."""
    return lambda name: remote.read(f"out/{name}")


@pytest.fixture
def publish(remote: Remote) -> Publish:
    """Publish a version in pieces; return the traceback of a failure, None if it went well."""

    def run(word: str) -> str | None:
        try:
            put_in_pieces(remote.uri("out"), word, piece_of(remote.scheme))
        except TwelveLabsOutputError as error:
            return "".join(traceback.format_exception(error))
        return None

    return run


def requests_of(remote: Remote, publish: Publish) -> list[str]:
    """The requests of one publication that replaces another."""
    assert publish("old") is None
    with remote.gateway.breaking(0, Break.CUT):
        assert publish("new") is None
        return list(remote.gateway.seen)


@pytest.mark.parametrize("how", [Break.CUT, Break.LOST])
def test_connection_lost_once(remote: Remote, how: Break, publish: Publish, versions: Versions, read: Read) -> None:
    """At every request in turn; the client retries, so every publication succeeds and readers see no failure."""
    requests = requests_of(remote, publish)
    words = itertools.cycle(WORDS)
    orphans = 0
    with watching(versions, read) as watch:
        for number, request in enumerate(requests, start=1):
            word = next(words)
            with remote.gateway.breaking(number, how):
                failure = publish(word)
            assert failure is None, (number, request, failure)
            assert versions.look(read) == word
            # An upload whose id was lost can be aborted only by a client that lists uploads.
            orphans += how is Break.LOST and remote.begins_upload(request)
            assert len(remote.leftovers()) == orphans
    assert set(WORDS) <= set(watch.words)


def test_store_that_fails_from_some_request_on(
    remote: Remote, publish: Publish, versions: Versions, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is one of ours, says what to do, and holds no secret; a retry makes the result whole again."""
    caplog.set_level(logging.WARNING)
    requests = requests_of(remote, publish)
    with watching(versions, read) as watch:
        for number, request in enumerate(requests, start=1):
            if versions.look(read) != "old":
                assert publish("old") is None, "the retry after the last failure"
                assert versions.look(read) == "old"
            with remote.gateway.breaking(number, Break.REFUSED):
                failure = publish("new")
            assert failure and "TwelveLabsOutputError: Cannot write" in failure, (number, request)
            assert "a retry writes the same names again" in failure
            assert not remote.secrets_in(failure)
            assert versions.look(read) in ("old", None, "new" if "_catalog" in request else "old")
            for name in remote.leftovers():
                assert (
                    remote.scheme == "abfs" or f"Could not abandon the upload of {remote.bucket}/{name}" in caplog.text
                )
    assert not remote.secrets_in(caplog.text)
    assert {"old", None} <= set(watch.words)
    assert publish("new") is None
    assert versions.look(read) == "new"
