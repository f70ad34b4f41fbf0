"""Rendering of templated fields: template files, and the renderers of Airflow's UI."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.exceptions import TwelveLabsInputError

if TYPE_CHECKING:
    from jinja2 import Environment

# Airflow's template_ext applies to all fields and to values inside of them: items="chunk.json" would become a template.
_TEMPLATE_FILES = {
    "prompt": ".md",
    "question": ".md",
    "instructions": ".md",
    "response_format": ".json",
    "answer_schema": ".json",
    "enrichment_schema": ".json",
}
_JSON_FIELDS = (
    "response_format", "answer_schema", "enrichment_schema", "prompt_v2", "filter", "filters", "query_tree", "items",
    "entities", "metadata", "user_metadata", "videos", "models",
)  # fmt: skip
_RENDERERS = dict.fromkeys(_JSON_FIELDS, "json") | {"prompt": "md", "question": "md", "instructions": "md"}
_WORDS = re.compile(r"[A-Z][a-z]*")


def read_template_file(name: str, value: Any, environment: Environment) -> Any:
    """Return the content of a template file that a field names; any other value as it is.

    A file is named by one word with the suffix of the field, such as ``prompts/review.md``, and is searched for beside
    the DAG file and in ``template_searchpath``.

    :raises TwelveLabsInputError: there is no such file.
    """
    suffix = _TEMPLATE_FILES.get(name)
    if suffix is None or not isinstance(value, str) or not _is_file_name(value, suffix):
        return value
    from jinja2 import TemplateNotFound

    try:
        assert environment.loader is not None
        return environment.loader.get_source(environment, value)[0]
    except (AssertionError, TemplateNotFound):
        raise TwelveLabsInputError(
            f"{name}={value!r} names a template file that does not exist. Put it beside the DAG file or into a folder"
            " of the DAG's template_searchpath."
        ) from None


def renderers_of(fields: Iterable[str]) -> dict[str, str]:
    """Return how Airflow's UI shows the rendered fields that are no plain text."""
    return {name: _RENDERERS[name] for name in fields if name in _RENDERERS}


def shown_name(class_name: str) -> str:
    """Return the name of an operator in Airflow's UI: ``TwelveLabs: index video``."""
    if not class_name.startswith("TwelveLabs"):
        return class_name
    words = _WORDS.findall(class_name.removeprefix("TwelveLabs").removesuffix("Operator"))
    return f"TwelveLabs: {' '.join(words).lower()}"


def _is_file_name(value: str, suffix: str) -> bool:
    return value.endswith(suffix) and not re.search(r"\s|://|\{", value)
