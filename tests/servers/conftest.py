"""Object store servers on loopback: S3 (moto), Azure (Azurite) and Google Cloud Storage (of this folder)."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.dags.conftest import account, airflow_database, connect
from tests.servers.clients import keep_local, tame
from tests.servers.gateway import Gateway, Refused
from tests.servers.processes import running_server
from tests.servers.remote import GCS, S3, Azure, Remote

__all__ = ["account", "airflow_database", "connect"]

HERE = Path(__file__).parent
AZURITE = HERE / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
SCHEMES = {"s3": "s3", "azure": "abfs", "gcs": "gs"}

keep_local()


def _need(found: object, what: str) -> None:
    if not found:
        pytest.skip(f"NOT PROVEN HERE: {what}")


def _need_packages(*modules: str) -> None:
    missing = [module for module in modules if find_spec(module) is None]
    _need(not missing, f"no Python package {missing}; pip install 'airflow-provider-twelvelabs[test-servers]'")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Remote]]:
    """Make buckets on an S3 server."""
    _need_packages("moto", "s3fs", "boto3", "airflow.providers.amazon")
    import boto3
    import requests

    folder = tmp_path_factory.mktemp("s3")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    with running_server(command, folder, dict(os.environ)) as address:
        root = {"aws_access_key_id": "root", "aws_secret_access_key": "root", "region_name": "us-east-1"}
        iam = boto3.client("iam", endpoint_url=address, **root)
        iam.create_user(UserName="airflow")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="airflow", PolicyName="all", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="airflow")["AccessKey"]
        # From here on it checks every signature.
        requests.post(f"{address}/moto-api/reset-auth", data=b"0", timeout=30).raise_for_status()
        key_id, secret = key["AccessKeyId"], key["SecretAccessKey"]
        user = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=address, **user)
        with Gateway(address, Refused(403, body)).serving() as gateway:
            yield lambda: S3(gateway, address, client, key_id, secret)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Remote]]:
    """Make containers on an Azure Blob Storage server."""
    _need_packages("adlfs", "airflow.providers.microsoft.azure")
    node = shutil.which("node")
    _need(node, "no Node.js; apt-get install nodejs npm")
    _need(AZURITE.exists(), "no Azurite; npm ci --ignore-scripts --prefix tests/servers")
    folder = tmp_path_factory.mktemp("azure")
    key, other = (base64.b64encode(secrets.token_bytes(64)).decode() for _ in range(2))
    command = [str(node), str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", "0", "--silent", "--disableTelemetry"]
    # Azure's client is often newer than Azurite's list of API versions.
    command.append("--skipApiVersionCheck")
    env = {**os.environ, "AZURITE_ACCOUNTS": f"airflow:{key}"}
    headers = {"x-ms-error-code": "AuthorizationPermissionMismatch", "Content-Type": "application/xml"}
    body = b"<Error><Code>AuthorizationPermissionMismatch</Code><Message>not authorized</Message></Error>"
    with (
        running_server(command, folder, env) as address,
        Gateway(address, Refused(403, body, headers)).serving() as gateway,
    ):
        yield lambda: Azure(gateway, address, "airflow", key, other)


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Remote]]:
    """Make buckets on a Cloud Storage server."""
    _need_packages("gcsfs", "airflow.providers.google")
    folder = tmp_path_factory.mktemp("gcs")
    private, public = _key_pair()
    (folder / "public.pem").write_text(public)
    command = [sys.executable, "-m", "tests.servers.gcs_server", str(folder / "public.pem")]
    env = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    body = b'{"error": {"code": 403, "message": "airflow@project does not have storage.objects.create access"}}'
    with (
        running_server(command, folder, env) as address,
        Gateway(address, Refused(403, body, {"Content-Type": "application/json"})).serving() as gateway,
    ):
        service_account = {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "1",
            "private_key": private,
            "client_email": "airflow@project.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{address}/token",
        }
        yield lambda: GCS(gateway, address, service_account, _key_pair()[0])


def _key_pair() -> tuple[str, str]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(params=SCHEMES)
def remote(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """A bucket of each kind; the connection ``store`` leads to it, ``stranger`` has the wrong secret."""
    from airflow.sdk.io import store

    make = request.getfixturevalue(request.param)
    tame(SCHEMES[request.param], monkeypatch)
    made: Remote = make()
    monkeypatch.setattr(store, "_STORE_CACHE", {})
    monkeypatch.setenv("AIRFLOW_CONN_STORE", made.connection())
    monkeypatch.setenv("AIRFLOW_CONN_STRANGER", made.connection(valid=False))
    return made
