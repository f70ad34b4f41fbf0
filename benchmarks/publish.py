"""Cost of publishing many segments as jsonl, srt, vtt and parquet in one pass.

``make bench-publish`` prints one JSON line: ``segments, seconds, rss_growth_mib, ratio_to_plain_json``. The peer is the
plainest loop that there is: ``json.dumps`` of the same rows into one file, each in a process of its own. Seconds are
those of the fastest of three runs, memory is the largest: the peak of the process less what it had before the first
row, so what Arrow's library takes is counted too. The digests, the manifest and bringing the files to the disk are
part of publishing; the peer does neither.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SEGMENTS = 1_000_000
RUNS = 3
FORMATS = ("jsonl", "srt", "vtt", "parquet")
WORDS = "and then she walked across the bridge, that was built in 1931, to see the other side of the river & the town"


def main() -> None:
    """Measure in fresh processes, publishing and peer in turn; print the line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", type=int, default=SEGMENTS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--formats", nargs="+", default=list(FORMATS))
    parser.add_argument("--inside", choices=("publish", "plain"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        run = _publish if options.inside == "publish" else _plain
        print(json.dumps(_measured(run, options.segments, options.formats)), flush=True)
        return
    found: dict[str, list[dict[str, float]]] = {"publish": [], "plain": []}
    for _ in range(options.runs):
        for name, results in found.items():
            results.append(_inside(name, options))
    seconds = min(result["seconds"] for result in found["publish"])
    plain = min(result["seconds"] for result in found["plain"])
    line = {
        "segments": options.segments,
        "seconds": round(seconds, 2),
        "rss_growth_mib": round(max(result["rss_growth_mib"] for result in found["publish"]), 1),
        "ratio_to_plain_json": round(seconds / plain, 2),
    }
    print(json.dumps(line), flush=True)


def _inside(name: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--inside", name, "--segments", str(options.segments)]
    command += ["--formats", *options.formats]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/plugins:{ROOT}"}
    done = subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _measured(run: Any, segments: int, formats: list[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        work = run(folder, segments, formats)
        gc.collect()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "rss_growth_mib": (peak - memory) / 1024}


def _rows(count: int) -> Iterator[Any]:
    """Segments of speech: about 2.5 s and 60 characters each, no two alike, none kept."""
    from twelvelabs_provider.api.models import Segment

    return (Segment(n * 2.53, n * 2.53 + 2.41, f"{WORDS[n % 40 : n % 40 + 50 + n % 20]} {n}") for n in range(count))


def _publish(folder: str, segments: int, formats: list[str]) -> Any:
    from twelvelabs_provider.storage.formats import Format
    from twelvelabs_provider.storage.layout import ResultPath
    from twelvelabs_provider.storage.manifest import Origin, Provenance, ResultFacts
    from twelvelabs_provider.storage.publish import publish_segments

    place = ResultPath(("index", "video"), "transcription")
    facts = ResultFacts(Provenance("dag", "run", "task"), Origin.SERVICE, "file:///v.mp4", "index", "video")
    return lambda: publish_segments(folder, place, _rows(segments), Format.parse_all(formats), facts)


def _plain(folder: str, segments: int, formats: list[str]) -> Any:
    def work() -> None:
        with open(f"{folder}/rows.jsonl", "w", encoding="utf-8") as file:
            for row in _rows(segments):
                file.write(json.dumps({"start": row.start, "end": row.end, "value": row.value}) + "\n")

    return work


if __name__ == "__main__":
    main()
