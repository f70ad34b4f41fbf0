"""Upload of a medium as an asset, without a record for a later attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import AssetOptions, UploadMethod, choose_method
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.media_source import Media, MediaFile, file_in, url_in

if TYPE_CHECKING:
    from twelvelabs_provider.api.models import Asset
    from twelvelabs_provider.hooks.call_sender import CallSender


def upload_medium(
    hook: CallSender, media: Media, filename: str | None, user_metadata: Mapping[str, Any] | None
) -> Asset:
    """Upload a file, or let the service fetch a URL, and return the asset, which the service then prepares.

    :raises TwelveLabsInputError: the file is missing, empty or too large.
    """
    if url := url_in(media):
        return hook.execute(hook.api.create_asset(url, filename=filename, user_metadata=user_metadata))
    file = file_in(media)
    try:
        method = choose_method(file.size).method
    except ValueError as error:
        raise TwelveLabsInputError(f"Cannot upload {file.name!r}: {error}") from None
    if method is UploadMethod.MULTIPART:
        return _in_parts(hook, file, AssetOptions(filename or file.name, user_metadata))
    return hook.execute(hook.api.create_asset(file.part(), filename=filename, user_metadata=user_metadata))


def _in_parts(hook: Any, file: MediaFile, options: AssetOptions) -> Asset:
    from twelvelabs_provider.api.multipart_uploads import create_upload
    from twelvelabs_provider.hooks.multipart import PartSource
    from twelvelabs_provider.hooks.multipart_rounds import OCTETS, send_missing_parts

    session = hook.execute(create_upload(file.asset_type, file.size, options))
    source = PartSource(file.name, file.size, file.open_range)
    headers = dict(session.headers) or OCTETS
    send_missing_parts(hook, session.id, source, session.chunk_size, headers, session.urls, completed=())
    file.must_be_unchanged()
    asset: Asset = hook.execute(hook.api.read_asset(session.asset_id))
    return asset
