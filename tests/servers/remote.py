"""Access to the store servers without the project's code and fsspec."""

from __future__ import annotations

import json
import re
import secrets
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import quote

from tests.servers.gateway import Gateway


class Remote(ABC):
    """One store with a bucket of its own.

    :param gateway: what the connections lead to.
    :param direct: address of the server behind it.
    """

    scheme: str

    def __init__(self, gateway: Gateway, direct: str) -> None:
        self.gateway = gateway
        self.direct = direct
        self.bucket = f"bucket-{secrets.token_hex(6)}"

    def uri(self, key: str, *, conn_id: str = "store", bucket: str | None = None) -> str:
        """Address of a key, with a connection."""
        return f"{self.scheme}://{conn_id}@{bucket or self.bucket}/{key}"

    @abstractmethod
    def connection(self, *, valid: bool = True) -> str:
        """The JSON of an Airflow connection; one that is not valid has the wrong secret."""

    @property
    @abstractmethod
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen, as regular expressions."""

    def secrets_in(self, text: str) -> list[str]:
        """Which of them a text holds."""
        return [pattern for pattern in self.secrets if re.search(pattern, text)]

    @abstractmethod
    def contents(self) -> dict[str, bytes]:
        """Every object of the bucket."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """One object, if it is there."""

    @abstractmethod
    def write(self, key: str, content: bytes) -> None:
        """Make an object."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object."""

    @abstractmethod
    def leftovers(self) -> list[str]:
        """Names of uploads that are neither finished nor abandoned."""

    def begins_upload(self, request: str) -> bool:
        """Whether a request begins an upload that lies there until it is finished or abandoned."""
        return False


class S3(Remote):
    """moto, which checks signatures and permissions."""

    scheme = "s3"

    def __init__(self, gateway: Gateway, direct: str, client: Any, key_id: str, secret: str) -> None:
        super().__init__(gateway, direct)
        self._client, self._key_id, self._secret = client, key_id, secret
        self._client.create_bucket(Bucket=self.bucket)

    def connection(self, *, valid: bool = True) -> str:
        extra = {
            "endpoint_url": self.gateway.url,
            "region_name": "us-east-1",
            # One try of the lower layer; s3fs has its own.
            "config_kwargs": {"retries": {"max_attempts": 0}},
        }
        password = self._secret if valid else "wrong" + self._secret
        return json.dumps({"conn_type": "aws", "login": self._key_id, "password": password, "extra": extra})

    @property
    def secrets(self) -> tuple[str, ...]:
        return (re.escape(self._secret),)

    def contents(self) -> dict[str, bytes]:
        listed = self._client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        found = {entry["Key"]: self.read(entry["Key"]) for entry in listed}
        return {key: content for key, content in found.items() if content is not None}

    def read(self, key: str) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None

    def write(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.bucket, Key=key)

    def leftovers(self) -> list[str]:
        uploads = self._client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return [upload["Key"] for upload in uploads]

    def begins_upload(self, request: str) -> bool:
        return request.endswith("?uploads")


class Azure(Remote):
    """Azurite."""

    scheme = "abfs"

    def __init__(self, gateway: Gateway, direct: str, account: str, key: str, other_key: str) -> None:
        super().__init__(gateway, direct)
        from azure.storage.blob import BlobServiceClient

        self._account, self._key, self._other_key = account, key, other_key
        self._client = BlobServiceClient.from_connection_string(self._connection_string(direct, key))
        self._container = self._client.create_container(self.bucket)

    def _connection_string(self, address: str, key: str) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self._account};AccountKey={key};"
            f"BlobEndpoint={address}/{self._account};"
        )

    def connection(self, *, valid: bool = True) -> str:
        key = self._key if valid else self._other_key
        extra = {"connection_string": self._connection_string(self.gateway.url, key)}
        return json.dumps({"conn_type": "wasb", "extra": extra})

    @property
    def secrets(self) -> tuple[str, ...]:
        return (re.escape(self._key), re.escape(self._other_key))

    def contents(self) -> dict[str, bytes]:
        found = {blob.name: self.read(blob.name) for blob in self._container.list_blobs()}
        return {key: content for key, content in found.items() if content is not None}

    def read(self, key: str) -> bytes | None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return bytes(self._container.download_blob(key).readall())
        except ResourceNotFoundError:
            return None

    def write(self, key: str, content: bytes) -> None:
        self._container.upload_blob(key, content, overwrite=True)

    def delete(self, key: str) -> None:
        self._container.delete_blob(key)

    def leftovers(self) -> list[str]:
        """Blobs that have blocks which belong to no version; the service drops those after a week, or at a commit."""
        names = [blob.name for blob in self._container.list_blobs(include=["uncommittedblobs"])]
        return [name for name in names if self._container.get_blob_client(name).get_block_list("uncommitted")[1]]


class GCS(Remote):
    """The server of this folder."""

    scheme = "gs"

    def __init__(self, gateway: Gateway, direct: str, account: dict[str, str], other_key: str) -> None:
        super().__init__(gateway, direct)
        from google.auth.transport.requests import AuthorizedSession
        from google.oauth2.service_account import Credentials

        self._account, self._other_key = account, other_key
        self._session = AuthorizedSession(Credentials.from_service_account_info(account, scopes=["devstorage"]))
        self._ask("POST", "/storage/v1/b", json={"name": self.bucket}).raise_for_status()

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        return self._session.request(method, self.direct + path, **options)

    def connection(self, *, valid: bool = True) -> str:
        account = self._account if valid else {**self._account, "private_key": self._other_key}
        extra = {"keyfile_dict": json.dumps(account), "project": "project", "gcs.endpoint": self.gateway.url}
        return json.dumps({"conn_type": "google_cloud_platform", "extra": extra})

    @property
    def secrets(self) -> tuple[str, ...]:
        lines = (key.splitlines()[3] for key in (self._account["private_key"], self._other_key))
        return (*map(re.escape, lines), r"ya29\.", r"upload_id=(?!\*\*\*)")

    def contents(self) -> dict[str, bytes]:
        answer = self._ask("GET", f"/storage/v1/b/{self.bucket}/o").json()
        found = {item["name"]: self.read(item["name"]) for item in answer["items"]}
        return {key: content for key, content in found.items() if content is not None}

    def _object(self, key: str) -> str:
        return f"/storage/v1/b/{self.bucket}/o/{quote(key, safe='')}"

    def read(self, key: str) -> bytes | None:
        answer = self._ask("GET", self._object(key) + "?alt=media")
        return bytes(answer.content) if answer.status_code == 200 else None

    def write(self, key: str, content: bytes) -> None:
        body = b'--b\r\n\r\n{"name": %s}\r\n--b\r\n\r\n%s\r\n--b--' % (json.dumps(key).encode(), content)
        headers = {"Content-Type": "multipart/related; boundary=b"}
        path = f"/upload/storage/v1/b/{self.bucket}/o?uploadType=multipart"
        self._ask("POST", path, data=body, headers=headers).raise_for_status()

    def delete(self, key: str) -> None:
        self._ask("DELETE", self._object(key)).raise_for_status()

    def leftovers(self) -> list[str]:
        return list(self._ask("GET", f"/_unfinished?bucket={self.bucket}").json())

    def begins_upload(self, request: str) -> bool:
        return "uploadType=resumable" in request and "upload_id=" not in request
