"""Classes that Airflow may read from XCom."""

from __future__ import annotations

from collections.abc import Iterable


def allow_in_xcom(classes: Iterable[str]) -> None:
    """Allow Airflow to deserialize classes from XCom in this process, like ``allowed_deserialization_classes``.

    Airflow 3.3 has ``allow_class``, which imports the class. Older versions have the same set without a function.
    """
    try:
        from airflow.sdk import serde
    except ImportError:
        from airflow.serialization import serde  # type: ignore[no-redef, attr-defined, unused-ignore]
    serde._extra_allowed.update(classes)
