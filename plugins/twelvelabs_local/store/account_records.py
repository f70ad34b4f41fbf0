"""Rows of connected accounts and imports as typed values."""

from __future__ import annotations

from dataclasses import dataclass

from twelvelabs_local.store.record import Record


@dataclass(frozen=True)
class Connection(Record):
    """A connected folder."""

    id: str
    folder: str
    custom_id: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class RedirectUri(Record):
    """An address to which an authorization may lead back."""

    id: str
    redirect_uri: str
    created_at: str


@dataclass(frozen=True)
class Import(Record):
    """Files that were imported with one request."""

    id: str
    connection_id: str
    custom_id: str | None
    item_count: int
    created_at: str


@dataclass(frozen=True)
class ImportItem(Record):
    """One file of an import; ``status`` is that of its asset."""

    source_id: str
    action: str
    asset_id: str | None
    status: str | None
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True)
class Transferred(Record):
    """A file that came through an integration; ``status`` is that of its video, None where there is none."""

    filename: str
    sha256: str
    video_id: str | None
    status: str | None
    error_message: str | None
    created_at: str
