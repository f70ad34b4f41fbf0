"""One request with everything that its handler may need: reading, checking, answering."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from twelvelabs_local.api.rates import Rates
from twelvelabs_local.dialects import Dialect
from twelvelabs_local.errors import ServiceError, invalid, missing, not_exist, unknown
from twelvelabs_local.faults import FaultBook
from twelvelabs_local.identity import is_id
from twelvelabs_local.limits import LimitBook
from twelvelabs_local.settings import Settings
from twelvelabs_local.signed_urls import HOUR, Signer
from twelvelabs_local.store.database import Database, R
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.supervisor import Supervisor
from twelvelabs_local.webhook_sender import WebhookSender

T = TypeVar("T")
LONGEST_TEXT = 64 * 1024
"""Bytes of a form field that came as a file part."""


@dataclass
class Engine:
    """What all requests share.

    :param settings: the command line.
    :param db: the database.
    :param supervisor: the worker's keeper.
    :param rates: counters of requests.
    :param faults: what goes wrong on purpose.
    :param limits: what is refused for being too much.
    """

    settings: Settings
    db: Database
    supervisor: Supervisor
    rates: Rates = field(default_factory=Rates)
    faults: FaultBook = field(default_factory=FaultBook)
    limits: LimitBook = field(default_factory=LimitBook)

    @cached_property
    def webhook_sender(self) -> WebhookSender:
        """Tells the webhooks."""
        return WebhookSender(self.db)

    @cached_property
    def signer(self) -> Signer:
        """Signs links that are opened without the key."""
        return Signer.of(self.settings.data)


@dataclass(frozen=True)
class Call:
    """One request.

    :param request: the request.
    :param engine: what all requests share.
    :param dialect: the generation that was called.
    """

    request: Request
    engine: Engine
    dialect: Dialect

    @property
    def db(self) -> Database:
        """The database."""
        return self.engine.db

    def path_id(self, name: str, collection: str) -> str:
        """Return an id of the path.

        :param name: its name in the route.
        :param collection: what it is an id of.
        :raises ServiceError: when it does not have the form of an id.
        """
        value = str(self.request.path_params[name])
        if not is_id(value):
            raise invalid(name, f"{value!r} is not the id of one of the {collection}: an id has 24 hexadecimal digits.")
        return value

    def found(self, name: str, collection: str, record: type[R]) -> R:
        """Return what an id of the path names.

        :param name: its name in the route.
        :param collection: what it is an id of.
        :param record: its record.
        :raises ServiceError: ``resource_not_exist``.
        """
        value = self.path_id(name, collection)
        thing = self.db.find(record, id=value)
        if thing is None:
            raise not_exist(value, collection)
        return thing

    def index(self) -> Index:
        """Return the index of the path.

        :raises ServiceError: ``resource_not_exist``.
        """
        return self.found("index_id", "indexes", Index)

    async def body(self, allowed: Iterable[str]) -> dict[str, Any]:
        """Return the JSON object that was sent.

        :param allowed: the fields that it may have.
        :raises ServiceError: when it is none, or has other fields.
        """
        kind = self.request.headers.get("content-type", "")
        if "json" not in kind:
            raise ServiceError(400, "content_type_invalid", f"The Content-Type must be application/json, not {kind!r}.")
        try:
            body = json.loads(await self.request.body())
        except ValueError as error:
            raise ServiceError(400, "parameter_invalid", f"The body is not JSON: {error}.") from error
        if not isinstance(body, dict):
            raise ServiceError(400, "parameter_invalid", "The body must be a JSON object.")
        if extra := set(body) - set(allowed):
            raise unknown(list(extra))
        return body

    @asynccontextmanager
    async def form(self, allowed: Iterable[str]) -> AsyncIterator[Form]:
        """Give the multipart form that was sent; its files lie on disk until the end.

        :param allowed: the parts that it may have.
        :raises ServiceError: when it is none, or has other parts.
        """
        kind = self.request.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            raise ServiceError(
                400, "content_type_invalid", f"The Content-Type must be multipart/form-data, not {kind!r}."
            )
        try:
            parts = await self.request.form(max_part_size=LONGEST_TEXT)
        except HTTPException as error:
            raise ServiceError(400, "parameter_invalid", f"The form cannot be read: {error.detail}") from error
        try:
            if extra := set(parts) - set(allowed):
                raise unknown(list(extra))
            yield Form(parts)
        finally:
            await parts.close()

    def counted(self, category: str) -> Mapping[str, str]:
        """Count a request against a rate limit and return the headers that say so.

        :param category: ``index``, ``upload`` or ``analyze``.
        """
        return self.engine.rates.count(category)

    def signed_link(self, method: str, path: str, query: Mapping[str, str] | None = None, seconds: int = HOUR) -> str:
        """Return an address of this engine that opens one thing without the key; see :meth:`Signer.sign`."""
        return str(self.request.base_url).rstrip("/") + self.engine.signer.sign(method, path, query, seconds)

    def work_to_do(self) -> None:
        """Tell the worker that there is work."""
        self.engine.supervisor.wake()


@dataclass(frozen=True)
class Form:
    """A multipart form.

    :param parts: its parts.
    """

    parts: FormData

    async def text(self, name: str) -> str | None:
        """Return a text part, or None.

        :raises ServiceError: when a file part of that name is no text.
        """
        value = self.parts.get(name)
        if value is None or isinstance(value, str):
            return value or None
        # the vendor's older client sends links as file parts
        try:
            return (await value.read(LONGEST_TEXT)).decode() or None
        except UnicodeDecodeError as error:
            raise invalid(name, "It must be text.") from error

    async def flag(self, name: str, default: bool) -> bool:
        """Return a boolean part: ``true``, ``True`` and ``1`` are true.

        :raises ServiceError: when it is something else.
        """
        text = await self.text(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false", "1", "0"):
            raise invalid(name, f"It is {text!r}; it must be true or false.")
        return text.lower() in ("true", "1")

    async def metadata(self) -> dict[str, Any]:
        """Return the ``user_metadata`` part, JSON as text.

        :raises ServiceError: when it is not a JSON object of plain values.
        """
        text = await self.text("user_metadata")
        if text is None:
            return {}
        try:
            return checked_metadata(json.loads(text))
        except ValueError as error:
            raise invalid("user_metadata", f"It is not JSON: {error}.") from error

    def file(self, name: str) -> UploadFile | None:
        """Return a file part, or None.

        :raises ServiceError: when a text part has that name.
        """
        value = self.parts.get(name)
        if isinstance(value, str):
            raise invalid(name, "It must be a file part.")
        return value


def required(value: str | None, name: str) -> str:
    """Return a value that must be there.

    :raises ServiceError: ``parameter_not_provided``.
    """
    if not value:
        raise missing(name)
    return value


RESERVED = frozenset({"duration", "filename", "fps", "height", "model_names", "size", "video_title", "width"})


def checked_metadata(value: Any) -> dict[str, Any]:
    """Return user metadata that may be stored.

    :param value: what was sent.
    :raises ServiceError: when it is not an object of plain values, or uses a reserved key.
    """
    if not isinstance(value, dict):
        raise invalid("user_metadata", "It must be an object.")
    if reserved := RESERVED & set(value):
        raise invalid("user_metadata", f"These keys are reserved: {', '.join(sorted(reserved))}.")
    for key, item in value.items():
        plain = item is None or isinstance(item, str | int | float | bool)
        texts = isinstance(item, list) and all(isinstance(part, str) for part in item)
        if not plain and not texts:
            raise invalid(
                "user_metadata", f"The value of {key!r} must be text, a number, a boolean or a list of texts."
            )
    return value


def merged_metadata(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a change into metadata: null deletes a key, an empty text or list is ignored."""
    after = {**before, **{key: value for key, value in change.items() if value not in ("", [])}}
    return {key: value for key, value in after.items() if value is not None}


def answer(
    body: Mapping[str, Any] | Sequence[Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON answer."""
    return JSONResponse(body, status, headers)


def done() -> Response:
    """Return the empty answer of a successful change."""
    return Response(status_code=204)
