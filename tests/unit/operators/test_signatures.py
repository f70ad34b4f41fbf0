"""What signs a URL is hidden before Airflow stores the rendered fields, whichever operator is given it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twelvelabs_provider.operators import base
from twelvelabs_provider.operators.extract import TwelveLabsExtractTranscriptionOperator
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator
from twelvelabs_provider.operators.video import TwelveLabsIndexVideoOperator

SIGNED = "https://bucket.example/{}?X-Amz-Signature=5ecre7f00dba5eba11"
SEARCH = {"index_id": "i1", "output_path": "/tmp/x"}
OPERATORS: list[tuple[Any, dict[str, Any]]] = [
    (TwelveLabsIndexVideoOperator, {"source": SIGNED.format("a.mp4"), "index_id": "i1"}),
    (TwelveLabsIndexVideoOperator, {"source": "a.mp4", "index_id": "i1", "transcription": SIGNED.format("a.srt")}),
    (
        TwelveLabsExtractTranscriptionOperator,
        {"index_id": "i1", "video_id": "v1", "output_path": "/tmp/x", "source": SIGNED.format("a.mp4")},
    ),
    (TwelveLabsSearchOperator, {**SEARCH, "query_images": [SIGNED.format("a.png")]}),
    (TwelveLabsSearchOperator, {**SEARCH, "query_images": json.dumps([SIGNED.format("a.png")])}),
    (TwelveLabsSearchOperator, {**SEARCH, "query_images": '["https://h/a?a=1\\u0026sig=5ecre7f00dba5eba11"]'}),
    (TwelveLabsSearchOperator, {**SEARCH, "filter": {"source": {"gte": SIGNED.format("a.png")}}}),
]


@pytest.mark.parametrize(("operator_class", "fields"), OPERATORS)
def test_a_signature_is_hidden(operator_class: Any, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    hidden: list[str] = []
    monkeypatch.setattr(base, "mask_secret", hidden.append)
    operator_class(task_id="t", **fields).render_template_fields({})
    assert "5ecre7f00dba5eba11" in hidden
