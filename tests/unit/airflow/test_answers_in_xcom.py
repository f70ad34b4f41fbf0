"""Response models in XCom with Airflow's default settings."""

from __future__ import annotations

import importlib
import pkgutil
import types
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pendulum
import pytest
from pydantic_core import PydanticSerializationError

import twelvelabs_provider.api
from tests.unit.airflow.fresh import PLUGINS, run_fresh
from twelvelabs_provider.api.connections import Authorization, PickerToken
from twelvelabs_provider.api.models import Asset, Index, Model, Page
from twelvelabs_provider.api.multipart_uploads import ChunkUrl, UploadSession
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import SecretModel, ServiceModel
from twelvelabs_provider.api.webhooks import WebhookEvent
from twelvelabs_provider.hooks.xcom import allow_answers, answer_classes

try:
    from airflow.sdk.serde import deserialize, serialize
except ImportError:
    from airflow.serialization.serde import deserialize, serialize  # type: ignore[no-redef, import-not-found, unused-ignore]

NOON = pendulum.datetime(2026, 6, 1, 12)
VECTOR = array("d", [0.5, -1e-9])
JSON = {"_id": "x", "list": [1, {"a": None, "b": 1.5}], "text": "ä"}
SIMPLE: dict[Any, Any] = {str: "x", int: 3, float: 1.5, bool: True, Any: JSON, datetime: NOON, array: VECTOR}


def classes() -> list[type[Any]]:
    """Return all answers of all modules, without the secret ones."""
    for module in pkgutil.walk_packages(twelvelabs_provider.api.__path__, "twelvelabs_provider.api."):
        importlib.import_module(module.name)
    found: list[type[Any]] = []
    queue: list[type[Any]] = [Answer, ServiceModel]
    while queue:
        queue += (below := [kind for kind in queue.pop().__subclasses__() if kind is not SecretModel])
        found += below
    return found


def sample(kind: Any) -> Any:
    """Return a value of an annotated type, as full as can be."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, TypeVar):
        return Model("marengo3.0", ("visual",))
    if origin in (Annotated, Union, types.UnionType):
        return sample(inner[0])
    if origin in (tuple, list, Sequence):
        return tuple(sample(one) for one in inner if one is not Ellipsis)
    if origin in (dict, Mapping):
        return {"a": sample(inner[1])} if inner[1] is not Any else JSON
    if origin is not None:
        return sample(origin)
    if isinstance(kind, type) and issubclass(kind, ServiceModel):
        return kind(**{name: sample(field.annotation) for name, field in kind.model_fields.items()})
    if isinstance(kind, type) and issubclass(kind, Answer):
        hints = get_type_hints(kind)
        return kind(**{field.name: sample(hints[field.name]) for field in fields(kind)})  # type: ignore[arg-type]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return NOON if isinstance(kind, type) and issubclass(kind, datetime) else SIMPLE[kind]


def read_back(value: Any) -> Any:
    """Return a value as another task reads it from XCom."""
    serialized: Any = serialize(value)
    return deserialize(serialized)


CLASSES = classes()


def test_every_response_model_is_registered_for_xcom() -> None:
    assert sorted(answer_classes()) == sorted(f"{one.__module__}.{one.__qualname__}" for one in CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_response_survives_xcom_serialization(kind: type[Any]) -> None:
    allow_answers()
    answer = sample(kind)
    for value in (answer, [answer], {"a": answer}, (answer, answer)):
        assert read_back(value) == value


def test_defaults_and_pages_survive_xcom_serialization() -> None:
    index = Index(id="i", name="n", models=(Model("marengo3.0", ("visual",)),), created_at=NOON)
    page: Page[Index] = Page((index,), 1, 1, 1)
    back = read_back(page)
    assert back == page
    assert back.items[0].models[0].options == ("visual",)
    assert back.items[0].created_at == NOON


def test_signatures_stay_out_of_xcom() -> None:
    signed = "https://h/a.m3u8?Policy=eyJTdGF0ZW1&Signature=5ecre7f00"
    asset = Asset.read({"_id": "a", "hls": {"status": "ready", "manifest_url": signed}, "pictures": {"all": [signed]}})
    assert "5ecre7f00" not in str(serialize(asset))
    back = read_back(asset)
    assert back.hls.url == back.raw["pictures"]["all"][0] == "https://h/a.m3u8"
    assert asset.hls is not None and asset.hls.url == signed, "the task that asked has the link"


@pytest.mark.parametrize("kind", ["index.task.ready", "analyze.task.failed", "analyze.batch.completed", "new"])
def test_an_event_of_a_webhook_comes_back_with_its_subject(kind: str) -> None:
    data = {"id": "j", "status": "ready", "models": [{"name": "m"}], "video_source": {"asset_id": "c"}}
    event = WebhookEvent.read({"id": "e", "type": kind, "created_at": "2026-06-01T10:00:00Z", "data": data})
    back = read_back(event)
    assert back == event and type(back.subject) is type(event.subject)


@pytest.mark.parametrize(
    "secret",
    [
        PickerToken(access_token="t0p-secret"),
        Authorization(url="https://h/consent?state=t0p-secret", state="t0p-secret"),
        ChunkUrl(index=1, url="https://h/part?sig=t0p-secret"),
        UploadSession(id="u", asset_id="a", chunk_size=1, total_chunks=1, headers={"x-token": "t0p-secret"}),
    ],
    ids=lambda secret: type(secret).__name__,
)
def test_secrets_do_not_enter_xcom(secret: SecretModel) -> None:
    with pytest.raises(PydanticSerializationError, match="not stored in XCom") as caught:
        serialize(secret)
    assert "t0p-secret" not in str(caught.value) + repr(secret)


def test_process_that_loads_only_airflow_plugins_reads_responses(tmp_path: Path) -> None:
    pushed = serialize(Model("marengo3.0", ("visual",)))
    code = f"""
import json
from airflow import plugins_manager
(getattr(plugins_manager, "ensure_plugins_loaded", None) or plugins_manager._get_plugins)()
try:
    from airflow.sdk.serde import deserialize
except ImportError:
    from airflow.serialization.serde import deserialize
import twelvelabs_provider.plugin
print(json.dumps(deserialize({pushed!r}).name))
"""
    assert run_fresh(code, tmp_path, PLUGINS) == "marengo3.0"
