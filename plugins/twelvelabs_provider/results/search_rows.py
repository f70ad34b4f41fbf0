"""A search and its results as plain values: rows, options, and the digest that tells a query from every other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from twelvelabs_provider.api.search.request import Match, SearchRequest
from twelvelabs_provider.results.kinds import SEARCH
from twelvelabs_provider.storage.source import Source


def asked(request: SearchRequest) -> dict[str, Any]:
    """Return what a query asks for, all but its images, as plain JSON."""
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
    """Return what tells a query from every other: the same for an image whose address was signed anew."""
    content = {"index_id": request.index_id, **asked(request)}
    content["images"] = [[image.uri, image.fingerprint] for image in images]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def match_row(match: Match, position: int) -> dict[str, Any]:
    """Return a result as a row of :data:`SEARCH`.

    :param position: among all results, counted from 1.
    """
    row = {column.name: getattr(match, column.name, None) for column in SEARCH.columns}
    return {**row, "position": position, "modules": list(match.modules), "user_metadata": dict(match.user_metadata)}
