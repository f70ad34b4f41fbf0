"""A request to the service as a value: what to send, whether it may be repeated, how to parse the response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any, BinaryIO, Generic, TypeVar, cast
from urllib.parse import quote

from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsUnsupportedError
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.version import ApiVersion

LARGEST_RESPONSE = 64 * 1024**2
"""Bytes of a decoded response, unless a call says otherwise."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
CallT = TypeVar("CallT", bound="Call[Any]")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Method(StrEnum):
    """HTTP methods that the service uses."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


class RateCategory(StrEnum):
    """Rate limits of the service; reads have none."""

    NONE = "none"
    INDEX = "index"
    UPLOAD = "upload"
    ANALYZE = "analyze"
    SEARCH = "search"
    EMBED = "embed"


@dataclass(frozen=True)
class FilePart:
    """A file of a form, opened only when it is sent and read in pieces.

    :param filename: the name that the service sees.
    :param open: returns a fresh binary stream; called once per attempt.
    :param size: bytes.
    :param verify: raises if the file has changed; called before its last bytes are sent.
    """

    filename: str
    open: Callable[[], BinaryIO] = field(repr=False)
    size: int
    content_type: str = "application/octet-stream"
    verify: Callable[[], None] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class JsonBody:
    """A JSON body. It may hold signed URLs and stays out of ``repr``."""

    content: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class FormBody:
    """A multipart form: names with texts or files, in order. Texts may hold signed URLs and stay out of ``repr``."""

    parts: tuple[tuple[str, str | FilePart], ...] = field(repr=False)


@dataclass(frozen=True)
class Call(Generic[T_co]):
    """A request to one endpoint and the parser of its response.

    :param path: below the version prefix, starting with a slash.
    :param parse: reads the decoded body of a success.
    :param repeatable: the request may be sent again after a lost response.
    :param undone: statuses after which the service has done nothing; the request may then be sent again.
    :param missing_is_done: a 404 is a success (a delete of a resource that does not exist).
    :param category: the rate limit that it counts against.
    :param patience: seconds that the response may take, if longer than the connection's ``read_timeout``.
    :param most_bytes: size of the decoded response at most; a larger one is refused.
    :param only: the generations that have this call; empty for all that can build it.
    :param instead: the nearest way in the other generations, for the error.
    """

    method: Method
    path: str
    parse: Callable[[Any], T_co] = field(repr=False)
    query: tuple[tuple[str, str], ...] = ()
    body: JsonBody | FormBody | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    repeatable: bool = False
    undone: frozenset[int] = frozenset()
    missing_is_done: bool = False
    category: RateCategory = RateCategory.NONE
    patience: float = 0.0
    most_bytes: int = LARGEST_RESPONSE
    only: tuple[ApiVersion, ...] = ()
    instead: str = ""

    @property
    def name(self) -> str:
        """Method and path, for messages; without the query."""
        return f"{self.method.value} {self.path}"

    def then(self, change: Callable[[T_co], U]) -> Call[U]:
        """Return the call with ``change`` applied to its parsed response."""
        parse = self.parse
        return replace(cast("Call[Any]", self), parse=lambda answer: change(parse(answer)))


class Framing(StrEnum):
    """Separators of the records of a streamed response."""

    NDJSON = "application/x-ndjson"
    SSE = "text/event-stream"


@dataclass(frozen=True)
class StreamedCall(Call[T_co]):
    """A call with a streamed response; ``parse`` reads one decoded record.

    :param framing: separates the records.
    """

    framing: Framing = Framing.NDJSON


def only_in(call: CallT, *versions: ApiVersion, instead: str = "") -> CallT:
    """Return the call, marked as one that only some generations have.

    :param instead: the nearest way in the other generations, where there is one.
    """
    return replace(call, only=versions, instead=instead)


def only_current(call: CallT, instead: str = "") -> CallT:
    """Return the call, marked as one that only v1.3 has; see :func:`only_in`."""
    return only_in(call, ApiVersion.V1_3, instead=instead)


def ensure_supported(call: Call[Any], version: ApiVersion) -> None:
    """Raise if a generation lacks a call.

    :raises TwelveLabsUnsupportedError: the message names the nearest way.
    """
    if call.only and version not in call.only:
        instead = call.instead or f"use a connection with api_version {call.only[0].value}"
        raise TwelveLabsUnsupportedError(f"API {version.value} has no {call.name}: {instead}")


def get(path: str, parse: Callable[[Any], T], query: Mapping[str, Any] | None = None) -> Call[T]:
    """Return a read; ``query`` values that are None are left out, sequences repeat their key."""
    return Call(Method.GET, path, parse, query=query_pairs(query or {}), repeatable=True)


def delete(path: str, query: Mapping[str, Any] | None = None) -> Call[None]:
    """Return a delete; a resource that does not exist counts as deleted."""
    return Call(Method.DELETE, path, nothing, query=query_pairs(query or {}), repeatable=True, missing_is_done=True)


def post(
    path: str,
    parse: Callable[[Any], T],
    content: Mapping[str, Any],
    *,
    repeatable: bool = False,
    category: RateCategory = RateCategory.NONE,
) -> Call[T]:
    """Return a POST of a JSON object; entries that are None are left out."""
    return Call(Method.POST, path, parse, body=json_body(content), repeatable=repeatable, category=category)


def change(method: Method, path: str, parse: Callable[[Any], T], content: Mapping[str, Any]) -> Call[T]:
    """Return a PUT, PATCH or DELETE of a JSON object: a repeat leaves the same state."""
    return Call(method, path, parse, body=json_body(content), repeatable=True)


def json_body(content: Mapping[str, Any]) -> JsonBody:
    """Return a JSON body without the entries that are None."""
    return JsonBody({name: value for name, value in content.items() if value is not None})


def nothing(_: Any) -> None:
    """Ignore the body of a response."""


def query_pairs(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Flatten a query into pairs as the service spells them (``true``, repeated keys, nothing for None)."""
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        values = value if isinstance(value, (list, tuple)) else (value,)
        pairs += [(key, wire_text(one)) for one in values if one is not None]
    return tuple(pairs)


def wire_text(value: Any) -> str:
    """Return a value as the text of a query or a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    return str(value)


def path_of(*segments: str) -> str:
    """Join path segments, quoting each, so that an id can never become another path.

    :raises TwelveLabsBadRequestError: for a segment that quoting cannot tame: HTTP libraries resolve ``.`` and ``..``;
        for a URL, which may be signed, and would be in log lines and errors about the request.
    """
    for segment in segments:
        if "://" in segment:
            raise TwelveLabsBadRequestError(f"A URL is not an id: {clean_text(segment)!r}")
        if segment in ("", ".", ".."):
            raise TwelveLabsBadRequestError(f"{segment!r} is not an id (in {'/'.join(segments)})")
    return "".join("/" + quote(segment, safe="") for segment in segments)
