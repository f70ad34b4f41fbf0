"""Submission of items in batches: none twice, and no more at once than the account may have."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

import pendulum

from twelvelabs_provider.api.analysis.batch_models import ACTIVE, AnalysisBatch
from twelvelabs_provider.api.analysis.batches import (
    MOST_ACTIVE,
    MOST_ITEMS,
    MOST_SECONDS,
    BatchItem,
    BatchRequest,
    create_batch,
    list_batches,
    read_batch,
)
from twelvelabs_provider.api.assets import list_assets
from twelvelabs_provider.api.errors import (
    TwelveLabsConflictError,
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsRateLimitError,
)
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.models import Asset
from twelvelabs_provider.api.resources import LARGEST_PAGE, Paging
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsJobTimeoutError
from twelvelabs_provider.inputs.batch_items import GivenItem, GivenItems
from twelvelabs_provider.inputs.batch_rules import ItemRules
from twelvelabs_provider.jobs.batch_plan import (
    BatchPlan,
    BatchState,
    ItemIds,
    ItemLength,
    PlannedBatch,
    cut_into_batches,
)
from twelvelabs_provider.jobs.cost import Bill, BilledKind, total_of
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob, Phase, PlannedWork
from twelvelabs_provider.jobs.polling import clock_text
from twelvelabs_provider.results.batch_rows import results_of

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)

_NOTHING_DONE = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


@dataclass(frozen=True)
class BatchSubmission:
    """Submission of the items of one task.

    :param mark: what the items carry, to be found again.
    :param work: the task's deadline and memo.
    :param since: epoch seconds before which no batch can be one of ours.
    :param record: records the job to wait for, or the work while no batch is active; before and after each request.
    """

    hook: TwelveLabsHook
    items: GivenItems
    rules: ItemRules
    mark: ItemIds
    work: PlannedWork
    since: float
    record: Callable[[PendingJob | PlannedWork], None]

    def send(self, plan: BatchPlan) -> PendingJob:
        """Send the batches that may be active; return what to wait for: our oldest batch, or what is in the way.

        :raises TwelveLabsJobTimeoutError: the deadline has passed, and batches are left of which none is active.
        """
        plan = self.refreshed(plan)
        try:
            plan, obstacle = (plan, None) if self._is_late(plan) else self.fill(plan)
        except TwelveLabsPermanentError:
            log.warning("The next batch was refused; submitted batches continue: %s", ", ".join(plan.batch_ids))
            raise
        job = _oldest_of(plan) or obstacle or JobRef(JobKind.ANALYSIS_BATCH, plan.batch_ids[-1])
        if obstacle and job == obstacle:
            log.info("Waiting for %s before the next batch can be sent", job)
        return self.waiting_for(job, plan)

    def waiting_for(self, job: JobRef, plan: BatchPlan) -> PendingJob:
        """Return a job to wait for, with the plan."""
        return self.work.submitted_as(job, time.time(), plan=plan.as_json())

    def _is_late(self, plan: BatchPlan) -> bool:
        """Tell whether the deadline forbids another batch, for which nothing would wait."""
        unsent = len(plan.of(BatchState.PLANNED, BatchState.SENDING))
        if not unsent or time.time() < self.work.deadline:
            return False
        if not plan.of(BatchState.ACTIVE):
            raise TwelveLabsJobTimeoutError(
                f"{unsent} of {len(plan.batches)} batches were not sent before the deadline,"
                f" {clock_text(self.work.deadline)}: give the task longer with timeout (seconds)"
            )
        return True

    def _record(self, plan: BatchPlan) -> None:
        job, work = _oldest_of(plan), self.work.with_memo(plan=plan.as_json())
        self.record(self.waiting_for(job, plan) if job else work)

    def fill(self, plan: BatchPlan) -> tuple[BatchPlan, JobRef | None]:
        """Send the batches that may be sent now.

        :return: the plan, and what delays the rest unless it is one of our own batches: an asset that is not ready, or
            the account's oldest batch of another task.
        """
        while (portion := plan.next()) and len(plan.of(BatchState.ACTIVE)) < MOST_ACTIVE:
            others = self._others(plan)
            if len(others) + len(plan.of(BatchState.ACTIVE)) >= MOST_ACTIVE:
                return plan, _oldest(others)
            try:
                plan = self._send(plan, portion)
            except TwelveLabsConflictError:
                unready = self._unready(portion)
                if unready is None:
                    raise
                return plan, JobRef(JobKind.ASSET, unready)
            except TwelveLabsRateLimitError:
                # Another task may have taken the last place meanwhile; a limit of requests passes too.
                if not plan.of(BatchState.ACTIVE):
                    raise
                return plan, None
        return plan, None

    def refreshed(self, plan: BatchPlan) -> BatchPlan:
        """Return the plan with the batches that have ended since then."""
        for portion in plan.of(BatchState.ACTIVE):
            batch = self.hook.execute(read_batch(portion.batch_id or ""))
            if phase_of(batch.status) is not Phase.RUNNING:
                log.info(
                    "Batch %s is %s: %d ready, %d failed, %d canceled of %d", batch.id, batch.status, batch.ready_items,
                    batch.failed_items, batch.canceled_items, batch.total_items,
                )  # fmt: skip
                plan = plan.changed(replace(portion, state=BatchState.ENDED))
        return plan

    def revived(self, plan: BatchPlan) -> BatchPlan:
        """Return the plan of an earlier attempt; batches that were cancelled with it are sent again."""
        for portion in plan.of(BatchState.ACTIVE):
            if self.hook.execute(read_batch(portion.batch_id or "")).fruitless:
                log.info("Batch %s was cancelled before any item was done: submitting it again", portion.batch_id)
                plan = plan.changed(replace(portion, batch_id=None, state=BatchState.PLANNED))
        return self.reconciled(plan) if plan.of(BatchState.SENDING) else plan

    def reconciled(self, plan: BatchPlan) -> BatchPlan:
        """Return the plan with the batches that the service has; the others are sent again."""
        for first, batch in self._ours():
            plan = plan.found(first, batch.total_items, batch.id)
        for portion in plan.of(BatchState.SENDING):
            plan = plan.changed(replace(portion, state=BatchState.PLANNED))
        return plan

    def plan(self, *, wait_for_assets: bool) -> tuple[BatchPlan, str | None, Bill]:
        """Check every item and every asset, and split the items into batches; nothing is sent yet.

        :return: the plan, the first asset that is not ready, and the cost of all items.
        :raises TwelveLabsInputError: the service would refuse an item.
        """
        unready: list[str] = []
        bill = Bill(BilledKind.ANALYSIS)

        def measured() -> Iterator[ItemLength]:
            nonlocal bill
            for given, asset in self._with_assets():
                if _usable(given, asset).status != "ready":
                    if not wait_for_assets:
                        raise TwelveLabsInputError(f"{given}: asset {asset.id} is {asset.status}, not ready")
                    unready.append(asset.id) if not unready else None
                duration = asset.duration or given.duration
                bill = total_of(BilledKind.ANALYSIS, (bill, self.rules.bill(given, duration)))
                yield ItemLength(given.at, duration or 0.0)

        plan = BatchPlan(tuple(cut_into_batches(measured(), MOST_ITEMS, MOST_SECONDS)))
        return plan, unready[0] if unready else None, bill

    def _with_assets(self) -> Iterator[tuple[GivenItem, Asset]]:
        """Return every item with its asset; one request reads as many assets as a page holds."""
        items = self.rules.checked(self.items.read())
        while some := list(islice(items, LARGEST_PAGE)):
            found = self._assets({given.item.asset_id for given in some})
            for given in some:
                if given.item.asset_id not in found:
                    raise TwelveLabsInputError(f"{given}: there is no asset {given.item.asset_id} in this account")
                yield given, found[given.item.asset_id]

    def _assets(self, asset_ids: set[str]) -> Mapping[str, Asset]:
        page = self.hook.execute(list_assets(asset_ids=sorted(asset_ids), paging=Paging(limit=LARGEST_PAGE)))
        return {asset.id: asset for asset in page.items}

    def _send(self, plan: BatchPlan, portion: PlannedBatch) -> BatchPlan:
        given = list(self.items.read(portion))
        self._record(plan.changed(replace(portion, state=BatchState.SENDING)))
        try:
            batch_id = self.hook.execute(create_batch(self._request(portion, given))).id
        except UNKNOWN_OUTCOME as error:
            if error.details.status not in _NOTHING_DONE:
                batch_id = self._found_after(error, portion)
            elif error.details.status == HTTPStatus.GATEWAY_TIMEOUT and portion.count > 1:
                return self._halved(plan, portion, given)
            else:
                self._record(plan)
                raise
        except TwelveLabsError:
            self._record(plan)
            raise
        log.info("Submitted batch %s with items %d to %d", batch_id, portion.first, portion.first + portion.count - 1)
        plan = plan.changed(replace(portion, batch_id=batch_id, state=BatchState.ACTIVE))
        self._record(plan)
        return plan

    def _request(self, portion: PlannedBatch, given: list[GivenItem]) -> BatchRequest:
        items = [
            BatchItem(one.item.asset_id, self.mark.write(portion, one.number, one.item.custom_id), one.item.options)
            for one in given
        ]
        return BatchRequest(items, self.rules.defaults, self.rules.mode, self.rules.model)

    def _halved(self, plan: BatchPlan, portion: PlannedBatch, given: list[GivenItem]) -> BatchPlan:
        log.warning(
            "The service took too long for %d items from item %d on: sending half as many", portion.count, portion.first
        )
        plan = plan.halved(portion.first, given[portion.count // 2].at)
        self._record(plan)
        return plan

    def _found_after(self, error: TwelveLabsError, portion: PlannedBatch) -> str:
        """Return the batch whose creation was not confirmed; it may have been billed, so it is not sent again at once.

        :raises TwelveLabsError: the error, if there is no such batch yet. A retry looks again before it sends.
        """
        log.warning("Looking for the batch whose creation was not confirmed: %s", error)
        found = next((batch.id for first, batch in self._ours() if first == portion.first), None)
        if found is None:
            raise error
        return found

    def _ours(self) -> Iterator[tuple[int, AnalysisBatch]]:
        """Return the batches whose items carry our ids and that were not cancelled, with their first item's number."""
        for batch in self.hook.items(lambda paging: list_batches(paging=paging)):
            if batch.created_at and batch.created_at < pendulum.from_timestamp(self.since):
                return
            if batch.fruitless:
                continue
            with closing(results_of(self.hook, batch.id)) as results:
                any_item = next(results, None)
            known = self.mark.read(any_item.custom_id) if any_item else None
            if known:
                yield known[0], batch

    def _others(self, plan: BatchPlan) -> list[AnalysisBatch]:
        """Return the active batches of the account that are not ours, newest first."""
        page = self.hook.execute(list_batches(status=ACTIVE))
        return [batch for batch in page.items if batch.id not in plan.batch_ids]

    def _unready(self, portion: PlannedBatch) -> str | None:
        """Return the first asset of a portion that is not ready."""
        items = self.items.read(portion)
        while some := list(islice(items, LARGEST_PAGE)):
            found = self._assets({given.item.asset_id for given in some})
            for given in some:
                asset = found.get(given.item.asset_id)
                if asset and _usable(given, asset).status != "ready":
                    return asset.id
        return None


def _oldest_of(plan: BatchPlan) -> JobRef | None:
    active = plan.of(BatchState.ACTIVE)
    return JobRef(JobKind.ANALYSIS_BATCH, active[0].batch_id or "") if active else None


def _oldest(batches: list[AnalysisBatch]) -> JobRef | None:
    return JobRef(JobKind.ANALYSIS_BATCH, batches[-1].id) if batches else None


def _usable(given: GivenItem, asset: Asset) -> Asset:
    """Return an asset that is ready or may become ready.

    :raises TwelveLabsInputError: it failed.
    """
    if phase_of(asset.status) is Phase.FAILED:
        raise TwelveLabsInputError(f"{given}: asset {asset.id} is {asset.status}: {asset.error or 'no reason given'}")
    return asset
