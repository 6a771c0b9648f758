"""How long the studio takes to answer one person: from its start to a picture, from a slider to the next one.

A real server, a photo of 1,600 x 1,200 px, a client that asks as the page does. ``cold`` is the first time
a shape is met, which compiles; ``warm`` is another photo of that shape. Medians of `ROUNDS`.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from benchmarks.studio import Client, Log, live_events

ROUNDS, SIDE, THUMB_SIDE, STYLE = 9, 512, 192, "hokkai-wave"
CLICKED_AFTER = 12
"""Thumbnails of a photo of a new shape."""


class Person(Client):
    """A client with a photo of a camera's shape, lying or standing."""

    def upload(self, shape: tuple[int, int] | None = None) -> str:
        height, width = shape or (1200, 1600)
        noise = np.random.default_rng(self.random.randrange(10**6)).normal(0, 3, (height, width, 3))
        photo = np.asarray(Image.fromarray(skimage.data.astronaut()).resize((width, height)))
        file = io.BytesIO()
        Image.fromarray(np.clip(photo + noise, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=92)
        return str(json.loads(self.ask("POST", "/api/photos", file.getvalue()).read())["photo"])

    def thumbnails(self) -> dict[str, float]:
        """Return the seconds until the first thumbnail and until the last."""
        began, times = time.perf_counter(), []
        answer = self.stream_thumbnails()
        for name, values in filter(itemgetter(0), live_events(answer)):
            if name == "thumbnail":
                times.append(time.perf_counter() - began)
            if name == "error":
                raise RuntimeError(values["message"])
        return {"first": round(times[0], 3), "all": round(times[-1], 3), "count": len(times)}

    def stream_thumbnails(self) -> http.client.HTTPResponse:
        """Ask for them as the page does, which will ask for a picture of `SIDE` px next."""
        wish = {"side": THUMB_SIDE, "ahead": SIDE}
        return self.ask("POST", f"/api/photos/{self.photo}/thumbnails", wish)

    def click(self) -> float:
        """Return the seconds until a picture is there whose style is clicked while the thumbnails come."""
        answer = self.stream_thumbnails()
        events = filter(lambda event: event[0] == "thumbnail", live_events(answer))
        for _ in range(CLICKED_AFTER):
            next(events)
        seconds = self.picture(strength=50)
        if not any(True for _ in events):
            raise RuntimeError("all thumbnails were there before the picture")
        answer.close()
        return seconds

    def picture(self, **settings: float) -> float:
        """Return the seconds until a picture of 512 px has been read."""
        began = time.perf_counter()
        look = {"styles": [{"id": STYLE}], "settings": settings}
        body = {"photo": self.photo, "look": look, "side": SIDE}
        found = self.events("/api/pastiches", body)
        self.ask("GET", found["result"]["url"]).read()
        return time.perf_counter() - began


def median(ask: Callable[[int], float]) -> float:
    return round(statistics.median(ask(index) for index in range(ROUNDS)), 3)


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-m", "impasto.cli", "studio", "--no-open", "--port", "0", "--lang", "en"]
        process = subprocess.Popen(
            command, env=os.environ | {"TMPDIR": folder}, stderr=subprocess.PIPE, text=True
        )
        try:
            return _answers(process, began)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)


def _answers(process: subprocess.Popen[str], began: float) -> dict[str, Any]:
    port = next(int(found[1]) for line in process.stderr if (found := re.search(r"http://.*:(\d+)/", line)))
    threading.Thread(target=process.stderr.read, daemon=True).start()
    person = Person(port, 1, Log())
    first_page = person.entered - began
    while json.loads(person.ask("GET", "/health").read())["engine"] != "ready":
        time.sleep(0.05)
    ready = time.perf_counter() - began
    thumbnails = {"cold": person.thumbnails()}
    pictures = {"cold": round(person.picture(strength=50), 3)}
    person.photo = person.upload()
    thumbnails["warm"] = person.thumbnails()
    pictures["another photo"] = round(person.picture(strength=50), 3)
    pictures["another strength"] = median(lambda index: person.picture(strength=20 + 5 * index))
    pictures["another stroke size"] = median(
        lambda index: person.picture(strength=50, stroke_size=0.6 + 0.05 * index)
    )
    person.photo = person.upload((1600, 1200))
    pictures["clicked while thumbnails come"] = round(person.click(), 3)
    return {
        "first_page": round(first_page, 2),
        "engine_ready": round(ready, 2),
        f"thumbnails_{THUMB_SIDE}px": thumbnails,
        f"pictures_{SIDE}px": pictures,
    }
