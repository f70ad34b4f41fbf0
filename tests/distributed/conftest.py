"""One Airflow of several machines for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.distributed.cluster import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """PostgreSQL, Redis, an engine, and an Airflow with two workers and two triggerers."""
    from tests.distributed.servers import missing_packages, missing_providers

    if missing := [*missing_packages(), *missing_providers()]:
        pytest.skip(f"NOT PROVEN HERE: more than one machine; install {', '.join(missing)}")
    from demo.services import Services
    from tests.distributed.cluster import Cluster

    with TemporaryDirectory(prefix="twelvelabs-postgresql-") as private, Services() as services:
        yield Cluster.start(tmp_path_factory.mktemp("cluster"), Path(private), services)
