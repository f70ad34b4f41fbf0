"""Limits of response bodies: bytes, compression, time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsAnswerError

ACCEPTED = "gzip, deflate"
"""Accepted encodings; a response in another encoding is refused."""

LARGEST_ERROR_BODY = 64 * 1024
"""Bytes of an error body that are read; the reason is at its start."""

LEAST_SPEED = 64 * 1024
"""Bytes per second; a response that arrives this fast is never too slow."""

LONGEST_SHARE = 5.0
"""Total time of a response as a multiple of the read timeout, plus the time for its size."""

PIECE = 64 * 1024
_HARMLESS = 8 * 1024**2
_MOST_COMPRESSED = 100


class Body:
    """Body of one response while it arrives.

    :param what: the request, for messages: ``GET /indexes``.
    :param headers: of the response, names in any case.
    :param most_bytes: size after decoding.
    :param seconds: total time, without the time for its size.
    :param whole: False reads only the first ``most_bytes``: the reason of an error.
    :raises TwelveLabsAnswerError: the whole body is wanted and its encoding is not accepted.
    """

    def __init__(
        self, what: str, headers: Mapping[str, str], *, most_bytes: int, seconds: float, whole: bool = True
    ) -> None:
        self._what = what
        self._limit = most_bytes
        self._base = seconds
        self._whole = whole
        self._decoder = self._decoder_for(_encoding_of(headers))
        self.received = 0
        """Bytes before decoding."""
        self.size = 0
        """Bytes after decoding."""
        self.full = self._decoder is None
        """Whether enough is read."""

    @property
    def seconds(self) -> float:
        """Seconds from the first bytes of the response within which the next ones must arrive."""
        return self._base + self.received / LEAST_SPEED

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Return the decoded pieces of the next bytes.

        :raises TwelveLabsAnswerError: the whole body is wanted and is too large, or a decompression bomb.
        :raises zlib.error: its encoding is not the one of its header.
        """
        self.received += len(data)
        for piece in self._decoder.pieces(data) if self._decoder else ():
            room = self._limit - self.size
            self.size += len(piece)
            if self.size > self._limit or self._is_bomb():
                if self._whole:
                    raise self._too_large()
                self.full = True
                yield piece[:room] if room > 0 else b""
                return
            yield piece

    def ensure_whole(self) -> None:
        """Check that the encoded body is complete.

        :raises EOFError: it is not.
        """
        if self._decoder and not self.full and not self._decoder.at_end:
            raise EOFError("the compressed body ends too early")

    def _is_bomb(self) -> bool:
        return self.size > _HARMLESS and self.size > _MOST_COMPRESSED * self.received

    def _too_large(self) -> TwelveLabsAnswerError:
        if self.size > self._limit:
            why = f"is larger than {self._limit:,} bytes"
        else:
            why = f"grows from {self.received:,} to more than {self.size:,} bytes (limit: {_MOST_COMPRESSED} times)"
        return TwelveLabsAnswerError(
            f"the response to {self._what} {why} and is not read any further; check the connection's host"
        )

    def _decoder_for(self, encoding: str) -> _Decoder | None:
        if encoding in _DECODERS:
            return _DECODERS[encoding]()
        if not self._whole:
            return None
        raise TwelveLabsAnswerError(
            f"the response to {self._what} has the encoding {encoding!r}, but only {ACCEPTED} are accepted"
        )


def body_of(call: Call[Any], endpoint: Endpoint, status: int, headers: Mapping[str, str]) -> Body:
    """Return the body of a response with the limits of its call."""
    seconds, success = allowed_seconds(call, endpoint), 200 <= status < 300
    most_bytes = call.most_bytes if success else LARGEST_ERROR_BODY
    return Body(call.name, headers, most_bytes=most_bytes, seconds=seconds, whole=success)


def allowed_seconds(call: Call[Any], endpoint: Endpoint) -> float:
    """Return the total seconds of a response, without the time for its size."""
    return LONGEST_SHARE * max(endpoint.read_timeout, call.patience)


def too_slow(seconds: float) -> TimeoutError:
    """Return the error for a response that is not complete in time."""
    return TimeoutError(f"the response is not complete after {seconds:.0f} s")


def _encoding_of(headers: Mapping[str, str]) -> str:
    values = (value for name, value in headers.items() if name.lower() == "content-encoding")
    names = (name.strip().lower() for value in values for name in value.split(","))
    return ", ".join(name for name in names if name not in ("", "identity"))


class _Decoder:
    """Decoder of a plain body."""

    at_end = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Inflating(_Decoder):
    """Decoder of gzip (also of several members) and deflate, piece by piece."""

    def __init__(self, window: int = 47) -> None:
        self._inflating = zlib.decompressobj(window)
        self._window = window
        self._begun = False

    @property
    def at_end(self) -> bool:  # type: ignore[override]
        """Whether the last member is whole; an empty body is."""
        return not self._begun

    def pieces(self, data: bytes) -> Iterator[bytes]:
        piece = b""
        while data or len(piece) == PIECE:
            piece, data = self._step(data)
            if piece:
                yield piece

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        self._begun = self._begun or bool(data)
        piece = self._inflating.decompress(data, PIECE)
        if not self._inflating.eof:
            return piece, self._inflating.unconsumed_tail
        rest = self._inflating.unused_data
        self._inflating, self._begun = zlib.decompressobj(self._window), False
        return piece, rest


class _Deflate(_Inflating):
    """Decoder of deflate; some servers send it without the zlib header."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        self._tried = False

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        first, self._tried = not self._tried, True
        try:
            return super()._step(data)
        except zlib.error:
            if not first:
                raise
            self._window = -zlib.MAX_WBITS
            self._inflating = zlib.decompressobj(self._window)
            return super()._step(data)


_DECODERS: Mapping[str, type[_Decoder]] = {
    "": _Decoder,
    "gzip": _Inflating,
    "x-gzip": _Inflating,
    "deflate": _Deflate,
}
