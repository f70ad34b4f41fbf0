"""Streaming multipart bodies in constant memory."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from requests_toolbelt import MultipartEncoder

from twelvelabs_provider.api.call import FilePart, FormBody
from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.exceptions import TwelveLabsSourceChangedError


class SizedStream:
    """Stream of known length that raises if its source ends early, instead of sending a shorter file.

    :param part: opened here, closed by ``close``.
    """

    def __init__(self, part: FilePart) -> None:
        self._part = part
        self._stream: BinaryIO = part.open()
        self.len = part.size

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes; ``len`` is the number of remaining bytes."""
        wanted = self.len if size < 0 else min(size, self.len)
        try:
            piece = self._stream.read(wanted) if wanted else b""
        except OSError as error:
            # The HTTP library would report it as a failure of its own connection.
            raise TwelveLabsTransientError(
                f"{self._part.filename} became unreadable during the upload ({type(error).__name__});"
                " nothing was created"
            ) from error
        if wanted and not piece:
            raise TwelveLabsSourceChangedError(
                f"{self._part.filename} changed during the upload: it ended {self.len} bytes before its"
                f" {self._part.size}; nothing was created"
            )
        if piece and len(piece) == self.len and self._part.verify:
            # Checked before the last bytes: without them the service has no complete request and does nothing.
            self._part.verify()
        self.len -= len(piece)
        return piece

    def close(self) -> None:
        """Close the source."""
        self._stream.close()


@dataclass(frozen=True)
class OpenForm:
    """Form in transmission.

    :param encoder: the body, read while it is sent.
    """

    encoder: MultipartEncoder
    streams: tuple[SizedStream, ...]

    @property
    def bytes_left(self) -> int:
        """Unsent bytes of its files; above 0 the service has no complete request."""
        return sum(stream.len for stream in self.streams)


def open_form(form: FormBody, stack: ExitStack) -> OpenForm:
    """Return the body of a form as a stream; its files are open until the stack is left."""
    # By position, not by name: a name may repeat.
    streams = {place: SizedStream(value) for place, (_, value) in enumerate(form.parts) if isinstance(value, FilePart)}
    for stream in streams.values():
        stack.callback(stream.close)
    fields = [(name, _field(value, streams.get(place))) for place, (name, value) in enumerate(form.parts)]
    return OpenForm(MultipartEncoder(fields=fields), tuple(streams.values()))


def _field(value: str | FilePart, stream: SizedStream | None) -> str | tuple[str, SizedStream | None, str]:
    return value if isinstance(value, str) else (value.filename, stream, value.content_type)
