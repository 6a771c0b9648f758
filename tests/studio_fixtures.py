"""A real studio, its engine warm, and a browser of it: cookie, token, events."""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image
from starlette.testclient import TestClient

from conftest import picture
from impasto.studio.guard import Guard
from impasto.studio.server import make_app

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.studio import live_events as live_events

ADDRESS = "http://127.0.0.1:8517"


class Browser:
    """What a page does: it keeps the cookie, sends the token, and reads events."""

    def __init__(self, client: TestClient) -> None:
        self.http = client
        client.cookies.clear()
        text = client.get("/").text
        self.token = re.search(r'name="impasto-token" content="([^"]+)"', text)[1]
        self.headers = {"X-Impasto-Token": self.token}

    @property
    def cookie(self) -> str:
        """The id of its session."""
        (value,) = self.http.cookies.values()
        return value

    def get(self, path: str, **more: Any) -> Any:
        return self.http.get(path, **more)

    def post(self, path: str, content: Any = None, **more: Any) -> Any:
        headers = self.headers | more.pop("headers", {})
        form = {"json": content} if isinstance(content, dict | list) else {"content": content}
        return self.http.post(path, headers=headers, **form, **more)

    def delete(self, path: str) -> Any:
        return self.http.delete(path, headers=self.headers)

    def photo(self, data: bytes | None = None, name: str = "photo.png") -> dict[str, Any]:
        answer = self.post("/api/photos", data or png_bytes(48, 64), headers={"X-Filename": name})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def events(self, path: str, content: Any, **more: Any) -> list[tuple[str, dict[str, Any]]]:
        answer = self.post(path, content, **more)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        return events_in(answer.text)


def events_in(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a stream that has ended."""
    found = re.findall(r"event: (\w+)\ndata: (.*)\n\n", text)
    return [(name, json.loads(data)) for name, data in found]


def png_bytes(height: int, width: int, seed: int = 1, **options: Any) -> bytes:
    """Return a smooth random picture's file."""
    file = io.BytesIO()
    Image.fromarray((picture(height, width, seed) * 255).astype(np.uint8)).save(file, "PNG", **options)
    return file.getvalue()


@pytest.fixture
def own_home(tmp_path, monkeypatch) -> Path:
    """A home for the tests whose requests may keep styles: not the gallery of whoever runs them."""
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    with TestClient(make_app(), base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def browser(client) -> Browser:
    return Browser(client)


class Server:
    """The studio on a real port, in a thread."""

    def __init__(self, guard: Guard | None = None, **options: Any) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.app = make_app(guard)
        self._server = uvicorn.Server(
            uvicorn.Config(self.app, log_level="error", timeout_graceful_shutdown=1, ws="none", **options)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.listener]})

    def __enter__(self) -> Server:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.token = self.studio.sessions.terminal.token
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    @property
    def studio(self) -> Any:
        return self.app.state.studio

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> http.client.HTTPResponse:
        """Return an answer whose body is read as it comes."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        body = json.dumps(content) if isinstance(content, dict) else content
        connection.request(method, path, body, {"Authorization": f"Bearer {self.token}", **headers})
        return connection.getresponse()

    def json(self, method: str, path: str, content: Any = None, **headers: str) -> Any:
        answer = self.ask(method, path, content, **headers)
        assert answer.status < 300, answer.read()
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
