"""Handlers that create, list, read, update and delete a kind of resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.lists import PageQuery, listing
from twelvelabs_local.api.parameters import NonEmpty
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.store.database import Condition, Database
from twelvelabs_local.store.record import Resource
from twelvelabs_local.times import now

R = TypeVar("R", bound=Resource)
New = TypeVar("New", bound=RequestModel)
Query = TypeVar("Query", bound=PageQuery)


class NamedChange(RequestModel):
    """An update of a resource; what it does not contain stays."""

    name: NonEmpty | None = None
    description: str | None = None


def allow_every_change(_: Call, __: Any, ___: Any) -> None:
    """Allow every update."""


@dataclass(frozen=True)
class Crud(Generic[R, New, Query]):
    """The handlers of one kind of resource, and what differs from the other kinds.

    :param record: its record.
    :param find: returns the resource of the path, or raises ``resource_not_exist``.
    :param show: returns the body of a resource.
    :param new: the request that creates one.
    :param create: creates one.
    :param query: the query of the list.
    :param conditions: returns the conditions of the list.
    :param delete: deletes one by its id.
    :param change: the request that updates one, None where there is no such call.
    :param check: raises ServiceError for an update that is not allowed.
    :param created: HTTP status of a creation.
    """

    record: type[R]
    find: Callable[[Call], R]
    show: Callable[[Call, R], Mapping[str, Any]]
    new: type[New]
    create: Callable[[Call, New], R]
    query: type[Query]
    conditions: Callable[[Call, Query], Sequence[Condition]]
    delete: Callable[[Database, str], object]
    change: type[RequestModel] | None = NamedChange
    check: Callable[[Call, R, Any], None] = allow_every_change
    created: int = 201

    async def create_one(self, call: Call) -> Response:
        """POST of the list."""
        new = await call.json(self.new)
        return answer(self.show(call, self.create(call, new)), self.created)

    async def list_all(self, call: Call) -> Response:
        """GET of the list."""
        query = call.query(self.query)
        conditions = self.conditions(call, query)
        return answer(listing(call, self.record, conditions, query, lambda one: self.show(call, one)))

    async def read(self, call: Call) -> Response:
        """GET of one."""
        return self.shown(call)

    async def update(self, call: Call) -> Response:
        """PATCH of one."""
        assert self.change is not None
        found = self.find(call)
        change = await call.json(self.change)
        self.check(call, found, change)
        call.db.update(self.record, found.id, **change.given(), updated_at=now())
        return self.shown(call)

    async def delete_one(self, call: Call) -> Response:
        """DELETE of one."""
        self.delete(call.db, self.find(call).id)
        return Response()

    def shown(self, call: Call) -> Response:
        """Return the response that shows the resource of the path as it is now."""
        return answer(self.show(call, self.find(call)))

    def routes(self, collection: str, one: str) -> Sequence[Endpoint]:
        """Return the routes.

        :param collection: the path of the list.
        :param one: the path of one resource.
        """
        update: Sequence[Endpoint] = (("PATCH", one, self.update),) if self.change else ()
        return (
            ("POST", collection, self.create_one),
            ("GET", collection, self.list_all),
            ("GET", one, self.read),
            *update,
            ("DELETE", one, self.delete_one),
        )
