"""A request as its handler sees it: parameters, database and response."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from twelvelabs_local.api.rates import Rates
from twelvelabs_local.api.request_model import LONGEST_TEXT, RequestModel, form_values
from twelvelabs_local.dialects import Dialect
from twelvelabs_local.errors import ServiceError, invalid, not_exist
from twelvelabs_local.faults import FaultBook
from twelvelabs_local.ids import is_id
from twelvelabs_local.limits import LimitBook
from twelvelabs_local.settings import Settings
from twelvelabs_local.signed_urls import HOUR, Signer
from twelvelabs_local.store.database import Database, R
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.supervisor import Supervisor
from twelvelabs_local.webhook_sender import WebhookSender

M = TypeVar("M", bound=RequestModel)


@dataclass
class Engine:
    """What all requests share.

    :param settings: the command line.
    :param db: the database.
    :param supervisor: starts and wakes the worker.
    :param rates: counters of requests.
    :param faults: the rules of fault injection.
    :param limits: the rate limits.
    """

    settings: Settings
    db: Database
    supervisor: Supervisor
    rates: Rates = field(default_factory=Rates)
    faults: FaultBook = field(default_factory=FaultBook)
    limits: LimitBook = field(default_factory=LimitBook)

    @cached_property
    def webhook_sender(self) -> WebhookSender:
        """Delivers the events to the webhooks."""
        return WebhookSender(self.db)

    @cached_property
    def signer(self) -> Signer:
        """Signs links that need no API key."""
        return Signer.of(self.settings.data)


@dataclass(frozen=True)
class Call:
    """One request.

    :param request: the request.
    :param engine: what all requests share.
    :param dialect: the generation of the API.
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
        :param collection: the collection of the id.
        :raises ServiceError: when it does not have the form of an id.
        """
        value = str(self.request.path_params[name])
        if not is_id(value):
            raise invalid(name, f"{value!r} is not the id of one of the {collection}: an id has 24 hexadecimal digits.")
        return value

    def found(self, name: str, collection: str, record: type[R]) -> R:
        """Return the record of an id in the path.

        :param name: its name in the route.
        :param collection: the collection of the id.
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

    async def json(self, model: type[M]) -> M:
        """Return the JSON object of the body as a request model.

        :raises ServiceError: when it is not JSON, or a parameter is unknown, missing or invalid.
        """
        return model.parse(await self.json_value())

    async def json_value(self) -> Any:
        """Return the JSON of the body.

        :raises ServiceError: when it is not JSON.
        """
        kind = self.request.headers.get("content-type", "")
        if "json" not in kind:
            raise ServiceError(400, "content_type_invalid", f"The Content-Type must be application/json, not {kind!r}.")
        try:
            return json.loads(await self.request.body())
        except ValueError as error:
            raise ServiceError(400, "parameter_invalid", f"The body is not JSON: {error}.") from error

    @asynccontextmanager
    async def form(self, model: type[M]) -> AsyncIterator[M]:
        """Yield the multipart form as a request model; its files are open until the context ends.

        :raises ServiceError: when it is not a form, or a parameter is unknown, missing or invalid.
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
            # an empty part means the same as none
            filled = FormData([(name, part) for name, part in parts.multi_items() if part != ""])
            yield model.parse(form_values(model, filled), strict=False)
        finally:
            await parts.close()

    def query(self, model: type[M]) -> M:
        """Return the query as a request model.

        :raises ServiceError: when a parameter is unknown, missing or invalid.
        """
        return model.parse(form_values(model, self.request.query_params), strict=False)

    def counted(self, category: str) -> Mapping[str, str]:
        """Count a request against a rate limit and return the rate-limit headers.

        :param category: ``index``, ``upload`` or ``analyze``.
        """
        return self.engine.rates.count(category)

    def signed_link(self, method: str, path: str, query: Mapping[str, str] | None = None, seconds: int = HOUR) -> str:
        """Return a URL of this engine that needs no API key; see :meth:`Signer.sign`."""
        return str(self.request.base_url).rstrip("/") + self.engine.signer.sign(method, path, query, seconds)

    def work_to_do(self) -> None:
        """Wake the worker."""
        self.engine.supervisor.wake()


def answer(
    body: Mapping[str, Any] | Sequence[Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response."""
    return JSONResponse(body, status, headers)


def done() -> Response:
    """Return the empty response to a successful change."""
    return Response(status_code=204)
