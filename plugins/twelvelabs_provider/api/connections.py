"""Data connectors of v1.3: accounts at other providers that were connected, and files that are imported from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import pendulum

from twelvelabs_provider.api.call import Call, Method, RateCategory, delete, get, only_current, path_of, post
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.reading import as_object, identifier, moment_from, page_from, reason_from, text_from
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.serializable import Answer

T = TypeVar("T")
_NOTHING: Json = MappingProxyType({})
_INSTEAD = "import from an integration with start_transfer_import() (v1.2), or index each file by its presigned URL"

MOST_IMPORTED = 100
"""Files that one import may name."""


class Provider(StrEnum):
    """Where files can be imported from."""

    GOOGLE_DRIVE = "google_drive"


class ConnectionStatus(StrEnum):
    """Whether files can be imported through a connection; more may come."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ImportAction(StrEnum):
    """What an import did with a file; more may come."""

    CREATED = "created"
    SKIPPED = "skipped"
    RETRIED = "retried"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Authorization:
    """The beginning of a consent that a person gives in a browser.

    :param url: where the person is sent; it carries a secret of this flow.
    """

    url: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True)
class Connection(Answer):
    """An account at another provider.

    :param custom_id: the label that was given when it was authorized.
    :param account: a name for people, such as an address.
    :param account_id: the provider's id of the account.
    """

    id: str
    provider: str
    status: str
    custom_id: str | None
    account: str | None
    account_id: str | None
    scopes: tuple[str, ...]
    connected_at: pendulum.DateTime | None
    last_used_at: pendulum.DateTime | None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class PickerToken:
    """A token for the provider's file picker; read-only and short-lived, but a secret all the same.

    :param expires_in: seconds.
    :param developer_key: the browser key of the picker, where the provider wants one.
    """

    access_token: str = field(repr=False)
    expires_in: int | None
    scope: str | None
    app_id: str | None = None
    developer_key: str | None = field(repr=False, default=None)


@dataclass(frozen=True)
class RedirectUri(Answer):
    """An address to which the authorization may send people back."""

    id: str
    redirect_uri: str
    created_at: pendulum.DateTime | None


@dataclass(frozen=True)
class ImportItem(Answer):
    """One file of an import.

    :param action: what was done with it; None where the answer does not say.
    :param status: of its asset; None where it was rejected before there was one.
    """

    source_id: str
    action: str | None
    asset_id: str | None
    status: str | None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True)
class Import(Answer):
    """Files that were imported with one request; ``items`` is empty in lists.

    :param has_failures: whether a file was rejected at once; told by the request itself only.
    :param item_count: files that were asked for; of those, a file whose asset was deleted is no item any more.
    """

    id: str
    connection_id: str | None
    items: tuple[ImportItem, ...]
    item_count: int
    has_failures: bool
    custom_id: str | None
    created_at: pendulum.DateTime | None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


def authorize_connection(
    redirect_uri: str, *, provider: str = Provider.GOOGLE_DRIVE, custom_id: str | None = None
) -> Call[Authorization]:
    """Return the call that begins the consent of a person in a browser.

    :param redirect_uri: where the person comes back to, with ``connection_id`` in the query.
    :param custom_id: a label for the connection.
    """
    body = {"provider": str(provider), "redirect_uri": redirect_uri, "custom_id": custom_id}
    return only_current(post("/connections:authorize", _authorization, body, repeatable=True), _INSTEAD)


def list_connections(paging: Paging | None = None) -> Call[Page[Connection]]:
    """Return the call for one page of the connected accounts, newest first."""
    return _page("/connections", connection_from, paging)


def read_connection(connection_id: str) -> Call[Connection]:
    """Return the call that reads a connection."""
    return only_current(get(path_of("connections", connection_id), connection_from), _INSTEAD)


def delete_connection(connection_id: str) -> Call[None]:
    """Return the call that disconnects an account; assets that were imported through it stay."""
    return only_current(delete(path_of("connections", connection_id)), _INSTEAD)


def create_picker_token(connection_id: str) -> Call[PickerToken]:
    """Return the call that makes a token for the provider's file picker."""
    path = path_of("connections", connection_id, "picker-token")
    return only_current(Call(Method.POST, path, _picker_token, repeatable=True), _INSTEAD)


def create_redirect_uri(redirect_uri: str) -> Call[RedirectUri]:
    """Return the call that allows an address for the way back; once there is one, no other is taken.

    :param redirect_uri: https, a public host, no wildcard.
    """
    return only_current(post("/connections/redirect-uris", _redirect_uri, {"redirect_uri": redirect_uri}), _INSTEAD)


def list_redirect_uris(paging: Paging | None = None) -> Call[Page[RedirectUri]]:
    """Return the call for one page of the allowed addresses, newest first."""
    return _page("/connections/redirect-uris", _redirect_uri, paging)


def delete_redirect_uri(redirect_uri_id: str) -> Call[None]:
    """Return the call that allows an address no longer."""
    return only_current(delete(path_of("connections", "redirect-uris", redirect_uri_id)), _INSTEAD)


def import_files(connection_id: str, source_ids: Sequence[str]) -> Call[Import]:
    """Return the call that imports files as assets; a file that was imported before is skipped.

    That makes a repeat harmless: after a lost answer the files of the first request are ``skipped``, not fetched twice.

    :param source_ids: the provider's ids, each once, :data:`MOST_IMPORTED` at most.
    """
    body = {"items": [{"source_id": source_id} for source_id in source_ids]}
    path = path_of("connections", connection_id, "imports")
    return only_current(post(path, import_from, body, repeatable=True, category=RateCategory.UPLOAD), _INSTEAD)


def list_imports(connection_id: str, paging: Paging | None = None) -> Call[Page[Import]]:
    """Return the call for one page of a connection's imports, newest first, without their items."""
    return _page(path_of("connections", connection_id, "imports"), import_from, paging)


def read_import(connection_id: str, import_id: str) -> Call[Import]:
    """Return the call that reads an import with where each of its assets stands now."""
    return only_current(get(path_of("connections", connection_id, "imports", import_id), import_from), _INSTEAD)


def connection_from(answer: Any) -> Connection:
    """Read a connection."""
    raw = as_object(answer, "a connection")
    account = raw.get("account") or {}
    return Connection(
        id=identifier(raw, "a connection"),
        provider=str(raw.get("provider") or ""),
        status=str(raw.get("status") or ""),
        custom_id=raw.get("custom_id"),
        account=account.get("display_name"),
        account_id=account.get("external_id"),
        scopes=tuple(raw.get("scopes") or ()),
        connected_at=moment_from(raw.get("connected_at")),
        last_used_at=moment_from(raw.get("last_used_at")),
        raw=raw,
    )


def import_from(answer: Any) -> Import:
    """Read an import, as its request, its list or its own address tells it."""
    raw = as_object(answer, "an import")
    items = tuple(_import_item(item) for item in raw.get("items") or ())
    return Import(
        id=identifier(raw, "an import"),
        connection_id=raw.get("connection_id"),
        items=items,
        item_count=int(raw.get("item_count") or len(items)),
        has_failures=bool(raw.get("has_failures")) or any(item.error_code for item in items),
        custom_id=raw.get("custom_id"),
        created_at=moment_from(raw.get("created_at")),
        raw=raw,
    )


def _import_item(answer: Any) -> ImportItem:
    raw = as_object(answer, "an item of an import")
    error = raw.get("error") or {}
    return ImportItem(
        source_id=text_from(raw, "source_id", "an item of an import"),
        # Older answers say no more than that there is an error where a file was rejected.
        action=raw.get("action") or (ImportAction.REJECTED.value if error and not raw.get("asset_id") else None),
        asset_id=raw.get("asset_id"),
        status=raw.get("status"),
        error_code=reason_from(error.get("code")),
        error_message=reason_from(error.get("message")),
    )


def _authorization(answer: Any) -> Authorization:
    raw = as_object(answer, "an authorization")
    return Authorization(text_from(raw, "authorize_url", "an authorization"), str(raw.get("state") or ""))


def _picker_token(answer: Any) -> PickerToken:
    raw = as_object(answer, "a picker token")
    return PickerToken(
        access_token=text_from(raw, "access_token", "a picker token"),
        expires_in=raw.get("expires_in"),
        scope=raw.get("scope"),
        app_id=raw.get("app_id"),
        developer_key=raw.get("developer_key"),
    )


def _redirect_uri(answer: Any) -> RedirectUri:
    raw = as_object(answer, "a redirect URI")
    address = text_from(raw, "redirect_uri", "a redirect URI")
    return RedirectUri(identifier(raw, "a redirect URI"), address, moment_from(raw.get("created_at")))


def _page(path: str, item: Callable[[Any], T], paging: Paging | None) -> Call[Page[T]]:
    """These lists have one order and take no other."""
    read = partial(page_from, item=item, what=f"the list {path}")
    return only_current(get(path, read, (paging or Paging()).place()), _INSTEAD)
