"""An operator that keeps the index of results small."""

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
    """Compacts the catalog of an output: the many small entries become one snapshot; the service is not asked.

    Publishing, reading and other compactions may go on meanwhile; a task that is killed leaves everything readable.

    :param output_path: the output, as the operators that publish take it (templated).
    :param formats: ``jsonl``, which there always is, and ``parquet`` for a copy of it (templated).
    :param rebuild: rebuild the catalog from the existing manifests: what was deleted or moved goes, and what an
        older release published comes; true or false (templated).
    :return: ``results`` (how many the catalog holds), ``files`` (format to URI of the snapshot), ``entries`` and
        ``snapshots`` (how many it took the place of).
    :raises TwelveLabsInputError: for an output or a format that cannot work.
    :raises TwelveLabsOutputError: if the store does not answer; a retry may help.
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
        """Compact, and return where the snapshot is."""
        required(self, output_path=self.output_path)
        formats = Format.parse_all(texts_of("formats", self.formats), among=COMPACTED)
        rebuild = flag_of("rebuild", self.rebuild)
        check_output(self.output_path)
        done = compact_catalog(self.output_path, formats, rebuild=rebuild)
        self.log.info("%d results in %s; %d entries compacted", done.results, done.files["jsonl"], done.entries)
        return done.as_xcom()
