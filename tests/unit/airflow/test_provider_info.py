"""Provider metadata for Airflow: complete, correct and valid."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator
from airflow.triggers.base import BaseTrigger

from tests.unit.airflow.fresh import (
    DISTRIBUTION,
    NOT_INSTALLED,
    PLUGINS,
    declared_metadata,
    imitate_installation,
    run_fresh,
)
from twelvelabs_provider.api.endpoint import endpoint_from
from twelvelabs_provider.api.errors import TwelveLabsConfigurationError
from twelvelabs_provider.api.version import ApiVersion
from twelvelabs_provider.get_provider_info import get_provider_info
from twelvelabs_provider.hooks.connection_type import CONN_TYPE
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.version_compat import AIRFLOW_V_3_2_PLUS

INFO = get_provider_info()
(FORM,) = INFO["connection-types"]
KINDS = [("hooks", BaseHook), ("operators", BaseOperator), ("sensors", BaseSensorOperator), ("triggers", BaseTrigger)]


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(airflow.__file__).parent / name).read_text())
    return loaded


def test_provider_info_matches_airflows_schema() -> None:
    jsonschema.validate(INFO, schema("provider_info.schema.json"))


def test_package_names_match_the_metadata() -> None:
    declared = declared_metadata()
    assert INFO["package-name"] == declared["metadata"]["name"] == DISTRIBUTION
    point = declared["options.entry_points"]["apache_airflow_provider"].partition("=")[2].strip()
    module, _, function = point.partition(":")
    assert getattr(importlib.import_module(module), function) is get_provider_info


@pytest.mark.parametrize(("kind", "base"), KINDS)
def test_the_metadata_lists_exactly_the_modules_with_definitions(kind: str, base: type) -> None:
    listed = [module for entry in INFO[kind] for module in entry["python-modules"]]
    files = (PLUGINS / "twelvelabs_provider" / kind).glob("*.py")
    names = [f"twelvelabs_provider.{kind}.{file.stem}" for file in files if file.stem != "__init__"]
    defining = [name for name in names if _concrete(name, base)]
    assert sorted(listed) == sorted(defining)


def _concrete(name: str, base: type) -> list[type]:
    module = importlib.import_module(name)
    return [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == name and issubclass(member, base) and not inspect.isabstract(member)
    ]


def test_extra_links_can_be_imported() -> None:
    for path in INFO["extra-links"]:
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name)().name


def test_connection_form_belongs_to_the_hook() -> None:
    module, _, name = FORM["hook-class-name"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is TwelveLabsHook
    assert FORM["connection-type"] == TwelveLabsHook.conn_type == CONN_TYPE
    assert FORM["hook-name"] == TwelveLabsHook.hook_name
    assert inspect.signature(TwelveLabsHook).parameters[TwelveLabsHook.conn_name_attr].default == "twelvelabs_default"


def test_connection_form_has_the_fields_that_the_endpoint_reads() -> None:
    fields = FORM["conn-fields"]
    for name in fields:
        with pytest.raises(TwelveLabsConfigurationError, match=name):
            endpoint_from("c", host=None, port=None, schema=None, password="k", extra={name: ["nonsense"]})
    assert set(fields) == {"api_version", "connect_timeout", "read_timeout", "max_attempts", "verify", "proxy"}
    assert fields["api_version"]["schema"]["enum"] == [*(version.value for version in ApiVersion), None]


@pytest.mark.parametrize("name", FORM["conn-fields"])
def test_connection_form_values_are_accepted_by_the_endpoint(name: str) -> None:
    field = FORM["conn-fields"][name]
    jsonschema.Draft202012Validator.check_schema(field["schema"])
    accepted = [value for value in ("v1.2", "", 0, 1, 7, 0.5, None) if _valid(value, field["schema"])]
    assert None in accepted, "a field of the form may stay empty"
    for value in accepted:
        endpoint_from("c", host=None, port=None, schema=None, password="k", extra={name: value})


def _valid(value: Any, given: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(given).is_valid(value))


MANAGER = """
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
hook = manager.hooks["twelvelabs"]
print(json.dumps({
    "provider": [manager.providers["airflow-provider-twelvelabs"].data["name"],
                 manager.providers["airflow-provider-twelvelabs"].version],
    "hook": [hook.hook_class_name, hook.connection_id_attribute_name, hook.hook_name, hook.connection_testable],
    "fields": [name for name in manager.connection_form_widgets if name.startswith("extra__twelvelabs__")],
    "behaviour": manager.field_behaviours.get("twelvelabs"),
    "links": [name for name in manager.extra_links_class_names if "twelvelabs" in name],
}))
"""


def test_airflow_loads_the_provider_of_an_installed_package(tmp_path: Path) -> None:
    loaded = run_fresh(NOT_INSTALLED + MANAGER, tmp_path, PLUGINS, imitate_installation(tmp_path / "site"))
    assert loaded["provider"] == ["TwelveLabs", "9.9.9"]
    assert loaded["hook"] == [FORM["hook-class-name"], "twelvelabs_conn_id", "TwelveLabs", True]
    assert loaded["links"] == INFO["extra-links"]
    if AIRFLOW_V_3_2_PLUS:
        # Older ones know no forms that are declared; theirs has the generic fields and the extra as JSON.
        assert loaded["fields"] == [f"extra__twelvelabs__{name}" for name in FORM["conn-fields"]]
        assert loaded["behaviour"]["relabeling"]["password"] == "API key"
