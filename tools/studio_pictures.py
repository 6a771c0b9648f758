"""The pictures of the studio in docs/studio.md and docs/studio.zh-CN.md, taken in Debian's chromium.

    python -m tools.studio_pictures [FOLDER]

It opens a studio of its own, with nobody's styles or photos, does what a person does, and waits until
everything on the page is there. Without FOLDER the pictures are docs/pictures'.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import gallery

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHOWN = (1200, 750)
QUALITY = 86
PATIENCE = 240_000
"""Milliseconds."""
PROGRESS = "document.querySelector('#refine-figures')?.textContent.match(/\\d+/)"
SETTLED = "!document.body.matches('.empty, .inexact, .painting')"


@contextmanager
def studio() -> Iterator[str]:
    """Run a studio with a home of its own; yield its address."""
    with tempfile.TemporaryDirectory() as home:
        log = Path(home, "log.txt")
        command = [sys.executable, "-m", "impasto.cli", "studio", "--no-open", "--port", "0", "--lang", "en"]
        with log.open("w") as file:
            environment = {**os.environ, "IMPASTO_HOME": home}
            server = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        try:
            while not (found := re.search(r"http://[\w.:]+/", log.read_text())):
                if server.poll() is not None:
                    sys.exit(f"studio_pictures: the studio did not start: {log.read_text()}")
                time.sleep(0.1)
            yield found.group()
        finally:
            server.terminate()
            server.wait()


def until(page: Any, condition: str) -> None:
    """Wait until something is true in the page, whose policy forbids Playwright's own way."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(condition):
        if time.monotonic() > end:
            sys.exit(f"studio_pictures: it never came true that {condition}")
        page.wait_for_timeout(100)


def painted(page: Any, sample: str, style: str) -> None:
    """Take a sample and a style; wait for the picture and for every style's thumbnail."""
    page.click(f'.sample[data-sample="{sample}"]')
    until(page, SETTLED)
    page.click(f'[data-style="{style}"]')
    page.wait_for_selector(".result[aria-current]", state="attached")
    thumbnails = """document.querySelectorAll('[data-style] img.thumb[src^="data:"]').length"""
    until(page, f"{thumbnails} >= {sum(not card.own for card in gallery.cards())}")
    until(page, SETTLED)


def everything(page: Any) -> None:
    painted(page, "coffee", "hokkai-wave")
    page.click("#compare")


def refining(page: Any) -> None:
    painted(page, "portrait", "fauve-valley")
    page.click("#finer-toggle")
    page.click("#refine-begin")
    until(page, f"{PROGRESS} && Number({PROGRESS}[0]) >= 4")


def chinese(page: Any) -> None:
    painted(page, "rocket", "watercolor-hills")


def on_a_phone(page: Any) -> None:
    painted(page, "cat", "aurora-lake")


def compared_on_a_phone(page: Any) -> None:
    on_a_phone(page)
    page.click('#tabs [data-tab="finer"]')
    page.click("#compare")


def seen(browser: Any, address: str, act: Callable[[Any], None], **how: Any) -> Image.Image:
    """Return the page after somebody has acted on it."""
    width, height = (390, 844) if how.pop("phone", False) else SHOWN
    options = {"viewport": {"width": width, "height": height}, "locale": how.pop("locale", "en-US"), **how}
    if width < 500:
        options |= {"has_touch": True, "is_mobile": True}
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    act(page)
    page.mouse.move(width / 2, 20)
    page.wait_for_timeout(1500)  # notices and transitions come to rest
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    return shot


def beside(*pictures: Image.Image, gap: int = 24) -> Image.Image:
    """Return pictures of one height beside each other."""
    width = sum(one.width for one in pictures) + gap * (len(pictures) - 1)
    whole, left = Image.new("RGB", (width, pictures[0].height), "white"), 0
    for one in pictures:
        whole.paste(one, (left, 0))
        left += one.width + gap
    return whole


def main() -> None:
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("studio_pictures: Debian's chromium is needed: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with studio() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        takes = {
            "painted": lambda: seen(browser, address, everything),
            "finer": lambda: seen(browser, address, refining, color_scheme="dark"),
            "zh": lambda: seen(browser, address, chinese, locale="zh-CN"),
            "phone": lambda: beside(
                seen(browser, address, on_a_phone, phone=True),
                seen(browser, address, compared_on_a_phone, phone=True, color_scheme="dark"),
            ),
        }
        for name, take in takes.items():
            path = folder / f"studio-{name}.webp"
            take().save(path, quality=QUALITY, method=6)
            print(path, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
