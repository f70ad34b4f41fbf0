"""Memory of a discovery of hundreds of thousands of files."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MANY = """
import logging, resource, sys
from datetime import UTC, datetime
from airflow.sdk.io import store
from fsspec.spec import AbstractFileSystem
from twelvelabs_provider.storage.discovery.discover import Discovery
from twelvelabs_provider.storage.discovery.search_roots import search_root
from twelvelabs_provider.storage.discovery.state import DiscoveryState
from twelvelabs_provider.storage.discovery.videos import VideoSelection
from twelvelabs_provider.storage.manifest import Provenance

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)

class Bucket(AbstractFileSystem):
    "Keys in any order, page by page, as many as are asked for."
    cachable, protocol, keys = False, "s3", 0

    def call_s3(self, method, ContinuationToken="0", **_):
        start = int(ContinuationToken)
        end = min(start + 1000, self.keys)
        found = [self.entry(number * 7919 % self.keys) for number in range(start, end)]
        return {"Contents": found, "IsTruncated": end < self.keys, "NextContinuationToken": str(end)}

    def entry(self, number):
        return {"Key": f"all/{number:08d}.mp4", "Size": 5, "ETag": '"%032x"' % number, "LastModified": WRITTEN}

bucket = Bucket()
store.attach("s3", "c", fs=bucket)

def peak_after(keys, run):
    bucket.keys = keys
    root = search_root("s3://c@b/all/")
    found = Discovery([root], VideoSelection(), 60, 0, 500, 500, True)
    result = found.run(DiscoveryState(sys.argv[1], Provenance("d", run, "t"), "a" * 8), {}).result
    results.append((result["videos"], len(result["chunks"])))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

results = []
few, many = peak_after(30_000, "few"), peak_after(300_000, "many")
print()
print(many - few, results)
"""


@pytest.mark.large
def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    run = [sys.executable, "-c", MANY, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.run(run, env=env, check=True, capture_output=True, text=True, timeout=1800).stdout
    growth_kib, _, results = printed.splitlines()[-1].partition(" ")
    assert results == "[(30000, 60), (270000, 500)]"
    runs = tmp_path / "d/t/runs"
    with gzip.open(runs / "many/aaaaaaaa/known.jsonl.gz") as lines:
        assert sum(1 for _ in lines) == 300_000
    assert json.loads((runs / "many/manifest.json").read_text())["counts"]["unchanged"] == 30_000
    assert int(growth_kib) < 32 * 1024
