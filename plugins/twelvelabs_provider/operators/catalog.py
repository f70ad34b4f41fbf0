"""Operator that compacts the catalog of published results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from twelvelabs_provider.inputs.typed_arguments import flag_of, texts_of
from twelvelabs_provider.storage.catalog import COMPACTED, compact_catalog
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.publish import check_output
from twelvelabs_provider.task import required

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsCompactCatalogOperator(BaseOperator):
    """Compacts the catalog of an output: many small entries become one snapshot. It sends no request to the service.

    Publishing, reading and other compactions may run at the same time. A killed task leaves everything readable.

    :param output_path: the ``output_path`` of the operators that publish (templated).
    :param formats: ``jsonl``, which is always written, and ``parquet`` (templated).
    :param rebuild: rebuild the catalog from the existing manifests: deleted and moved results disappear, results of
        older releases appear; true or false (templated).
    :return: ``results`` (number of results in the catalog), ``files`` (format to URI of the snapshot), ``entries`` and
        ``snapshots`` (how many it replaces).
    :raises TwelveLabsInputError: the output or a format is invalid.
    :raises TwelveLabsOutputError: the store does not respond; a retry may help.
    """

    custom_operator_name = "TwelveLabs: compact catalog"
    template_fields: Sequence[str] = ("output_path", "formats", "rebuild")
    ui_color = "#d9e8f6"

    def __init__(
        self,
        *,
        output_path: str,
        formats: Sequence[str] | str = ("jsonl",),
        rebuild: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.formats = formats
        self.rebuild = rebuild

    def execute(self, context: Context) -> dict[str, Any]:
        """Compact the catalog, and return its snapshot."""
        required(self, output_path=self.output_path)
        formats = Format.parse_all(texts_of("formats", self.formats), among=COMPACTED)
        rebuild = flag_of("rebuild", self.rebuild)
        check_output(self.output_path)
        done = compact_catalog(self.output_path, formats, rebuild=rebuild)
        self.log.info(
            "Compacted the catalog: %d results in %s, from %d entries", done.results, done.files["jsonl"], done.entries
        )
        return done.as_xcom()
