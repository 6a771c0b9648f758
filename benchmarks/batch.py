"""Many pictures: none lost and none twice, whatever is killed; and how many there are in a second.

python -m benchmarks batch                  1,000 pictures of 512 px, on this machine's processes and on Ray
IMPASTO_BATCH=100x96 python -m benchmarks batch    100 of 96 px
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

STYLE = "swirls"
SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
"""Photos of scikit-image that are cut up."""
PATIENCE = 1800.0
"""Seconds after which a run is given up."""


def make_photos(folder: Path, count: int, size: int) -> Path:
    """Write different photos of a long side in pixels, two of three wide and one tall, as JPEG."""
    import skimage.data

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    sources = [Image.fromarray(getattr(skimage.data, name)()) for name in SAMPLES]
    for number in range(count):
        source = sources[number % len(sources)]
        shape = (size, size * 3 // 4) if number % 3 else (size * 3 // 4, size)
        share = rng.uniform(0.5, 0.9) * min(source.width / shape[0], source.height / shape[1])
        width, height = (round(side * share) for side in shape)
        left, top = rng.integers(source.width - width + 1), rng.integers(source.height - height + 1)
        part = source.resize(shape, Image.Resampling.LANCZOS, (left, top, left + width, top + height))
        part.save(folder / f"photo{number:05d}.jpg", quality=92)
    return folder


@dataclass
class Run:
    """A command ``impasto batch`` that runs, and its manifest.

    Attributes:
        process: the driver.
        out: the folder of the pictures.
        told: what it prints; a pipe that nobody empties would stop it.
    """

    process: subprocess.Popen[str]
    out: Path
    told: IO[str]

    @classmethod
    def start(cls, photos: Path, out: Path, size: int, more: Sequence[str] = ()) -> Run:
        """Start the command; one pass, JPEG."""
        line = [sys.executable, "-m", "impasto.cli", "batch", str(photos), "--style", STYLE, "-o", str(out)]
        line += ["--pattern", "{name}.jpg", "--preset", "instant", "--max-size", str(size), "--json", *more]
        told = tempfile.TemporaryFile("w+")  # noqa: SIM115 (it lives as long as the run)
        return cls(subprocess.Popen(line, stdout=told, text=True), out, told)

    def lines(self) -> list[dict[str, Any]]:
        """Return the manifest's lines."""
        path = self.out / "impasto-batch.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")][1:]

    def done(self) -> list[str]:
        """Return the pictures that the manifest calls done."""
        return [line["output"] for line in self.lines() if line["state"] == "done"]

    def until(self, count: int) -> None:
        """Wait until so many are done."""
        ends = time.monotonic() + PATIENCE
        while len(self.done()) < count:
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"it ended with {self.process.returncode} before {count} were done")
            time.sleep(0.05)

    def end(self) -> tuple[int, dict[str, Any]]:
        """Wait for the end; return the exit code and the report."""
        self.process.wait(timeout=PATIENCE)
        self.told.seek(0)
        text = self.told.read()
        return self.process.returncode, json.loads(text) if text else {}


def children(pid: int, name: str = "") -> list[int]:
    """Return the processes that a process has started, and these, that compute with an engine."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text()
            if int(text.rpartition(")")[2].split()[1]) == pid:
                child = int(stat.parent.name)
                line = (stat.parent / "cmdline").read_bytes()
                found += [child] if (name or "spawn_main").encode() in line else []
                found += children(child, name)
    return found


def ordeal(folder: Path, count: int, size: int, more: Sequence[str] = (), worker: str = "") -> dict[str, Any]:
    """Paint pictures while a worker is killed, then the driver, and count what has become of them.

    Args:
        folder: where everything goes.
        count: of the pictures.
        size: of their long sides in pixels.
        more: options of the command.
        worker: what the command line of a worker has in it.
    """
    photos, out = make_photos(folder / "photos", count, size), folder / "out"
    first = Run.start(photos, out, size, more)
    first.until(count // 5)
    known = {line.get("worker") for line in first.lines()}
    killed = time.monotonic()
    os.kill(children(first.process.pid, worker)[0], signal.SIGKILL)
    others = len(first.done())
    first.until(others + 1)
    went_on = time.monotonic() - killed
    replaced = None
    while len(first.done()) < count // 2 or (replaced is None and len(first.done()) < count * 9 // 10):
        first.until(len(first.done()) + 1)
        if replaced is None and {line.get("worker") for line in first.lines()} - known - {None}:
            replaced = round(time.monotonic() - killed, 2)
    orphans = children(first.process.pid, worker)
    first.process.kill()
    first.process.communicate()
    before, began = len(first.done()), time.monotonic()
    second = Run.start(photos, out, size, more)
    second.until(before + 1)
    restarted = time.monotonic() - began
    code, report = second.end()
    third = Run.start(photos, out, size, more)
    again = third.end()[1]
    counts = Counter(second.done())
    for path in out.glob("*.jpg"):
        with Image.open(path) as picture:
            picture.load()
    return {
        "pictures": count,
        "size": size,
        "exit_code": code,
        "done": len(counts),
        "done_twice": sum(number > 1 for number in counts.values()),
        "files": len(list(out.glob("*.jpg"))),
        "left_over": [path.name for path in out.iterdir() if path.suffix not in (".jpg", ".jsonl")],
        "made_after_the_driver": report.get("made"),
        "kept_after_the_driver": report.get("kept"),
        "made_a_third_time": again.get("made"),
        "seconds_until_others_went_on": round(went_on, 2),
        "seconds_until_a_new_worker_painted": replaced,
        "seconds_until_a_new_driver_painted": round(restarted, 2),
        "workers_that_outlived_the_driver": sum(map(_is_alive, orphans)),
    }


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1]


def rate_of(photos: Path, out: Path, size: int, more: Sequence[str]) -> dict[str, float]:
    """Return pictures per second of the command: all of it, and between the first and the last picture."""
    began = time.monotonic()
    run = Run.start(photos, out, size, more)
    times: list[float] = []
    while run.process.poll() is None:
        times += [time.monotonic()] * (len(run.done()) - len(times))
        time.sleep(0.1)
    count = len(run.done())
    tenth = count // 10
    steady = (len(times) - 1 - tenth) / (times[-1] - times[tenth])
    return {"all": round(count / (time.monotonic() - began), 3), "steady": round(steady, 3)}


LOOP = """
import sys, time
from pathlib import Path
from impasto.engine import runtime
runtime.start_program(int(sys.argv[4]) or None)
import impasto
photos, out, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
out.mkdir()
began, times = time.monotonic(), []
with impasto.Stylizer("swirls", max_size=size) as paint:
    for photo in sorted(photos.iterdir()):
        paint(photo).save(out / photo.name)
        times.append(time.monotonic())
tenth = len(times) // 10
print((len(times) - 1 - tenth) / (times[-1] - times[tenth]))
"""
"""One process that loops over a warm Stylizer; prints its pictures per second after the first tenth."""


def loop_rate(photos: Path, out: Path, size: int, threads: int = 0) -> float:
    """Return the pictures per second of a loop over a warm Stylizer; all cores if there are 0 threads."""
    line = [sys.executable, "-c", LOOP, str(photos), str(out), str(size), str(threads)]
    return round(float(subprocess.run(line, capture_output=True, text=True, check=True).stdout), 3)


def throughput(folder: Path, count: int, size: int) -> dict[str, Any]:
    """Compare workers with a loop, and two workers of a core each with one."""
    photos = make_photos(folder / "fast", count, size)
    loop = loop_rate(photos, folder / "loop", size)
    default = rate_of(photos, folder / "default", size, [])
    one = rate_of(photos, folder / "one", size, ["--workers", "1", "--threads", "1"])
    two = rate_of(photos, folder / "two", size, ["--workers", "2", "--threads", "2"])
    return {
        "pictures": count,
        "size": size,
        "loop_over_a_warm_stylizer": loop,
        "batch": default,
        "batch_over_loop": round(default["steady"] / loop, 2),
        "one_worker_of_a_core": one,
        "two_workers_of_a_core_each": two,
        "two_over_one": round(two["steady"] / one["steady"], 2),
    }


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="impasto-batch-") as folder:
        yield Path(folder)


def measure() -> dict[str, Any]:
    count, _, size = os.environ.get("IMPASTO_BATCH", "1000x512").partition("x")
    figures: dict[str, Any] = {}
    with _folder() as folder:
        figures["throughput"] = throughput(folder, min(300, int(count)), int(size))
    with _folder() as folder:
        figures["processes"] = ordeal(folder, int(count), int(size))
    with _folder() as folder:
        figures["ray"] = ordeal(folder, int(count), int(size), ["--ray"], "ray::PaintingActor")
    return figures
