"""Resolution of an index by id or by name, before anything is uploaded or billed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.task_context import TaskStateStore
from tests.unit.operator_classes import operator_classes
from tests.unit.scripted_server import Lost, Reply, ScriptedServer
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.index_resolution import resolve_index, resolve_index_for_videos
from twelvelabs_provider.jobs.task_state import TaskState

MODELS = [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]
NEWS = {"_id": "i1", "index_name": "news", "models": MODELS}
FOUND, NONE, READ = Reply({"data": [NEWS]}), Reply({"data": []}), Reply(NEWS)
WITHOUT_NAME = {"TwelveLabsAnalyzeVideoOperator", "TwelveLabsSummarizeVideoOperator"}


def state(memory: TaskStateStore, max_tries: int = 0) -> TaskState:
    return TaskState(memory, Identity("d", "r", "t", -1, max_tries, "asked"))


def paths(server: ScriptedServer) -> list[str]:
    return [f"{request.method} {request.path.partition('?')[0]}" for request in server.requests]


def test_an_id_costs_no_request(server: ScriptedServer) -> None:
    assert resolve_index(TwelveLabsHook(), "i1", None) == resolve_index(TwelveLabsHook(), "i1", "") == "i1"
    assert not server.requests


def test_a_name_costs_one_list_call(server: ScriptedServer) -> None:
    server.script += [FOUND]
    assert resolve_index(TwelveLabsHook(), "None", "news") == "i1"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("index_id", "index_name", "said"),
    [(None, None, "No index is given"), ("", "None", "No index is given"), ("i1", "news", "Two indexes are given")],
)
def test_both_or_none_is_an_error_before_any_request(
    server: ScriptedServer, index_id: str | None, index_name: str | None, said: str
) -> None:
    for resolve in (resolve_index, resolve_index_for_videos):
        with pytest.raises(TwelveLabsInputError, match=said):
            resolve(TwelveLabsHook(), index_id, index_name)
    assert not server.requests


@pytest.mark.parametrize("resolve", [resolve_index, resolve_index_for_videos])
def test_an_unknown_name_is_an_error(server: ScriptedServer, resolve: Any) -> None:
    server.script += [NONE]
    with pytest.raises(TwelveLabsInputError, match=r"^Index 'news' does not exist"):
        resolve(TwelveLabsHook(), None, "news")


def test_create_index_creates_a_missing_index_with_its_models(server: ScriptedServer) -> None:
    server.script += [NONE, Reply({"_id": "i1"}), READ]
    models = {"marengo3.0": ["visual", "audio"]}
    index = resolve_index_for_videos(TwelveLabsHook(), None, "news", create_index=True, models=models)
    assert index.id == "i1"
    assert '"model_name": "marengo3.0"' in str(server.requests[1].body).replace('":"', '": "')


def test_create_index_finds_the_index_after_a_lost_response(server: ScriptedServer) -> None:
    server.script += [NONE, Lost(), FOUND, READ]
    assert resolve_index_for_videos(TwelveLabsHook(), None, "news", create_index=True).id == "i1"


def test_create_index_reuses_an_index_and_refuses_other_models(server: ScriptedServer) -> None:
    server.script += [FOUND, READ, FOUND]
    assert resolve_index_for_videos(TwelveLabsHook(), None, "news", create_index=True).id == "i1"
    with pytest.raises(TwelveLabsInputError, match=r"^Index 'news' exists with marengo3.0"):
        resolve_index_for_videos(TwelveLabsHook(), None, "news", create_index=True, models='{"marengo3.0": ["audio"]}')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"index_id": "i1", "index_name": None, "create_index": True}, "create_index=True needs index_name"),
        ({"index_id": None, "index_name": "n", "models": '{"m": ["visual"]}'}, "models are given without create_index"),
    ],
)
def test_arguments_that_contradict_each_other(server: ScriptedServer, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        resolve_index_for_videos(TwelveLabsHook(), **arguments)
    assert not server.requests


def test_a_retry_uses_the_index_that_the_first_attempt_found(server: ScriptedServer) -> None:
    memory = TaskStateStore()
    server.script += [FOUND, READ]
    for _ in "12":
        index = resolve_index_for_videos(TwelveLabsHook(), None, "news", task_state=state(memory))
        assert index.id == "i1"
    assert [path.rsplit("/", 1)[-1] for path in paths(server)] == ["indexes", "i1"]


def test_a_clear_and_a_deleted_index_are_looked_up_again(server: ScriptedServer) -> None:
    memory = TaskStateStore()
    server.script += [FOUND, FOUND, Reply({"code": "resource_not_exists"}, status=404), FOUND]
    resolve_index_for_videos(TwelveLabsHook(), None, "news", task_state=state(memory))
    resolve_index_for_videos(TwelveLabsHook(), None, "news", task_state=state(memory, max_tries=1))
    resolve_index_for_videos(TwelveLabsHook(), None, "news", task_state=state(memory, max_tries=1))
    assert len(server.requests) == 4


def test_every_operator_that_takes_an_index_id_takes_its_name_too() -> None:
    taking = [operator_class for operator_class in operator_classes() if "index_id" in operator_class.template_fields]
    assert len(taking) > 10
    assert {
        operator_class.__name__ for operator_class in taking if "index_name" not in operator_class.template_fields
    } <= WITHOUT_NAME
