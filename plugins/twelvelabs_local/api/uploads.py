"""Files that come with a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from twelvelabs_local.api.call import Call
from twelvelabs_local.downloads import is_url, redacted_url
from twelvelabs_local.errors import MediaError, invalid
from twelvelabs_local.store.media_files import IncomingFile, read_chunks, too_large

FORM_OVERHEAD = 1024 * 1024
"""Bytes that the other parts of a form may need."""


def refuse_large(call: Call, limit: int) -> None:
    """Refuse a form whose announced length cannot hold an allowed file, before it is read.

    :param call: the request.
    :param limit: most bytes of the file.
    :raises ServiceError: ``video_filesize_too_large``.
    """
    announced = call.request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit + FORM_OVERHEAD:
        raise too_large(limit).refused()


@asynccontextmanager
async def arriving(call: Call, upload: UploadFile, limit: int) -> AsyncIterator[IncomingFile]:
    """Give an uploaded file in the data folder; it disappears again unless it is kept.

    :param call: the request.
    :param upload: the file part.
    :param limit: most bytes.
    :raises ServiceError: ``video_filesize_too_large``.
    """
    with IncomingFile(call.engine.settings.data) as arrival:
        try:
            await run_in_threadpool(arrival.write, read_chunks(upload.file), limit)
        except MediaError as error:
            raise error.refused() from error
        yield arrival


def checked_link(link: str, name: str) -> str:
    """Return a link that may be fetched.

    :param link: what was sent.
    :param name: the parameter.
    :raises ServiceError: when it is not an http or https link.
    """
    try:
        good = is_url(link)
    except ValueError:
        good = False
    if not good:
        raise invalid(name, "It must be an http or https link to a media file.")
    # a link that can be shown in messages can also be read by everything else
    redacted_url(link)
    return link
