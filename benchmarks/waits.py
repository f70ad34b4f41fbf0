"""Cost of many waits for indexing tasks in one event loop, with Airflow's shared polls and a stub of the service.

``make bench-waits`` prints one JSON line per run: ``n, requests, cpu_s, rss_growth_mib, loop_block_s, p50_s, p95_s``.
Delays are counted from the moment a job is finished at the stub to the moment its trigger fires. The stub is another
process, so that its work is not counted.

The last line is a run at the default poll settings with jobs of different length, which are submitted one after the
other: ``lateness`` is the delay as a share of the limit ``max(5 s, t / 10)`` for a job that took ``t`` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
EARLIEST, LATEST = 5.0, 25.0
POLL = 5.0
BEAT = 0.025
LONGEST_RUN = 120.0
DEFAULT_WAITS = 40


@dataclass
class Pulse:
    """How long the loop was blocked at most."""

    longest: float = 0.0

    async def beat(self) -> None:
        """Sleep again and again and see how much later one wakes."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(BEAT)
            self.longest = max(self.longest, time.perf_counter() - before - BEAT)


def main() -> None:
    """Run with 1,000 and with 10,000 waits, each in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, nargs="*", default=[1000, 10000])
    parser.add_argument("--alone", action="store_true", help="every wait polls for itself, for comparison")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--default", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(run(options.n[0], options.alone, options.default)), flush=True)
        return
    for n in options.n:
        command = [sys.executable, __file__, "--inside", "--n", str(n), *(["--alone"] if options.alone else [])]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": f"{ROOT}/plugins:{ROOT}"})
    if not options.alone:
        command = [sys.executable, __file__, "--inside", "--default", "--n", str(DEFAULT_WAITS)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": f"{ROOT}/plugins:{ROOT}"})


def run(n: int, alone: bool, default: bool = False) -> dict[str, Any]:
    """Wait for ``n`` jobs and return the figures."""
    stub = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("indexing_stub.py"))], stdout=subprocess.PIPE, text=True
    )
    try:
        assert stub.stdout
        port = int(stub.stdout.readline())
        connection = {"conn_type": "twelvelabs", "password": "tlk_bench", "host": f"http://127.0.0.1:{port}"}
        os.environ["AIRFLOW_CONN_TWELVELABS_BENCH"] = json.dumps(connection)
        return asyncio.run(_lateness(n, port) if default else _measure(n, port, alone))
    finally:
        # Never a stub that outlives its run and holds the caller's pipe.
        stub.kill()
        stub.wait()


async def _measure(n: int, port: int, alone: bool) -> dict[str, Any]:
    await _wait_for(1, port, alone)  # imports, TLS context and the first connection belong to no wait
    gc.collect()
    process = psutil.Process()
    memory, cpu = process.memory_info().rss, _cpu()
    requests = _ask(port, "/requests")["requests"]
    pulse = Pulse()
    beating = asyncio.create_task(pulse.beat())
    delays = await _wait_for(n, port, alone)
    beating.cancel()
    peak = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, process.memory_info().rss)
    return {
        "n": n,
        "requests": _ask(port, "/requests")["requests"] - requests,
        "cpu_s": round(_cpu() - cpu, 2),
        "rss_growth_mib": round((peak - memory) / 2**20, 1),
        "loop_block_s": round(pulse.longest, 3),
        "p50_s": round(statistics.median(delays), 2),
        "p95_s": round(statistics.quantiles(delays, n=20)[-1] if n > 1 else delays[0], 2),
    }


async def _lateness(n: int, port: int) -> dict[str, Any]:
    """Submit jobs one after the other, each noticed at the default settings; the first waits alone for a while."""
    from airflow.triggers.shared_stream import SharedStreamManager

    chance, begin = random.Random(n), time.time()
    starts = [begin, *sorted(begin + chance.uniform(10.0, 50.0) for _ in range(n - 1))]
    takes = [chance.choice((0.2, 3.0, 10.0, 30.0, 60.0)) for _ in range(n)]
    ends = {f"{at:024x}": start + took for at, (start, took) in enumerate(zip(starts, takes, strict=True))}
    _ask(port, "/jobs", ends)
    manager, before = SharedStreamManager(), _ask(port, "/requests")["requests"]

    async def lateness(at: int, job_id: str) -> float:
        await asyncio.sleep(max(0.0, starts[at] - time.time()))
        fired = await _wait(manager, at, job_id, time.time(), False, poll=None)
        return (fired - ends[job_id]) / max(5.0, takes[at] / 10)

    shares = await asyncio.gather(*(lateness(at, job_id) for at, job_id in enumerate(ends)))
    await manager.stop_all()
    return {
        "default_settings": True,
        "n": n,
        "requests": _ask(port, "/requests")["requests"] - before,
        "first_lateness": round(shares[0], 2),
        "p50_lateness": round(statistics.median(shares), 2),
        "worst_lateness": round(max(shares), 2),
    }


async def _wait_for(n: int, port: int, alone: bool) -> list[float]:
    """Start ``n`` waits at once; return the seconds from the end of each job to the event of its trigger."""
    from airflow.triggers.shared_stream import SharedStreamManager

    chance = random.Random(n)
    begin = time.time()
    ends = {f"{number:024x}": begin + chance.uniform(EARLIEST, LATEST) for number in range(n)}
    _ask(port, "/jobs", ends)
    manager = SharedStreamManager()
    waits = []
    async with asyncio.timeout(LONGEST_RUN):
        for number, job_id in enumerate(ends):
            waits.append(asyncio.create_task(_wait(manager, number, job_id, begin, alone)))
            # So does the triggerer.
            await asyncio.sleep(0)
        fired = [await one for one in waits]
    await manager.stop_all()
    return [at - end for at, end in zip(fired, ends.values(), strict=True)]


async def _wait(manager: Any, number: int, job_id: str, begin: float, alone: bool, poll: float | None = POLL) -> float:
    """Do with one trigger what the triggerer does; return when it fired."""
    from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
    from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger

    pending = PendingJob(JobRef(JobKind.INDEXING_TASK, job_id), begin, begin, begin + 600)
    trigger = TwelveLabsJobTrigger("twelvelabs_bench", pending.as_json(), poll, begin)
    key = None if alone else trigger.shared_stream_key()
    if key is None:
        events = trigger.run()
    else:
        stream = manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        events = trigger.filter_shared_stream(stream)
    async for event in events:
        assert event.payload["reason"] == "ended", event.payload
        at = time.time()
    if key is not None:
        await manager.unsubscribe(number, key)
    return at


def _ask(port: int, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=data) as answer:
        return json.load(answer)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
