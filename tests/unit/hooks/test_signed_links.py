"""Content of signed URLs."""

from __future__ import annotations

import pytest

from tests.unit.scripted_server import Reply, ScriptedServer, connection_text, redirect
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.hooks.legacy import thumbnail_image
from twelvelabs_provider.hooks.multipart import MultipartSender, PartSource
from twelvelabs_provider.hooks.signed_links import fetch_signed
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_redirect_is_refused(server: ScriptedServer, status: int) -> None:
    server.script += [redirect(f"{server.origin}/elsewhere", status)]
    with pytest.raises(TwelveLabsAnswerError, match=f"redirects \\(HTTP {status}\\)"):
        fetch_signed(f"{server.origin}/a.jpg?sig=5ecre7", TwelveLabsHook().endpoint, 1000)
    assert len(server.requests) == 1


def test_thumbnail_that_is_not_an_image_is_refused(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(server.origin, max_attempts=1, api_version="v1.2")
    )
    link = Reply({"thumbnail": f"{server.origin}/a.jpg?sig=5ecre7"})
    server.script += [link, Reply(b"ami-id\niam/"), link, Reply(b"\xff\xd8\xff\xe0 picture")]
    with pytest.raises(TwelveLabsAnswerError, match="the thumbnail of video v1 is no image"):
        thumbnail_image(TwelveLabsHook(), "i1", "v1")
    assert thumbnail_image(TwelveLabsHook(), "i1", "v1").startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    "name",
    ["Host", "authorization", " Cookie", "X-aws-ec2-metadata-token-ttl-seconds", "Metadata-Flavor", "Proxy-Host"],
)
def test_upload_headers_of_the_service_are_restricted(server: ScriptedServer, name: str) -> None:
    source = PartSource("a.mp4", 5, lambda start, size: pytest.fail("it is not opened"))
    with pytest.raises(TwelveLabsAnswerError, match="asks for the header"):
        MultipartSender(TwelveLabsHook(), "u1", source, headers={name: "x"})
    MultipartSender(TwelveLabsHook(), "u1", source, headers={"Content-Type": "video/mp4", "x-amz-acl": "private"})
    assert server.asked == []
