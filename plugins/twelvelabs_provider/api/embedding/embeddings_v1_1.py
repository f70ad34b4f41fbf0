"""Embeddings in v1.1: there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pendulum

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask
from twelvelabs_provider.api.embedding.request import EmbeddingOption, EmbeddingRequest
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import Paging


def create_embeddings(request: EmbeddingRequest) -> Call[Embeddings]:
    """Refuse: this generation has no embeddings."""
    _refuse()


def create_embedding_task(request: EmbeddingRequest) -> Call[EmbeddingTask]:
    """Refuse: this generation has no embeddings."""
    _refuse()


def read_embedding_task(task_id: str) -> Call[EmbeddingTask]:
    """Refuse: this generation has no embeddings."""
    _refuse()


def embedding_task_status(task_id: str) -> Call[EmbeddingTask]:
    """Refuse: this generation has no embeddings."""
    _refuse()


def list_embedding_tasks(
    *,
    since: pendulum.DateTime | None = None,
    until: pendulum.DateTime | None = None,
    status: str | None = None,
    paging: Paging | None = None,
) -> Call[Page[EmbeddingTask]]:
    """Refuse: this generation has no embeddings."""
    _refuse()


def indexed_embeddings(
    index_id: str, video_id: str, *, options: Sequence[EmbeddingOption] = tuple(EmbeddingOption)
) -> Call[Embeddings]:
    """Refuse: this generation has no embeddings."""
    _refuse()


def _refuse() -> NoReturn:
    raise TwelveLabsUnsupportedError(
        "API v1.1 has no embeddings: use a connection with api_version v1.2 (texts, images, sounds, videos), or v1.3"
    )
