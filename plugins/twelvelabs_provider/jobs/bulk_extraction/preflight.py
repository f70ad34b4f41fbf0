"""Preflight of bulk extraction: what is published already, and what the rest bills."""

from __future__ import annotations

import logging

from twelvelabs_provider.jobs.bulk_extraction.pipeline import ExtractionPipeline
from twelvelabs_provider.jobs.bulk_state import digest_of
from twelvelabs_provider.jobs.cost import BilledKind, must_be_allowed, sentence, total_of

log = logging.getLogger(__name__)


def preflight(work: ExtractionPipeline) -> None:
    """Reuse what is published, and check what the rest bills; once for the results of an attempt.

    :raises TwelveLabsInputError: the rest would bill more than is allowed; nothing was submitted.
    """
    digest = digest_of(work.items)
    if work.state.preflight_digest == digest:
        return
    work.reuse_published([key for key in work.items if key not in work.state.entries])
    if work.limit is not None:
        rest = [item for key, item in work.items.items() if not work.is_settled(key)]
        bill = total_of(BilledKind.ANALYSIS, filter(None, (item.extraction.bill(item.video) for item in rest)))
        what = f"extracting {len(rest)} of {len(work.items)} results"
        must_be_allowed(bill, work.limit, what)
        log.info("%s: %s", sentence(what), bill.rounded)
    work.state.preflight_digest = digest
    work.save()
