"""Uploaded files of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from twelvelabs_local.api.call import Call
from twelvelabs_local.errors import MediaError
from twelvelabs_local.store.media_files import IncomingFile, read_chunks, too_large

FORM_OVERHEAD = 1024 * 1024
"""Bytes of the other parts of a form."""


def reject_large(call: Call, limit: int) -> None:
    """Reject a form by its Content-Length, before its file is read.

    :param call: the request.
    :param limit: the most bytes of the file.
    :raises ServiceError: ``video_filesize_too_large``.
    """
    announced = call.request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit + FORM_OVERHEAD:
        raise too_large(limit).as_service_error()


@asynccontextmanager
async def arriving(call: Call, upload: UploadFile, limit: int) -> AsyncIterator[IncomingFile]:
    """Yield an uploaded file in the data folder; it is deleted at the end unless ``keep()`` was called.

    :param call: the request.
    :param upload: the file part.
    :param limit: the most bytes.
    :raises ServiceError: ``video_filesize_too_large``.
    """
    with IncomingFile(call.engine.settings.data) as arrival:
        try:
            await run_in_threadpool(arrival.write, read_chunks(upload.file), limit)
        except MediaError as error:
            raise error.as_service_error() from error
        yield arrival
