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
    """A stream of known length that notices when its source ends early instead of sending a shorter file.

    :param part: what is sent; opened here, closed by ``close``.
    """

    def __init__(self, part: FilePart) -> None:
        self._part = part
        self._stream: BinaryIO = part.open()
        self.len = part.size

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes; ``len`` is what is left."""
        wanted = self.len if size < 0 else min(size, self.len)
        try:
            piece = self._stream.read(wanted) if wanted else b""
        except OSError as error:
            # The HTTP library would take it for a failure of its own connection.
            raise TwelveLabsTransientError(
                f"{self._part.filename} could not be read any more while it was uploaded ({type(error).__name__});"
                " nothing was created"
            ) from error
        if wanted and not piece:
            raise TwelveLabsSourceChangedError(
                f"{self._part.filename} ended {self.len} bytes before its {self._part.size}: it was changed while it"
                " was uploaded; nothing was created"
            )
        if piece and len(piece) == self.len and self._part.verify:
            # Before the last bytes: without them the service has no whole request, and acts on none.
            self._part.verify()
        self.len -= len(piece)
        return piece

    def close(self) -> None:
        """Close the source."""
        self._stream.close()


@dataclass(frozen=True)
class OpenForm:
    """A form that is being sent.

    :param encoder: the body, read as it is sent.
    """

    encoder: MultipartEncoder
    streams: tuple[SizedStream, ...]

    @property
    def bytes_left(self) -> int:
        """Bytes of its files that are not sent yet; until 0 the service has no complete request."""
        return sum(stream.len for stream in self.streams)


def open_form(form: FormBody, stack: ExitStack) -> OpenForm:
    """Return the body of a form as a stream; its files are open until the stack is left."""
    # by place, not by name: a name may repeat
    streams = {place: SizedStream(value) for place, (_, value) in enumerate(form.parts) if isinstance(value, FilePart)}
    for stream in streams.values():
        stack.callback(stream.close)
    fields = [(name, _field(value, streams.get(place))) for place, (name, value) in enumerate(form.parts)]
    return OpenForm(MultipartEncoder(fields=fields), tuple(streams.values()))


def _field(value: str | FilePart, stream: SizedStream | None) -> str | tuple[str, SizedStream | None, str]:
    return value if isinstance(value, str) else (value.filename, stream, value.content_type)
