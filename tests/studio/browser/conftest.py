"""The real studio in a real browser: a server for all tests, and pages that watch what they ask for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A camera of the browser's own, which is given to whoever asks."""
LONG = 120_000
"""Milliseconds: machines that run tests are slow, and do other things."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's chromium."""
    for module in ("playwright.sync_api", "starlette"):
        pytest.importorskip(module, reason=f"the browser's tests need {module}: pip install '.[dev]'")
    from playwright.sync_api import sync_playwright

    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("the browser's tests need Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *CAMERA])
        yield started
        started.close()


@pytest.fixture(scope="session")
def studio(tmp_path_factory) -> Iterator[str]:
    """The address of a studio."""
    with serving(tmp_path_factory.mktemp("home"), "studio") as address:
        yield address


@contextmanager
def serving(home: Path, *line: str) -> Iterator[str]:
    """Run a command that opens the studio; the address is what it prints."""
    command = [sys.executable, "-m", "impasto.cli", *line, "--no-open", "--port", "0", "--lang", "en"]
    log = (home / "log.txt").open("w")
    environment = {**os.environ, "IMPASTO_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        yield _address(home / "log.txt", server)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := re.search(r"http://[\w.:\[\]]+/(\?camera)?", log.read_text()):
            return found.group()
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"the studio did not say where it is: {log.read_text()}")


@pytest.fixture
def opened(browser, studio) -> Iterator[Callable[..., Any]]:
    """Open the page as somebody; at the end nothing may have gone to another host or wrong in the console."""
    contexts, elsewhere, troubles = [], [], []

    def start(
        language: str = "en", dark: bool = False, phone: bool = False, width: int = 1440, **options: Any
    ) -> Any:
        size = {"width": 390, "height": 844} if phone else {"width": width, "height": 900}
        options |= {"viewport": size, "has_touch": phone, "is_mobile": phone}
        options |= {"locale": {"en": "en-US", "zh": "zh-CN"}[language], "bypass_csp": False}
        context = browser.new_context(color_scheme="dark" if dark else "light", **options)
        contexts.append(context)
        context.set_default_timeout(LONG)
        page = context.new_page()
        page.on("request", lambda r: elsewhere.append(r.url) if not _is_ours(r.url, studio) else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda m: troubles.append(f"{m.text} {m.location['url']}") if m.type == "error" else None,
        )
        page.goto(studio)
        page.wait_for_selector("html[data-ready]")
        return page

    start.troubles = troubles  # type: ignore[attr-defined]
    yield start
    for context in contexts:
        context.close()
    assert not elsewhere, f"requests to other hosts: {elsewhere}"
    assert not troubles, troubles


def _is_ours(url: str, studio: str) -> bool:
    return url.startswith((studio, "data:", "blob:" + studio))


@pytest.fixture(scope="session")
def photo(tmp_path_factory) -> Path:
    """A photo of 720 x 480 pixels: the cat that scikit-image brings."""
    from skimage import data

    path = tmp_path_factory.mktemp("photos") / "my cat, 猫.jpg"
    Image.fromarray(data.chelsea()).resize((720, 480)).save(path, quality=92)
    return path
