"""Token usage of a generated text."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from twelvelabs_provider.api.service_model import ServiceModel


def _tokens(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


Tokens = Annotated[int | None, BeforeValidator(_tokens)]


class Usage(ServiceModel):
    """Tokens of one generation; None where the service gives no number."""

    input_tokens: Tokens = None
    output_tokens: Tokens = None

    def as_json(self) -> dict[str, int | None]:
        """Return plain JSON."""
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
