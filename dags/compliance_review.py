"""### Find policy violations in videos and let a person decide about severe ones

**What it does, for each video:** uploads it once as an asset and runs an analysis with a JSON schema (rule, start and
end in seconds, severity, reason). If the worst finding is below `ask_from`, the video passes automatically. Otherwise a
person chooses **Approve** or **Reject** under *Required Actions* (or over the REST API). `compliance.decision.json`
beside the findings records the decision, the person, the time and the note.

**Needs:** the connection `twelvelabs_default` (API v1.3), Airflow 3.1 or newer. On 3.3 and newer the
question needs no worker and no triggerer; before, it is a deferred task and needs a triggerer.

**Trigger it with** `sources` (paths, URLs, object storage URIs), `policy` (the rules in plain words), `output_path`.

**Without a decision** within `TWELVELABS_REVIEW_HOURS` (environment of the scheduler and the workers, default 72) the
video is rejected, and the file names no person. Findings too long for an XCom always need a decision.

**If it fails:** clear the failed task. Nothing before it is uploaded or billed again; each clear of `find_violations`
bills one analysis (minutes of the video, and tokens). Who may answer: `assigned_users` of the task `ask_a_person`.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, dag, task, task_group

from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator

SEVERITIES = ["low", "medium", "high"]
REVIEW_TIME = timedelta(hours=float(os.environ.get("TWELVELABS_REVIEW_HOURS", "72")))
FINDINGS = {
    "type": "json_schema",
    "json_schema": {
        "type": "object",
        "properties": {
            "findings": {
                "type": "array",
                "description": "every stretch of the video that breaks a rule; empty if none does",
                "items": {
                    "type": "object",
                    "properties": {
                        "rule": {"type": "string", "description": "the rule that is broken, in the policy's words"},
                        "start": {"type": "number", "description": "seconds"},
                        "end": {"type": "number", "description": "seconds"},
                        "severity": {"type": "string", "enum": SEVERITIES},
                        "reason": {"type": "string", "description": "what is seen or heard there"},
                    },
                    "required": ["rule", "start", "end", "severity", "reason"],
                },
            }
        },
        "required": ["findings"],
    },
}


@dag(
    schedule=None,
    catchup=False,
    tags=["twelvelabs"],
    description="Finds policy violations in videos; a person decides about severe ones.",
    doc_md=__doc__,
    default_args={"retries": 2},
    max_active_tasks=16,
    params={
        "sources": Param([], type="array", items={"type": "string"}, minItems=1, title="Videos (paths, URLs, URIs)"),
        "policy": Param("", type="string", minLength=1, title="Policy rules, in plain language"),
        "ask_from": Param("medium", enum=SEVERITIES, title="Lowest severity that needs a decision"),
        "output_path": Param("", type="string", minLength=1, title="Output path (path or URI)"),
    },
)
def compliance_review() -> None:
    """One branch per video: upload, find, ask a person if need be, write the decision."""

    @task
    def list_positions(params: dict[str, Any] | None = None) -> list[int]:
        return list(range(len((params or {})["sources"])))

    @task
    def describe(answer: dict[str, Any], params: dict[str, Any] | None = None) -> str:
        import re

        from airflow.providers.common.compat.sdk import AirflowSkipException

        if answer["data"] is None:
            return f"More was found than fits here; all of it: {answer['files']['json']}"

        def plain(text: str) -> str:
            """Return a text that Markdown shows as it is, on one line."""
            return re.sub(r"([\\`*_\[\]<>&!|~#])", r"\\\1", " ".join(text.split()))

        findings = answer["data"]["findings"]
        worst = max((SEVERITIES.index(one["severity"]) for one in findings), default=-1)
        if worst < SEVERITIES.index((params or {})["ask_from"]):
            # What follows a skipped task is skipped; a branch operator skips nothing within a mapped group.
            raise AirflowSkipException("nothing that a person has to decide about")
        return "\n".join(
            f"- **{one['severity']}** {one['start']:.1f} to {one['end']:.1f} s,"
            f" {plain(one['rule'])}: {plain(one['reason'])}"
            for one in findings
        )

    @task(trigger_rule="none_failed_min_one_success")
    def write_decision(answer: dict[str, Any], params: dict[str, Any] | None = None, ti: Any = None) -> dict[str, Any]:
        from twelvelabs_provider import publish_document

        given = ti.xcom_pull(task_ids="review.ask_a_person", map_indexes=ti.map_index) or {}
        person = given.get("responded_by_user")
        decision = {
            "decision": "rejected" if given.get("chosen_options") == ["Reject"] else "approved",
            "decided_by": "automatic" if not given else (person or {}).get("name") or "timeout",
            "decided_at": str(given["responded_at"]) if given else None,
            "note": given.get("params_input", {}).get("note"),
            "findings": answer["manifest"],
        }
        asset_id = answer["asset_id"]
        path = f"assets/{asset_id}/compliance.decision"
        ids = {"asset_id": asset_id, "video_id": asset_id}
        published = publish_document(decision, (params or {})["output_path"], path, kind="decision", **ids)
        return {"decision": decision["decision"], **published}

    @task_group
    def review(position: int) -> None:
        asset = TwelveLabsCreateAssetOperator(
            task_id="upload",
            # By position, not by value: an address may be signed, and XCom is no place for signatures.
            source="{{ params.sources[ti.map_index] }}",
            deferrable=True,
        )
        found = TwelveLabsAnalyzeVideoOperator(
            task_id="find_violations",
            asset_id=asset.output["asset_id"],
            prompt="Find every stretch of the video that breaks one of these rules: {{ params.policy }}",
            response_format=FINDINGS,
            output_name="compliance",
            output_path="{{ params.output_path }}",
            deferrable=True,
        )
        ask = HITLOperator(
            task_id="ask_a_person",
            # The address of the upload's result carries no password and no signature.
            subject="Does {{ ti.xcom_pull('review.upload', map_indexes=ti.map_index)['source_uri'] }} go out?",
            body=describe(found.output),
            options=["Approve", "Reject"],
            defaults=["Reject"],
            response_timeout=REVIEW_TIME,
            params={"note": Param("", type="string", title="Note for the record")},
        )
        ask >> write_decision(found.output)

    review.expand(position=list_positions())


compliance_review()
