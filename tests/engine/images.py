"""Small images for single tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np


def make_image(path: Path, text: str = "LOGO", size: tuple[int, int] = (640, 360)) -> Path:
    """Write an image of a text.

    :param path: where; the suffix decides the format.
    :param size: width and height in pixels.
    :return: the path.
    """
    image = np.full((size[1], size[0], 3), 255, np.uint8)
    cv2.putText(image, text, (20, size[1] // 2), cv2.FONT_HERSHEY_SIMPLEX, min(size) / 250, (0, 0, 0), 3, cv2.LINE_AA)
    assert cv2.imwrite(str(path), image)
    return path


@contextmanager
def delayed_image(path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the URL of an image whose response waits, and the function that releases it.

    :param path: where the picture is made.
    """
    go, content = threading.Event(), make_image(path).read_bytes()

    class Late(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            go.wait(50)
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Late) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/late.png", go.set
        finally:
            go.set()
            server.shutdown()
            thread.join()
