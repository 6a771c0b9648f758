"""The studio under load: browsers that upload, drag, refine and stop, send broken files and close suddenly.

    python -m benchmarks.studio [CLIENTS SECONDS]

What is looked at: no answer but what was asked for or a polite refusal, how long the answers of one pass
take, whether the memory stays (once everything has been done for photos of each shape, and a fifth of the
time has passed), and whether anything is left behind.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLIENTS, SECONDS, SIDE = 20, 300.0, 256
SETTLED = 0.2
"""Share of the time after which the memory is looked at first: what is kept of each style has been made."""
SHAPES = ((200, 300), (300, 200), (256, 256))
STYLES = ("hokkai-wave", "aurora-lake", "watercolor-hills", "charcoal-dancers", "pointillism")
MOST_SAID = 60
"""Lines of what the server said, where there were faults."""
POLITE = {"superseded", "image", "missing-file", "not-found", "empty", "too-large", "closing"}


class Refused(Exception):
    """An answer that is not what was asked for."""


class Client:
    """A browser with a cookie, a token and habits.

    Args:
        port: of the studio.
        seed: of its habits.
        log: where everybody's answers are counted.
    """

    def __init__(self, port: int, seed: int, log: Log) -> None:
        self.port, self.random, self.log = port, random.Random(seed), log
        answer = self.ask("GET", "/")
        self.cookie = answer.getheader("set-cookie", "").partition(";")[0]
        self.token = re.search(rb'impasto-token" content="([^"]+)', answer.read())[1].decode()
        self.entered = time.perf_counter()
        self.photo = self.upload()

    def ask(self, method: str, path: str, body: Any = None) -> http.client.HTTPResponse:
        headers = {}
        if hasattr(self, "token"):
            headers = {"Cookie": self.cookie, "X-Impasto-Token": self.token}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers)
        answer = connection.getresponse()
        if answer.status >= 400:
            text = answer.read()
            self.log.refused(answer.status, json.loads(text)["error"]["id"], path)
            raise Refused(path)
        return answer

    def upload(self, shape: tuple[int, int] | None = None) -> str:
        height, width = shape or self.random.choice(SHAPES)
        noise = np.random.default_rng(self.random.randrange(10**6)).integers(0, 256, (6, 8, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).resize((width, height)).save(file, "JPEG")
        return str(json.loads(self.ask("POST", "/api/photos", file.getvalue()).read())["photo"])

    def look(self) -> dict[str, Any]:
        style = self.random.choice(STYLES)
        return {"styles": [{"id": style}], "settings": {"strength": self.random.randrange(10, 100)}}

    def wish(self, **more: Any) -> dict[str, Any]:
        return {"photo": self.photo, "look": self.look(), "side": SIDE, **more}

    def events(self, path: str, body: dict[str, Any], patience: int = 10**9) -> dict[str, Any]:
        """Read the events of an answer, up to so many; then close the connection."""
        found: dict[str, Any] = {}
        answer = self.ask("POST", path, body)
        for name, values in filter(itemgetter(0), live_events(answer)):
            found[name] = values
            if name == "error":
                self.log.refused(200, values["id"], path)
            patience -= 1
            if not patience:
                break
        answer.close()
        return found

    def warm_up(self) -> None:
        """Have everything loaded and compiled that photos of each shape need."""
        for shape in SHAPES:
            self.photo = self.upload(shape)
            self.events(f"/api/photos/{self.photo}/thumbnails", {"side": 96})
            self.drag()
            self.events("/api/refinements", self.wish(side=128, iterations=2))
            self.download()

    def act(self) -> None:
        """Do one thing that people do."""
        acts = (self.drag, self.drag, self.drag, self.gallery, self.refine, self.download, self.spoil)
        acts += (self.leave, self.new_photo)
        self.random.choice(acts)()

    def drag(self) -> None:
        began = time.monotonic()
        found = self.events("/api/pastiches", self.wish())
        if "result" in found:
            self.log.seconds.append(time.monotonic() - began)
            self.ask("GET", found["result"]["url"]).read()

    def gallery(self) -> None:
        self.events(f"/api/photos/{self.photo}/thumbnails", {"side": 96}, self.random.randrange(3, 60))

    def refine(self) -> None:
        """Refine, and stop after some iterations: by asking, or by going away."""
        body = self.wish(side=128, iterations=self.random.randrange(3, 30))
        answer = self.ask("POST", "/api/refinements", body)
        run, left = None, self.random.randrange(2, 12)
        for name, values in filter(itemgetter(0), live_events(answer)):
            run = values["run"] if name == "run" else run
            left -= name == "step"
            if not left and self.random.random() < 0.5:
                break
            if not left:
                self.ask("POST", "/api/stop", {"run": run}).read()
            if name == "error":
                self.log.refused(200, values["id"], "/api/refinements")
        answer.close()

    def download(self) -> None:
        found = self.events("/api/exports", self.wish(format=self.random.choice(("png", "jpeg", "webp"))))
        if "file" in found:
            self.ask("GET", found["file"]["url"]).read()

    def spoil(self) -> None:
        data = self.random.choice((b"", b"not a picture", b"\xff\xd8\xff\xe0" + os.urandom(2000)))
        self.ask("POST", "/api/photos", data)

    def leave(self) -> None:
        """Close in the middle."""
        self.events("/api/pastiches", self.wish(strengths=[25, 50, 75]), self.random.randrange(1, 4))

    def new_photo(self) -> None:
        self.photo = self.upload()


class Log:
    """What everybody was answered."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.refusals: Counter[str] = Counter()
        self.faults: list[str] = []

    def refused(self, status: int, kind: str, path: str) -> None:
        """Count a refusal; one that is not polite is a fault."""
        self.refusals[kind] += 1
        if status >= 500 or kind not in POLITE:
            self.faults.append(f"{status} {kind} at {path}")


def live_events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of a stream as they come; a comment has the name of nothing."""
    name = ""
    for line in answer:
        word, _, rest = line.decode().rstrip("\n").partition(": ")
        if word == "event":
            name = rest
        elif word == "data":
            yield name, json.loads(rest)
        elif word == "" and rest:
            yield "", {"comment": rest}


def _live(client: Client, until: float) -> None:
    while time.monotonic() < until:
        try:
            client.act()
        except Refused:
            pass
        except (OSError, http.client.HTTPException, ValueError) as error:
            client.log.faults.append(f"{type(error).__name__}: {error}")


def _resident(process: int) -> float:
    """Return the MiB of main memory that a process has."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def measure(clients: int = CLIENTS, seconds: float = SECONDS) -> dict[str, Any]:
    """Let so many browsers work for so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "impasto.cli", "studio", "--no-open", "--port", "0", "--lang", "en"]
        process = subprocess.Popen(
            command, env=os.environ | {"TMPDIR": folder}, stderr=subprocess.PIPE, text=True
        )
        try:
            figures = _load(process, clients, seconds)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)
        left = [path.name for path in Path(folder).iterdir() if path.name.startswith("impasto")]
        return figures | {"left_behind": left, "exit_code": process.returncode}


def _load(process: subprocess.Popen[str], clients: int, seconds: float) -> dict[str, Any]:
    port = next(int(found[1]) for line in process.stderr if (found := re.search(r"http://.*:(\d+)/", line)))
    said: list[str] = []
    threading.Thread(target=said.extend, args=(process.stderr,), daemon=True).start()
    log = Log()
    people = [Client(port, seed, log) for seed in range(clients)]
    people[0].warm_up()
    log.seconds.clear()
    began = time.monotonic()
    threads = [threading.Thread(target=_live, args=(one, began + seconds)) for one in people]
    for thread in threads:
        thread.start()
    time.sleep(SETTLED * seconds)
    settled, most = _resident(process.pid), 0.0
    while any(thread.is_alive() for thread in threads):
        most = max(most, _resident(process.pid))
        time.sleep(0.5)
    slowest = sorted(log.seconds)
    return {
        "clients": clients,
        "seconds": seconds,
        "one_pass_answers": len(slowest),
        "p50_seconds": round(statistics.median(slowest), 3) if slowest else None,
        "p95_seconds": round(slowest[int(0.95 * (len(slowest) - 1))], 3) if slowest else None,
        "refusals": dict(log.refusals),
        "faults": log.faults,
        "said": said[-MOST_SAID:] if log.faults else [],
        "settled_mib": round(settled),
        "most_mib": round(most),
        "end_mib": round(_resident(process.pid)),
    }


if __name__ == "__main__":
    print(json.dumps(measure(*(int(one) for one in sys.argv[1:])), indent=2))
