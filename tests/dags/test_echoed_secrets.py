"""A service that echoes signed links and API keys in every response and error."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from airflow.sdk._shared.secrets_masker import _secrets_masker

from tests.dags.conftest import SAMPLE, Account, Connect, load_dag
from tests.dags.test_secrets import files_with, tables_with
from tests.engine.client import Api
from tests.engine_process import Engine
from tests.unit.scripted_server import Reply, Request, ScriptedServer, Step
from twelvelabs_provider.api import redaction

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

SIGNATURE = "0ddba11feed5eba115ec0ffee00dba5e"
JOBS = ("/assets/", "/indexed-assets/", "/analyze/tasks/")
"""What a path holds that reads one job."""


class EchoingService(ScriptedServer):
    """Forwards requests to an engine and adds links and keys to its responses.

    A job runs at the first look, cannot be polled at the second one, and has failed at the third one.

    :param quoted: what errors say.
    :param refuses: every request that submits something is refused.
    """

    def __init__(self, engine: Engine, quoted: str, *, refuses: bool) -> None:
        super().__init__()
        self._engine = engine
        self._quoted = quoted
        self._refuses = refuses
        self._looks: dict[str, int] = {}

    def next_step(self, request: Request) -> Step:
        """Return the engine's answer with quotes, or a failure that quotes."""
        self.requests.append(request)
        if self._refuses and request.method == "POST" and not request.path.endswith("/indexes"):
            return self._error(400)
        if request.method == "GET" and request.path.endswith("/indexed-assets"):
            return self._listed(replace(request, target=request.path))
        if request.method != "GET" or not f"{request.path.rpartition('/')[0]}/".endswith(JOBS):
            return self._handed_on(request)
        looks = self._count(request.path)
        if looks == 2:
            return self._error(503)
        reply = self._handed_on(request)
        if reply.status == 200:
            reply.body.update(self._failure if looks > 2 else {"status": "processing"})
        return reply

    def _listed(self, request: Request) -> Step:
        """Return all rows: the engine need not have come to an end with them."""
        reply = self._handed_on(request)
        for row in reply.body.get("data", ()):
            row.update(self._failure if self._count(f"{request.path}/{row['_id']}") > 1 else {"status": "processing"})
        return reply

    def _count(self, path: str) -> int:
        self._looks[path] = self._looks.get(path, 0) + 1
        return self._looks[path]

    @property
    def _failure(self) -> dict[str, Any]:
        """The fields in which one kind of job or another says why it failed."""
        error = {"code": self._quoted, "message": self._quoted}
        return {"status": "failed", "error": error, "error_message": self._quoted, "failed_items": 1}

    def _error(self, status: int) -> Reply:
        headers = {"x-request-id": quote(self._quoted), "Warning": quote(self._quoted)}
        return Reply({"code": self._quoted, "message": self._quoted, "docs_url": self._quoted}, status, headers)

    def _handed_on(self, request: Request) -> Reply:
        headers = {name: request.headers[name] for name in ("x-api-key", "content-type") if name in request.headers}
        url = self._engine.base_url + request.target
        answer = requests.request(request.method, url, data=request.body, headers=headers, timeout=60)
        try:
            body = answer.json()
        except ValueError:
            body = answer.content
        if isinstance(body, dict) and answer.status_code >= 400:
            body |= {"message": f"{body.get('message')} {self._quoted}"}
        return Reply(body, answer.status_code)


DAG = """
import os
from airflow.sdk import dag
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator as Analyze
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator as IndexVideos
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator as IndexVideo
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor as AssetSensor

LINK, OUTPUT, INDEX_ID = (os.environ[name] for name in ("LINK", "OUTPUT", "INDEX_ID"))

@dag(schedule=None)
def quoted():
    for deferrable in (True, False):
        name = "deferred" if deferrable else "worker"
        how = {"deferrable": deferrable, "poll_interval": 0.1, "timeout": 60}
        IndexVideo(task_id=f"index_{name}", index_id=INDEX_ID, source=LINK, method="url", **how)
        IndexVideos(
            task_id=f"index_videos_{name}", index_id=INDEX_ID, videos=[{"uri": LINK}], output_path=OUTPUT, **how
        )
        Analyze(task_id=f"analyze_{name}", video_url=LINK, prompt="What?", output_path=OUTPUT, **how)
        AssetSensor(
            task_id=f"sensor_{name}", asset_id=os.environ[f"ASSET_{name}"], poke_interval=0.1, timeout=60,
            deferrable=deferrable,
        )

quoted()
"""


@pytest.fixture
def triggers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The rows of the triggers that tasks deferred to.

    Worker and triggerer begin without a known secret, as processes of their own do.
    """
    rows: list[str] = []

    def forget() -> None:
        _secrets_masker().reset_masker()
        monkeypatch.setattr(redaction, "_keys", {})

    import airflow.sdk.definitions.dag as module

    run_trigger, run_task = module._run_inline_trigger, module._run_task

    def in_the_triggerer(trigger: Any, *args: Any) -> Any:
        forget()
        rows.append(repr(trigger.serialize()))
        try:
            return run_trigger(trigger, *args)
        finally:
            forget()

    def on_the_worker(*args: Any, **kwargs: Any) -> Any:
        forget()
        return run_task(*args, **kwargs)

    monkeypatch.setattr(module, "_run_inline_trigger", in_the_triggerer)
    monkeypatch.setattr(module, "_run_task", on_the_worker)
    yield rows
    forget()


@pytest.mark.parametrize("refuses", [False, True], ids=["jobs fail", "requests are refused"])
def test_secrets_echoed_by_the_service_are_shown_nowhere(
    refuses: bool,
    connect: Connect,
    account: Account,
    triggers: list[str],
    site: Callable[[Path], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = account.engine.api_key
    link = f"{site(SAMPLE)}?X-Amz-Expires=60&X-Amz-Signature={SIGNATURE}"
    quoted = f"Cannot fetch {link} ({quote(link, safe='')}, {json.dumps(link)}) with x-api-key {key} or {quote(key)}"
    file, output = tmp_path / "dags" / "quoted.py", tmp_path / "results"
    file.parent.mkdir()
    file.write_text(DAG)
    settings = {"LINK": link, "OUTPUT": str(output), "INDEX_ID": account.create_index(f"quoted {refuses}")}
    for name in ("deferred", "worker"):
        settings[f"ASSET_{name}"] = Api(account.engine).upload(SAMPLE)["_id"]
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(file.parent))
    for name in ("twelvelabs_provider", "urllib3", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, name)
        monkeypatch.setattr(logging.getLogger(name), "handlers", [caplog.handler])
    with EchoingService(account.engine, quoted, refuses=refuses) as service:
        connect(host=service.origin, extra={"api_version": "v1.3", "max_attempts": 1})
        run = load_dag("quoted", file).test()
    printed = "".join(capfd.readouterr())
    assert {one.task_id: str(one.state) for one in run.get_task_instances() if str(one.state) != "failed"} == {}
    assert printed.count("Cannot fetch") >= 8, "the tasks say why they failed"
    assert "/v1.3/assets" in caplog.text, "the HTTP client's lines are seen"
    assert len(triggers) >= (1 if refuses else 4)
    for secret in (SIGNATURE, key):
        assert secret not in printed + caplog.text + "".join(triggers)
        assert tables_with(secret) <= {"serialized_dag"}, "the DAG's own literals"
        assert files_with(secret, output) == []
    assert tables_with(key) == set()
