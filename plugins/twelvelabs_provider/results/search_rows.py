"""Searches as plain values: rows of results, options, and the digest of a query."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from twelvelabs_provider.api.search.request import Match, SearchRequest
from twelvelabs_provider.results.kinds import SEARCH
from twelvelabs_provider.storage.source import Source


def query_options(request: SearchRequest) -> dict[str, Any]:
    """Return the options of a query except its images, as plain JSON."""
    return {
        "query_text": request.text,
        "query_tree": dict(request.query_tree) if request.query_tree else None,
        "search_options": [option.value for option in request.options],
        "transcription_options": [option.value for option in request.transcription_options],
        "group_by": request.group_by.value,
        "operator": request.operator.value if request.operator else None,
        "filter": dict(request.filter) if request.filter else None,
        "include_user_metadata": request.include_user_metadata,
        "threshold": request.threshold.value if request.threshold else None,
        "sort_option": request.sort_option.value if request.sort_option else None,
    }


def question_hash(request: SearchRequest, images: Sequence[Source]) -> str:
    """Return the digest of a query; a new signature of an image's URL does not change it."""
    content = {"index_id": request.index_id, **query_options(request)}
    content["images"] = [[image.uri, image.fingerprint] for image in images]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def match_row(match: Match, position: int) -> dict[str, Any]:
    """Return a result as a row of :data:`SEARCH`.

    :param position: among all results, counted from 1.
    """
    row = {column.name: getattr(match, column.name, None) for column in SEARCH.columns}
    return {**row, "position": position, "modules": list(match.modules), "user_metadata": dict(match.user_metadata)}
