"""### Daily digest of new hits of saved searches

**What it does:** runs each of `searches` (each is one billed query), publishes all hits of the run, and writes a
digest of the hits that no earlier digest contains:

```
{output}/search_digest/{run}/digest.md, digest.html     for people: new hits by search, with links
{output}/search_digest/{run}/new.jsonl, new.parquet     the same as rows: search, video_id, start, end, score, text
{output}/search_digest/{run}/seen.jsonl                 all reported hits, for the next digest
{output}/search_digest/{run}/{index}/search/*.jsonl     all hits of this run
```

A hit is identified by its search, its video and its start in seconds; a new rank or score does not make it new.

**Needs:** the connection `twelvelabs_default`, an index, the extra `parquet`, and the Airflow Variable
`twelvelabs_output_path` (path or URI), which the param `output_path` overrides in a manual run.

**Change the searches** in `SEARCHES` below, or in the params of a run.

**If it fails, or is cleared,** it writes the same files again: it compares with the newest digest *before* it, never
with itself, so each hit is in one digest. A search whose results are published is not billed again while its index is
unchanged. Runs go one at a time, in order; there is no catch-up, since a search finds what is there today, not what was
there then.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import Param, dag, task

from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator

SEARCHES = [
    {"name": "telescopes", "query": "a telescope and a starry sky"},
    {"name": "gardens", "query": "children in a garden"},
]
SEARCH = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "query": {"type": "string", "minLength": 1},
    },
    "required": ["name", "query"],
}
FIELDS = ("video_id", "start", "end", "score")
KEY = {"search": str, "video_id": str, "start": float}
OUTPUT = "{{ params.output_path or var.value.twelvelabs_output_path }}"
RUN = "{{ dag_run.run_after | ts_nodash }}"


@dag(
    schedule="0 6 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    tags=["twelvelabs"],
    description="Writes a daily digest of new hits of saved searches.",
    doc_md=__doc__,
    default_args={"retries": 2},
    max_active_runs=1,
    max_active_tasks=4,
    params={
        "searches": Param(SEARCHES, type="array", items=SEARCH, minItems=1, title="Saved searches"),
        "index_name": Param("video-understanding", type="string", minLength=1, title="Index name"),
        "max_results": Param(100, type="integer", minimum=1, maximum=1000, title="Maximum number of hits per search"),
        "output_path": Param(
            None,
            type=["string", "null"],
            title="Output path (leave empty to use the Variable `twelvelabs_output_path`)",
        ),
    },
)
def search_digest() -> None:
    """Search, one task each; then compare with the last digest and write the new one."""
    index = TwelveLabsCreateIndexOperator(task_id="find_index", index_name="{{ params.index_name }}")

    @task
    def list_searches(params: dict[str, Any] | None = None) -> list[dict[str, str]]:
        return [{"query_text": one["query"], "output_name": one["name"]} for one in (params or {})["searches"]]

    found = TwelveLabsSearchOperator.partial(
        task_id="search",
        index_id=index.output,
        search_options=["visual", "transcription"],
        max_results="{{ params.max_results }}",
        output_path=f"{OUTPUT}/search_digest/{RUN}",
    ).expand_kwargs(list_searches())

    @task
    def write_digest(index_id: str, output_path: str, run: str, params: dict[str, Any] | None = None) -> Any:
        from airflow.sdk import ObjectStoragePath

        from twelvelabs_provider import publish_rows, read_rows

        digests = ObjectStoragePath(output_path) / "search_digest"
        hits = [
            {"search": one["name"], "text": row["transcription"], **{name: row[name] for name in FIELDS}}
            for one in (params or {})["searches"]
            for row in read_rows(digests / run / index_id / "search" / f"{one['name']}.manifest.json")
        ]
        earlier = sorted(
            folder.name
            for folder in digests.iterdir()
            if folder.name < run and (folder / "seen.manifest.json").exists()
        )
        seen = list(read_rows(digests / earlier[-1] / "seen.manifest.json")) if earlier else []
        reported = {_key(row) for row in seen}
        new = [row for row in hits if _key(row) not in reported]
        details = {"compared_with": earlier[-1:] or None}

        def publish(name: str, rows: list[dict[str, Any]], columns: dict[str, Any], formats: list[str]) -> Any:
            path, kind = f"search_digest/{run}/{name}", f"search_digest_{name}"
            facts = {"index_id": index_id, "details": details}
            return publish_rows(rows, output_path, path, kind=kind, columns=columns, formats=formats, **facts)

        published = publish("new", new, KEY | {"end": float, "score": float, "text": str}, ["jsonl", "parquet"])
        (digests / run / "digest.md").write_text(_markdown(run, index_id, new))
        (digests / run / "digest.html").write_text(_html(run, index_id, new))
        # Last, since it is what the next digest goes by.
        new_hits = [{name: row[name] for name in KEY} for row in new]
        publish("seen", [*seen, *new_hits], KEY, ["jsonl"])
        return published

    found >> write_digest(index.output, OUTPUT, RUN)


def _key(row: dict[str, Any]) -> tuple[str, str, int]:
    """Return the identity of a hit."""
    return row["search"], row["video_id"], round(row["start"])


def _link(index_id: str, row: dict[str, Any]) -> str:
    from twelvelabs_provider.links import video_url

    return video_url(index_id, row["video_id"])


def _when(row: dict[str, Any]) -> str:
    return f"{row['start']:.0f} to {row['end']:.0f} s"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is, HTML included, on one line."""
    import re

    return re.sub(r"([\\`*_\[\]<>&!|~#])", r"\\\1", " ".join(text.split()))


def _markdown(run: str, index_id: str, new: list[dict[str, Any]]) -> str:
    lines = [f"# New hits, {_plain(run)}", ""]
    for name in dict.fromkeys(row["search"] for row in new):
        lines += [f"## {name}", ""]
        lines += [
            f"- [{_plain(row['video_id'])}]({_link(index_id, row)}) {_when(row)}: {_plain(row['text'] or '')}"
            for row in new
            if row["search"] == name
        ] + [""]
    return "\n".join(lines if new else [*lines, "Nothing new.", ""])


def _html(run: str, index_id: str, new: list[dict[str, Any]]) -> str:
    from html import escape

    rows = "".join(
        f"<tr><td>{escape(row['search'])}</td>"
        f"<td><a href='{escape(_link(index_id, row))}'>{escape(row['video_id'])}</a></td>"
        f"<td>{_when(row)}</td><td>{escape(row['text'] or '')}</td></tr>"
        for row in new
    )
    head = (
        f"<!doctype html><meta charset='utf-8'><title>New hits, {escape(run)}</title><h1>New hits, {escape(run)}</h1>"
    )
    return f"{head}<table>{rows}</table>" if new else f"{head}<p>Nothing new.</p>"


search_digest()
