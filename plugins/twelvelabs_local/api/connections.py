"""Connections.

A connected folder (``/_local/connections``) stands in for a Google account. There is no consent of a person at Google
here, so authorization returns the service's error for a feature that the plan does not include.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.lists import PageQuery, listing
from twelvelabs_local.api.parameters import Required
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.connected_folders import ConnectedFolder
from twelvelabs_local.errors import ServiceError, invalid, not_exist
from twelvelabs_local.store.connections import Connection, RedirectUri, create_redirect_uri, redirect_uris
from twelvelabs_local.store.imports import PROVIDER

MOST_REDIRECT_URIS = 50


class AuthorizeRequest(RequestModel):
    """A request for the consent of a person."""

    provider: Literal["google_drive"]
    redirect_uri: Annotated[str, Required]
    custom_id: Any = None


class RedirectUriRequest(RequestModel):
    """A new redirect URI."""

    redirect_uri: Annotated[str, Required]


class FolderRequest(RequestModel):
    """A folder of this machine."""

    folder: Annotated[str, Required]
    custom_id: str | None = None


async def authorize(call: Call) -> Response:
    """POST /connections:authorize: validates the request, then rejects it."""
    request = await call.json(AuthorizeRequest)
    allowed = redirect_uris(call.db)
    if allowed and request.redirect_uri not in allowed:
        raise invalid("redirect_uri", "It is none of the registered redirect URIs.")
    raise _not_allowed()


async def list_all(call: Call) -> Response:
    """GET /connections."""
    return answer(listing(call, Connection, [], call.query(PageQuery), connection_body))


async def read(call: Call) -> Response:
    """GET /connections/{connection_id}."""
    return answer(connection_body(connection_of(call)))


async def delete(call: Call) -> Response:
    """DELETE /connections/{connection_id}; imported assets stay."""
    call.db.delete(Connection, id=connection_of(call).id)
    return done()


async def picker_token(call: Call) -> Response:
    """POST /connections/{connection_id}/picker-token: there is no picker here."""
    active(connection_of(call))
    raise _not_allowed()


async def create_redirect(call: Call) -> Response:
    """POST /connections/redirect-uris."""
    redirect_uri = (await call.json(RedirectUriRequest)).redirect_uri
    if not _is_public(redirect_uri):
        message = "The redirect URI must use HTTPS, name a public host, and contain no wildcards."
        raise ServiceError(422, "redirect_uri_invalid", message)
    if len(redirect_uris(call.db)) >= MOST_REDIRECT_URIS and redirect_uri not in redirect_uris(call.db):
        message = f"There are {MOST_REDIRECT_URIS} redirect URIs already; delete one first."
        raise ServiceError(422, "redirect_uri_limit_exceeded", message)
    created = create_redirect_uri(call.db, redirect_uri)
    if created is None:
        message = f"The redirect URI {redirect_uri} is registered already."
        raise ServiceError(409, "redirect_uri_already_exists", message)
    return answer(_redirect_body(created), 201)


async def list_redirects(call: Call) -> Response:
    """GET /connections/redirect-uris."""
    return answer(listing(call, RedirectUri, [], call.query(PageQuery), _redirect_body))


async def delete_redirect(call: Call) -> Response:
    """DELETE /connections/redirect-uris/{redirect_uri_id}."""
    redirect_id = call.path_id("redirect_uri_id", "redirect-uris")
    if not call.db.delete(RedirectUri, id=redirect_id):
        raise not_exist(redirect_id, "redirect-uris")
    return done()


async def connect(call: Call) -> Response:
    """POST /_local/connections: connect a folder of this machine, for callers on this machine."""
    host = call.request.client.host if call.request.client else ""
    if not _is_here(host):
        raise ServiceError(403, "api_not_allowed", "Folders are connected from this machine only.")
    request = await call.json(FolderRequest)
    path = Path(request.folder).expanduser()
    if not path.is_absolute() or not path.is_dir():
        raise invalid("folder", f"{str(path)!r} is not the absolute path of a folder.")
    connection = call.db.insert(Connection(folder=str(path.resolve()), custom_id=request.custom_id))
    return answer(connection_body(connection), 201)


def connection_of(call: Call) -> Connection:
    """Return the connection of the path.

    :raises ServiceError: ``resource_not_exist``.
    """
    return call.found("connection_id", "connections", Connection)


def active(connection: Connection) -> ConnectedFolder:
    """Return the folder of a connection that can be used.

    :raises ServiceError: 409 when the folder does not exist.
    """
    folder = ConnectedFolder(Path(connection.folder))
    if not folder.root.is_dir():
        message = f"The connection {connection.id} is not active: its folder does not exist. Connect it again."
        raise ServiceError(409, "connection_not_active", message)
    return folder


def connection_body(connection: Connection) -> Mapping[str, Any]:
    """Return a connection as the service shows it."""
    folder = ConnectedFolder(Path(connection.folder))
    body = {
        "_id": connection.id,
        "provider": PROVIDER,
        "status": "active" if folder.root.is_dir() else "expired",
        "account": {"external_id": folder.account, "display_name": f"local folder {folder.root}"},
        "scopes": ["folder.readonly"],
        "connected_at": connection.created_at,
        "last_used_at": connection.updated_at,
    }
    return {**body, "custom_id": connection.custom_id} if connection.custom_id else body


def _redirect_body(uri: RedirectUri) -> Mapping[str, Any]:
    return {"_id": uri.id, "redirect_uri": uri.redirect_uri, "created_at": uri.created_at}


def _not_allowed() -> ServiceError:
    message = (
        "This engine cannot get the consent of a Google user. Connect a folder of this machine instead: POST "
        "/_local/connections, or start the engine with --connect."
    )
    return ServiceError(403, "api_not_allowed", message)


def _is_public(redirect_uri: str) -> bool:
    """Tell whether a URI is https, names a host that can be public, and has no wildcards; nothing is resolved."""
    try:
        parts = urlsplit(redirect_uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme != "https" or "*" in redirect_uri or any(letter.isspace() for letter in redirect_uri):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".localhost", ".internal"))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


ROUTES: Sequence[Endpoint] = (
    ("POST", "/connections:authorize", authorize),
    ("GET", "/connections", list_all),
    ("POST", "/connections/redirect-uris", create_redirect),
    ("GET", "/connections/redirect-uris", list_redirects),
    ("DELETE", "/connections/redirect-uris/{redirect_uri_id}", delete_redirect),
    ("GET", "/connections/{connection_id}", read),
    ("DELETE", "/connections/{connection_id}", delete),
    ("POST", "/connections/{connection_id}/picker-token", picker_token),
)
LOCAL: Sequence[Endpoint] = (("POST", "/_local/connections", connect),)
