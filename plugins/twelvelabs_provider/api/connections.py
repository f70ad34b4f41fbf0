"""Data connectors of v1.3: accounts at other providers, and imports of their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import AliasChoices, Field

from twelvelabs_provider.api.call import Call, Method, RateCategory, delete, get, only_current, path_of, post
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import ModelT, Paging, page_of
from twelvelabs_provider.api.service_model import (
    Count,
    Identifier,
    Moment,
    SecretModel,
    ServiceModel,
    Shown,
    Text,
    Whole,
    WholeText,
    named,
    part_of,
)

_INSTEAD = "import from an integration with start_transfer_import() (v1.2), or index each file by its presigned URL"

MOST_IMPORTED = 100
"""Files of one import at most."""


class Provider(StrEnum):
    """Providers of files."""

    GOOGLE_DRIVE = "google_drive"


class ConnectionStatus(StrEnum):
    """Status of a connection; the service may add more."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ImportAction(StrEnum):
    """Action of an import on a file; the service may add more."""

    CREATED = "created"
    SKIPPED = "skipped"
    RETRIED = "retried"
    REJECTED = "rejected"


class Authorization(SecretModel):
    """Start of a consent in a browser.

    :param url: opened by the user; it contains a secret of this flow.
    """

    url: str = Field(repr=False, validation_alias=AliasChoices("authorize_url", "url"))
    state: WholeText = Field(default="", repr=False)


class Connection(ServiceModel):
    """An account at another provider.

    :param custom_id: the label that was given at authorization.
    :param account: a readable name, such as an email address.
    :param account_id: the provider's id of the account.
    """

    id: Identifier = named("_id", "id")
    provider: str = ""
    status: str = ""
    custom_id: str | None = None
    account: str | None = None
    account_id: str | None = None
    scopes: tuple[str, ...] = ()
    connected_at: Moment = None
    last_used_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        account = part_of(body, "account")
        if not account:
            return body
        return {**body, "account": account.get("display_name"), "account_id": account.get("external_id")}


class PickerToken(SecretModel):
    """Token for the provider's file picker.

    :param expires_in: seconds.
    :param developer_key: the browser key of the picker, if the provider needs one.
    """

    access_token: str = Field(repr=False)
    expires_in: Whole = None
    scope: Text = None
    app_id: Text = None
    developer_key: Text = Field(default=None, repr=False)


class RedirectUri(ServiceModel):
    """A URI that the authorization may redirect to."""

    id: Identifier = named("_id", "id")
    redirect_uri: str
    created_at: Moment = None


class ImportItem(ServiceModel):
    """One file of an import.

    :param action: what the import did with it; None if the response does not say.
    :param status: of its asset; None for a file that was rejected before it had one.
    """

    source_id: str
    action: str | None = None
    asset_id: str | None = None
    status: str | None = None
    error_code: Shown = None
    error_message: Shown = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        error = part_of(body, "error")
        if not error:
            return body
        del body["error"]
        # Older responses give only an error for a rejected file.
        known = {} if body.get("asset_id") else {"action": ImportAction.REJECTED.value}
        return {**known, "error_code": error.get("code"), "error_message": error.get("message"), **body}


class Import(ServiceModel):
    """Files that one request imported; ``items`` is empty in lists.

    :param has_failures: whether a file was rejected at once; only the response to the request itself says so.
    :param item_count: files of the request. A file whose asset was deleted is no longer in ``items``.
    """

    id: Identifier = named("_id", "id")
    connection_id: str | None = None
    items: tuple[ImportItem, ...] = ()
    item_count: Count = 0
    has_failures: bool = False
    custom_id: str | None = None
    created_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        items = body.get("items")
        if not isinstance(items, list):
            return body
        failed = any(isinstance(item, Mapping) and part_of(item, "error") for item in items)
        count = body.get("item_count") or len(items)
        return {**body, "item_count": count, "has_failures": bool(body.get("has_failures")) or failed}


def authorize_connection(
    redirect_uri: str, *, provider: str = Provider.GOOGLE_DRIVE, custom_id: str | None = None
) -> Call[Authorization]:
    """Return the call that starts the consent of a user in a browser.

    :param redirect_uri: target after the consent, with ``connection_id`` in the query.
    :param custom_id: a label for the connection.
    """
    body = {"provider": str(provider), "redirect_uri": redirect_uri, "custom_id": custom_id}
    return only_current(post("/connections:authorize", Authorization.read, body, repeatable=True), _INSTEAD)


def list_connections(paging: Paging | None = None) -> Call[Page[Connection]]:
    """Return the call for one page of the connected accounts, newest first."""
    return _page("/connections", Connection, paging)


def read_connection(connection_id: str) -> Call[Connection]:
    """Return the call that reads a connection."""
    return only_current(get(path_of("connections", connection_id), Connection.read), _INSTEAD)


def delete_connection(connection_id: str) -> Call[None]:
    """Return the call that disconnects an account; assets that were imported through it stay."""
    return only_current(delete(path_of("connections", connection_id)), _INSTEAD)


def create_picker_token(connection_id: str) -> Call[PickerToken]:
    """Return the call that creates a token for the provider's file picker."""
    path = path_of("connections", connection_id, "picker-token")
    return only_current(Call(Method.POST, path, PickerToken.read, repeatable=True), _INSTEAD)


def create_redirect_uri(redirect_uri: str) -> Call[RedirectUri]:
    """Return the call that allows a redirect URI; with at least one, all others are refused.

    :param redirect_uri: https, a public host, no wildcard.
    """
    return only_current(post("/connections/redirect-uris", RedirectUri.read, {"redirect_uri": redirect_uri}), _INSTEAD)


def list_redirect_uris(paging: Paging | None = None) -> Call[Page[RedirectUri]]:
    """Return the call for one page of the allowed redirect URIs, newest first."""
    return _page("/connections/redirect-uris", RedirectUri, paging)


def delete_redirect_uri(redirect_uri_id: str) -> Call[None]:
    """Return the call that removes a redirect URI."""
    return only_current(delete(path_of("connections", "redirect-uris", redirect_uri_id)), _INSTEAD)


def import_files(connection_id: str, source_ids: Sequence[str]) -> Call[Import]:
    """Return the call that imports files as assets; a file that was imported before is skipped.

    A repeat is therefore safe: after a lost response the files of the first request are ``skipped``.

    :param source_ids: the provider's ids, each once, :data:`MOST_IMPORTED` at most.
    """
    body = {"items": [{"source_id": source_id} for source_id in source_ids]}
    path = path_of("connections", connection_id, "imports")
    return only_current(post(path, Import.read, body, repeatable=True, category=RateCategory.UPLOAD), _INSTEAD)


def list_imports(connection_id: str, paging: Paging | None = None) -> Call[Page[Import]]:
    """Return the call for one page of a connection's imports, newest first, without their items."""
    return _page(path_of("connections", connection_id, "imports"), Import, paging)


def read_import(connection_id: str, import_id: str) -> Call[Import]:
    """Return the call that reads an import with the status of its assets."""
    return only_current(get(path_of("connections", connection_id, "imports", import_id), Import.read), _INSTEAD)


def _page(path: str, model: type[ModelT], paging: Paging | None) -> Call[Page[ModelT]]:
    """Return the call for one page of a list with a fixed order."""
    return only_current(page_of(path, model, (paging or Paging()).place()), _INSTEAD)
