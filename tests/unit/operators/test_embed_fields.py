"""Identity and result path of an embedding do not depend on URL signatures, and show none."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.hooks import masking
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.results.embeddings import folder_of

SIGNED = "https://bucket.example/a%20film.mp4?X-Amz-Signature={}"
INPUTS = [
    {"video": SIGNED},
    {"audio": SIGNED},
    {"image": SIGNED},
    {"image": [SIGNED, "b.png"]},
    {"image": {"hat": SIGNED}, "text": "<@hat>"},
]


def signed(value: Any, signature: str) -> Any:
    if isinstance(value, dict):
        return {name: signed(inner, signature) for name, inner in value.items()}
    if isinstance(value, list):
        return [signed(inner, signature) for inner in value]
    return value.format(signature)


def embed(fields: dict[str, Any], signature: str = "5ecre7f00dba5eba11", **more: Any) -> TwelveLabsEmbedOperator:
    return TwelveLabsEmbedOperator(task_id="t", output_path="/tmp/x", **signed(fields, signature), **more)


@pytest.mark.parametrize("fields", INPUTS)
def test_url_with_a_new_signature_is_the_same_request(fields: dict[str, Any]) -> None:
    first, again = embed(fields, "first").request_values(), embed(fields, "again").request_values()
    assert first == again and "first" not in repr(first)
    assert embed(fields, options=["visual"]).request_values() != first
    assert embed(fields, model_name="marengo3.5").request_values() != first


@pytest.mark.parametrize("fields", INPUTS)
def test_signature_of_an_input_is_masked(fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    hidden: list[str] = []
    monkeypatch.setattr(masking, "mask_secret", hidden.extend)
    embed(fields).render_template_fields({})
    assert "5ecre7f00dba5eba11" in hidden


def test_result_folder_depends_on_the_input_not_its_signature() -> None:
    one, again, other = (
        folder_of("video", None, f"https://a.example/{path}")
        for path in ("film.mp4?X-Amz-Signature=1", "film.mp4?X-Amz-Signature=2", "b/film.mp4")
    )
    assert one == again != other and one.startswith("film-") and "Signature" not in one
    assert folder_of("video", None, "https://a.example/w?v=a") != folder_of("video", None, "https://a.example/w?v=b")
    assert folder_of("text", "either/or").startswith("text-") and folder_of("text", "one") != folder_of("text", "two")
    assert folder_of("multi_input", "a text", ["x.png", "y.png"]).startswith("multi_input-")
