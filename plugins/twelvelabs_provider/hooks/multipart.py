"""Parallel multipart upload straight from the source, in bounded memory.

An address of a part is signed and good for one request, so a part that is sent again gets a fresh one, and no address
is ever in a message. All calls to the service are made by the thread that uploads; the others send parts, nothing else.
"""

from __future__ import annotations

import logging
import random
import re
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO

from twelvelabs_provider.api.addresses import must_be_usable
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsError, TwelveLabsTransientError
from twelvelabs_provider.api.multipart_plan import Chunk, run_from
from twelvelabs_provider.api.multipart_uploads import MOST_AT_ONCE, ChunkUrl, SentChunk, presign_chunks, report_chunks
from twelvelabs_provider.api.retry import growing_delay
from twelvelabs_provider.exceptions import TwelveLabsSourceChangedError
from twelvelabs_provider.hooks.response_body import LONGEST_SHARE, Body
from twelvelabs_provider.hooks.sending import USER_AGENT, kind_of
from twelvelabs_provider.hooks.session import HttpSession, NoCredential, whole_body
from twelvelabs_provider.hooks.upload import SizedStream

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): `multipart` is another package's name.
    __name__ = "twelvelabs_executed_alone.multipart"
    sys.modules[__name__] = sys.modules.pop("multipart")

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Parts sent at the same time."""

REPORTED_AT_ONCE = 10
"""Uploaded parts per report, and so the most parts that are sent again after the process is killed."""

_FETCHED_AT_ONCE = 20
_FORBIDDEN = (
    "host",
    "authorization",
    "cookie",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "x-api-key",
    "metadata",
    "metadata-flavor",
)
_FORBIDDEN_STARTS = ("proxy-", "x-aws-ec2-", "x-google-", "x-forwarded-", ":")
_LONGEST_REASON = 4096
_URL_LIFE = 45 * 60.0
_STORE_CODE = re.compile(r"<Code>(\w{1,60})</Code>")


@dataclass(frozen=True)
class PartSource:
    """A file with random access.

    :param filename: for messages.
    :param size: bytes.
    :param open_range: returns a new stream of a range: offset and size.
    """

    filename: str
    size: int
    open_range: Callable[[int, int], BinaryIO] = field(repr=False)


@dataclass(frozen=True)
class _Attempt:
    """One attempt to send a part.

    :param pause: seconds to wait before it.
    """

    chunk: Chunk
    number: int = 1
    pause: float = 0.0


@dataclass(frozen=True)
class _NotSent:
    """Reason of a failed part, without its URL."""

    why: str


class _Stopped(Exception):
    """Another part has failed finally, so this one stops."""


class MultipartSender:
    """Sender of the parts of one session.

    :param hook: used from the calling thread only.
    :param upload_id: the session.
    :param source: the file.
    :param headers: of every part.
    :param at_once: parts sent at the same time.
    """

    def __init__(
        self,
        hook: TwelveLabsHook,
        upload_id: str,
        source: PartSource,
        *,
        headers: Mapping[str, str],
        at_once: int = AT_ONCE,
    ) -> None:
        self._hook = hook
        self._upload_id = upload_id
        self._source = source
        self._headers = {"user-agent": USER_AGENT, **_usable_headers(headers)}
        self._at_once = at_once
        self._timeout = (hook.endpoint.connect_timeout, hook.endpoint.read_timeout)
        self._stop = Event()
        self._unreported: list[SentChunk] = []
        self._complete = False

    def send(self, missing: Sequence[Chunk], urls: Iterable[ChunkUrl] = ()) -> bool:
        """Send and report parts; return whether the service has all of them.

        :param missing: the parts that the service does not have.
        :param urls: fresh addresses that are there already.
        :raises TwelveLabsTransientError: a part could not be sent; those that went up are reported, and another try
            continues with the others.
        """
        addresses = _Addresses(self._hook, self._upload_id, missing, urls)
        self._stop = Event()
        try:
            with (
                HttpSession(self._hook.network) as http,
                ThreadPoolExecutor(self._at_once, "twelvelabs-part") as pool,
            ):
                try:
                    self._send_all(pool, http, addresses, deque(map(_Attempt, missing)))
                finally:
                    # The pool waits for its threads: parts on their way end at their next piece.
                    self._stop.set()
        except Exception:
            with suppress(TwelveLabsError):
                self._report()
            raise
        self._report()
        return self._complete

    def _send_all(
        self, pool: ThreadPoolExecutor, http: HttpSession, addresses: _Addresses, todo: deque[_Attempt]
    ) -> None:
        flying: dict[Future[SentChunk | _NotSent], _Attempt] = {}
        while todo or flying:
            while todo and len(flying) < self._at_once:
                attempt = todo.popleft()
                url = addresses.take(attempt.chunk.index, fresh=attempt.number > 1)
                flying[pool.submit(self._put, http, attempt, url)] = attempt
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                attempt, outcome = flying.pop(future), future.result()
                if isinstance(outcome, _NotSent):
                    todo.appendleft(self._again(attempt, outcome))
                else:
                    self._went_up(outcome)

    def _went_up(self, sent: SentChunk) -> None:
        self._unreported.append(sent)
        if len(self._unreported) >= REPORTED_AT_ONCE:
            self._report()

    def _again(self, attempt: _Attempt, outcome: _NotSent) -> _Attempt:
        """Log the reason and return the next attempt at a part."""
        patience = self._hook.endpoint.retry
        what = f"part {attempt.chunk.index} of {self._source.filename} did not go up ({outcome.why})"
        if attempt.number >= patience.attempts:
            raise TwelveLabsTransientError(f"{what}, tried {attempt.number} times; a retry sends the missing parts")
        pause = growing_delay(attempt.number, patience, random.random())
        log.warning("%s; attempt %d of %d follows in %.1f s", what, attempt.number + 1, patience.attempts, pause)
        return replace(attempt, number=attempt.number + 1, pause=pause)

    def _report(self) -> None:
        while self._unreported:
            batch = self._unreported[:MOST_AT_ONCE]
            report = self._hook.execute(report_chunks(self._upload_id, batch))
            del self._unreported[: len(batch)]
            self._complete = self._complete or report.complete
            log.info("Uploading %s: %d parts are complete", self._source.filename, report.total_completed)

    def _put(self, http: HttpSession, attempt: _Attempt, url: str) -> SentChunk | _NotSent:
        """Send one part; runs in a thread of the pool."""
        if self._stop.wait(attempt.pause):
            raise _Stopped
        chunk = attempt.chunk
        opened = partial(self._source.open_range, chunk.offset, chunk.size)
        try:
            with closing(_PartStream(FilePart(self._source.filename, opened, chunk.size), self._stop)) as body:
                answer = http.put(
                    url,
                    data=body,
                    headers=self._headers,
                    auth=NoCredential(),
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                )
                said = self._beginning(answer)
        except TwelveLabsSourceChangedError:
            # Another attempt would mix two contents.
            raise
        except (TwelveLabsTransientError, OSError, EOFError, HTTPException, ValueError, zlib.error) as error:
            # Messages of the libraries quote the URL, so only their class is shown, and they are not chained.
            return _NotSent(str(error) if isinstance(error, TwelveLabsError) else kind_of(error))
        proof = answer.headers.get("etag", "").removeprefix("W/").strip('"')
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES or not proof:
            return _NotSent(_refusal(answer, said))
        return SentChunk(chunk.index, proof, chunk.size)

    def _beginning(self, answer: Any) -> bytes:
        """Return the start of a store's response, of any size."""
        seconds = LONGEST_SHARE * self._hook.endpoint.read_timeout
        body = Body("PUT of a part", answer.headers, most_bytes=_LONGEST_REASON, seconds=seconds, whole=False)
        return whole_body(answer, body)


class _Addresses:
    """Presigned URLs of parts, requested in groups and used once each."""

    def __init__(
        self, hook: TwelveLabsHook, upload_id: str, missing: Sequence[Chunk], urls: Iterable[ChunkUrl]
    ) -> None:
        self._hook = hook
        self._upload_id = upload_id
        self._wanted = {chunk.index for chunk in missing}
        self._urls: dict[int, tuple[str, float]] = {}
        self._keep(urls)

    def take(self, index: int, *, fresh: bool) -> str:
        """Return an unused URL that does not expire soon.

        :param fresh: it must have been made just now, since an older one failed.
        """
        self._wanted.discard(index)
        url, until = self._urls.pop(index, ("", 0.0))
        if fresh or time.monotonic() >= until:
            count = 1 if fresh else run_from(index, self._wanted, _FETCHED_AT_ONCE)
            self._keep(self._hook.execute(presign_chunks(self._upload_id, index, count)))
            url, _ = self._urls.pop(index, ("", 0.0))
        if url:
            must_be_usable(url, self._hook.endpoint, f"the address of part {index} of upload {self._upload_id}")
        else:
            raise TwelveLabsAnswerError(f"no URL for part {index} in the response (upload {self._upload_id})")
        return url

    def _keep(self, urls: Iterable[ChunkUrl]) -> None:
        until = time.monotonic() + _URL_LIFE
        self._urls |= {url.index: (url.url, until) for url in urls}


class _PartStream(SizedStream):
    """Stream of a part; it stops early when another part has failed."""

    def __init__(self, part: FilePart, stop: Event) -> None:
        super().__init__(part)
        self._stop = stop

    def read(self, size: int = -1) -> bytes:
        if self._stop.is_set():
            raise _Stopped
        return super().read(size)


def _usable_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that the service requires for each part.

    :raises TwelveLabsAnswerError: one of them would address or authorise the request otherwise.
    """
    for name in headers:
        lower = name.strip().lower()
        if lower in _FORBIDDEN or lower.startswith(_FORBIDDEN_STARTS):
            raise TwelveLabsAnswerError(f"the service asks for the header {lower[:40]!r} with parts: nothing was sent")
    return headers


def _refusal(answer: Any, said: bytes) -> str:
    """Return the status and error code of a refused part; the rest of the response may quote the URL."""
    if answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return "the answer carries no ETag"
    code = _STORE_CODE.search(said.decode("utf-8", errors="replace"))
    return f"HTTP {answer.status_code}{f' {code[1]}' if code else ''}"
