"""The video of an analysis: an asset, an indexed video, a URL or a file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from twelvelabs_provider.api.analysis.request import SourceKind, VideoSource
from twelvelabs_provider.api.analysis.rules import MOST_INLINE_BYTES
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.deduplication import asset_of
from twelvelabs_provider.storage.locations import redact_url
from twelvelabs_provider.storage.probe import probe_video
from twelvelabs_provider.storage.source import Source, resolve_source

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

_IN_NO_INDEX = "assets"


@dataclass(frozen=True)
class Subject:
    """The video of a result.

    :param group: folder of the result: the index, or ``assets``.
    :param name: folder below it: the video, the asset, or the name of a file with a digest.
    :param duration: seconds, None if unknown.
    :param uri: where the video came from, without credentials.
    """

    group: str
    name: str
    index_id: str | None = None
    video_id: str | None = None
    asset_id: str | None = None
    duration: float | None = None
    uri: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` wrote."""
        return cls(**value)

    def ids(self) -> dict[str, str | None]:
        """Return the service's ids."""
        return {"index_id": self.index_id, "video_id": self.video_id, "asset_id": self.asset_id}


@dataclass(frozen=True)
class Named:
    """The arguments that name a video; an argument that is empty after rendering is None.

    :raises TwelveLabsInputError: they name no video, or more than one.
    """

    asset_id: str | None
    video_url: str | None = field(repr=False)
    video_file: str | None
    index_id: str | None
    video_id: str | None
    source_uri: str | None = field(repr=False)

    def __post_init__(self) -> None:
        ways = {
            "asset_id": bool(self.asset_id) and not self.video_id,
            "video_url": bool(self.video_url),
            "video_file": bool(self.video_file),
            "video_id": bool(self.video_id),
        }
        given = [name for name, there in ways.items() if there]
        if len(given) != 1:
            raise TwelveLabsInputError(
                "Name one video: asset_id, video_url, video_file, or index_id and video_id (given:"
                f" {' and '.join(given) or 'none'})"
            )
        if self.video_id and not self.index_id:
            raise TwelveLabsInputError(f"video_id={self.video_id!r} needs the index_id of its index")

    @classmethod
    def of(cls, **given: str | None) -> Self:
        """Parse the rendered arguments."""
        texts = {name: str(value).strip() if value is not None else "" for name, value in given.items()}
        # Records and manifests hold it, and must hold no signature.
        texts["source_uri"] = redact_url(texts.get("source_uri", ""))
        return cls(**{name: text if text not in ("", "None") else None for name, text in texts.items()})


def find_subject(hook: TwelveLabsHook, named: Named) -> tuple[Subject, VideoSource]:
    """Return the video and its form in the request, after free requests only.

    v1.3 analyzes an indexed video as its asset; the older generations take its id.

    :raises TwelveLabsInputError: a file is missing or too large for a request, or a video has no known asset.
    """
    if named.video_id:
        return _indexed(hook, named)
    if named.asset_id:
        asset = hook.execute(hook.api.read_asset(named.asset_id))
        group = named.index_id or _IN_NO_INDEX
        subject = Subject(group, asset.id, named.index_id, None, asset.id, asset.duration, named.source_uri)
        return subject, VideoSource(SourceKind.ASSET, asset.id)
    return _from_place(resolve_source(named.video_url or named.video_file or ""), named)


def _indexed(hook: TwelveLabsHook, named: Named) -> tuple[Subject, VideoSource]:
    index_id, video_id = str(named.index_id), str(named.video_id)
    video = hook.execute(hook.api.read_video(index_id, video_id))
    by_asset = hook.api.indexing_route() is IndexingRoute.ASSET
    asset_id = named.asset_id or (asset_of(hook, video) if by_asset else video.asset_id)
    subject = Subject(index_id, video_id, index_id, video_id, asset_id, video.duration, named.source_uri)
    if not by_asset:
        return subject, VideoSource(SourceKind.INDEXED, video_id)
    if asset_id is None:
        raise without_asset(index_id, video_id)
    return subject, VideoSource(SourceKind.ASSET, asset_id)


def without_asset(index_id: str, video_id: str) -> TwelveLabsInputError:
    """Return the error for an indexed video whose asset is unknown, where only assets can be analyzed."""
    return TwelveLabsInputError(
        f"Video {video_id} has no known asset (index {index_id}), and API v1.3 analyzes assets: give asset_id,"
        " video_url or video_file, or index the video again with TwelveLabsIndexVideoOperator"
    )


def _from_place(source: Source, named: Named) -> tuple[Subject, VideoSource]:
    if (source.url is None) == bool(named.video_url):
        raise TwelveLabsInputError(
            f"{source.uri!r} is {'a file' if named.video_url else 'a URL'}: give it as"
            f" {'video_file' if named.video_url else 'video_url'}"
        )
    digest = hashlib.sha256(f"{source.uri}\0{source.fingerprint}".encode()).hexdigest()[:8]
    subject = Subject(_IN_NO_INDEX, f"{source.filename}-{digest}", uri=named.source_uri or source.uri)
    if source.url is not None:
        return subject, VideoSource(SourceKind.URL, source.url)
    if (source.size or 0) > MOST_INLINE_BYTES:
        raise TwelveLabsInputError(
            f"video_file has {source.size:,} bytes, and a request takes {MOST_INLINE_BYTES:,}: {source.uri!r}. Use"
            " TwelveLabsCreateAssetOperator, and give asset_id"
        )
    facts = probe_video(source)
    with source.open() as stream:
        content = base64.b64encode(stream.read(MOST_INLINE_BYTES + 1)).decode()
    source.must_be_unchanged()
    return replace(subject, duration=facts.duration if facts else None), VideoSource(SourceKind.INLINE, content)
