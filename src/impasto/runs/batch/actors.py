"""Workers that are actors of Ray, on one machine or many: each with an engine and a workshop of its own.

An actor opens files by their names where it sees the same ones as the driver, told by size and time; others
come to it as bytes, once. Where it sees the manifest it writes pictures itself, else it sends them back.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.engine import runtime
from impasto.engine.machine import USABLE
from impasto.errors import EngineError, ImpastoError, Message
from impasto.files import version_of
from impasto.runs.batch.batch import Batch
from impasto.runs.batch.crew import Crew, News, Probe
from impasto.runs.batch.entries import Entry
from impasto.runs.batch.fingerprints import files_in
from impasto.runs.batch.manifest import Manifest, manifest_id
from impasto.runs.batch.orders import Order, Painted
from impasto.runs.batch.probing import probe_of
from impasto.runs.batch.processes import LAST_SECONDS, Allotment
from impasto.runs.cluster.sessions import Node, Session, ray_session
from impasto.styles import is_mask_text

if TYPE_CHECKING:
    from impasto.runs.batch.painter import Painter

NODES_SECONDS = 2.0
"""How often the cluster is asked for its machines."""
Files = Mapping[str, tuple[int, int]]
"""Absolute names of files with their sizes in bytes and times in nanoseconds."""


class PaintingActor:
    """An actor that paints; it stands for a process of Ray's.

    Args:
        allotment: of its machine.
        manifest: the manifest's absolute name and id, by which it finds out whether it sees the outputs.
    """

    def __init__(self, allotment: Allotment, manifest: tuple[str, str]) -> None:
        self._allotment = allotment
        self._sees_outputs = manifest_id(Path(manifest[0])) == manifest[1]
        self._folder = tempfile.TemporaryDirectory(prefix="impasto-")
        self._received: dict[str, tuple[tuple[int, int], str]] = {}
        self._painter: Painter | None = None

    def ready(self, probe: Probe) -> tuple[bool, Message | None]:
        """Start the engine; return whether a probe's pictures fit, and what is wrong if it cannot."""
        runtime.share_machine(self._allotment.threads, self._allotment.place, self._allotment.memory)
        try:
            runtime.start_program()
            from impasto.runs.batch.painter import Painter

            self._painter = Painter()
            return all(self._painter.fits(shape, settings) for shape, settings in probe), None
        except ImpastoError as error:
            return True, error.message

    def lacks(self, files: Files) -> list[str]:
        """Return the files that are neither seen here as the driver sees them nor were sent."""
        return [name for name, known in files.items() if self._place(name, known) is None]

    def _place(self, name: str, known: tuple[int, int]) -> str | None:
        if name in self._received and self._received[name][0] == known:
            return self._received[name][1]
        return name if version_of(name) == known else None

    def paint(self, order: Order, files: Files, names: Sequence[str], *data: bytes) -> Painted | None:
        """Paint an order.

        Args:
            order: with the names of files as the driver knows them.
            files: all of them.
            names: those that are sent with it.
            *data: their bytes.
        """
        for number, (name, content) in enumerate(zip(names, data, strict=True)):
            folder = Path(self._folder.name) / f"{len(self._received)}-{number}"
            folder.mkdir()
            path = folder / Path(name).name
            path.write_bytes(content)
            self._received[name] = files[name], str(path)
        entry = moved(order.entry, lambda name: (name in files and self._place(name, files[name])) or name)
        output = order.output if self._sees_outputs else Path(self._folder.name) / order.output.name
        if self._painter is None:
            raise RuntimeError("an actor paints after it was ready")
        painted = self._painter.paint(replace(order, entry=entry, output=output))
        if sent := self._received.pop(str(order.entry.photo), None):
            Path(sent[1]).unlink(missing_ok=True)  # other photos come; styles stay
        if painted is None or self._sees_outputs or painted.error is not None:
            return painted
        picture = output.read_bytes()
        output.unlink()
        return replace(painted, data=picture)


def moved(entry: Entry, place: Callable[[str], str]) -> Entry:
    """Return an entry whose files have other names.

    Args:
        entry: the picture.
        place: the name of a file, or of a style that is none -> its name there.
    """

    def there(source: Any) -> Any:
        return place(str(source)) if _is_name(source) else source

    inputs = entry.inputs
    styles = tuple(replace(s, source=there(s.source), mask=there(s.mask)) for s in inputs.styles)
    regions = tuple(
        replace(r, mask=there(r.mask), style=there(r.style), style_mask=there(r.style_mask))
        for r in inputs.regions
    )
    named = {name: there(getattr(entry.settings, name)) for name in files_in(entry.settings)}
    settings = replace(entry.settings, **named)
    return replace(
        entry,
        inputs=replace(inputs, content=there(inputs.content), styles=styles, regions=regions),
        settings=settings,
    )


def absolute(entry: Entry) -> tuple[Entry, Files]:
    """Return an entry with absolute names of files, and these files."""
    files: dict[str, tuple[int, int]] = {}

    def whole(name: str) -> str:
        path = str(Path(name).absolute())
        if not os.path.isfile(path) or (known := version_of(path)) is None:
            return name
        files[path] = known
        return path

    return moved(entry, whole), files


def _is_name(source: Any) -> bool:
    return isinstance(source, str | Path) and not is_mask_text(source)


@dataclass
class _Worker:
    actor: Any
    node: str
    place: int
    pending: Any
    kind: str = "ready"
    parcel: tuple[Order, Files] | None = None


class Actors:
    """A crew of Ray's actors; see `impasto.runs.batch.crew.Crew`.

    Args:
        session: the cluster.
        workers: how many at most; None: as many as there are cores, or GPUs where there are some.
        manifest: the batch's.
        probe: what every actor plans when it starts; where it does not fit, a node gets half as many.
    """

    def __init__(self, session: Session, workers: int | None, manifest: Manifest, probe: Probe) -> None:
        self._session, self._most, self._probe = session, workers, probe
        self._manifest = str(manifest.path.absolute()), manifest.id
        self._workers: dict[int, _Worker] = {}
        self._count = 0
        self._nodes: list[Node] = []
        self._asked = float("-inf")
        self._divided: dict[str, int] = {}
        self._sent: dict[tuple[str, tuple[int, int]], Any] = {}

    def hire(self, most: int) -> list[int]:
        """Start actors on the machines that are there now; see `Crew`."""
        if time.monotonic() - self._asked > NODES_SECONDS:
            self._ask()
        most, hired = min(most, self._most or most), []
        first: dict[str, int] = {}
        for node in self._nodes:
            places = self._divided.get(node.id, node.gpus or node.cores)
            taken = {worker.place for worker in self._workers.values() if worker.node == node.id}
            begin = first.get(node.host, 0)
            first[node.host] = begin + places
            for place in range(places):
                if len(self._workers) < most and place not in taken:
                    hired.append(self._start(node, place, places, begin))
        return hired

    def _ask(self) -> None:
        self._nodes, self._asked = self._session.nodes(), time.monotonic()

    def _start(self, node: Node, place: int, places: int, begin: int) -> int:
        """Start an actor in one of a node's places; nodes of one machine have different cores of it."""
        threads = max(1, node.cores // places)
        allotment = Allotment(
            place=begin + place, threads=threads, memory=int(USABLE * node.memory) // places
        )
        kind = self._session.actor(PaintingActor, node, cores=threads, gpus=1 if node.gpus else 0)
        actor = kind.remote(allotment, self._manifest)
        self._count += 1
        pending = actor.ready.remote(self._probe)
        self._workers[self._count] = _Worker(actor, node.id, place, pending)
        return self._count

    def give(self, worker: int, order: Order) -> None:
        """Ask an actor which files it lacks; `wait` sends it these and the order. See `Crew`."""
        entry, files = absolute(order.entry)
        order = replace(order, entry=entry, output=order.output.absolute())
        chosen = self._workers[worker]
        chosen.parcel, chosen.kind = (order, files), "lacks"
        chosen.pending = chosen.actor.lacks.remote(files)

    def wait(self, seconds: float) -> list[News]:
        """Return what was told; see `Crew`."""
        pending = {w.pending: number for number, w in self._workers.items() if w.pending is not None}
        if not pending:
            time.sleep(seconds)
            return []
        ray, news = self._session.ray, []
        done, _ = ray.wait(list(pending), num_returns=1, timeout=seconds)
        for reference in done:
            number = pending[reference]
            worker = self._workers[number]
            worker.pending = None
            try:
                news += self._news_of(number, worker, ray.get(reference))
            except (ray.exceptions.RayTaskError, OSError) as error:
                news.append(_failed(number, worker, error))
            except ray.exceptions.ActorUnschedulableError as error:  # there was a node when it was hired
                del self._workers[number]
                self._ask()
                there = any(node.id == worker.node for node in self._nodes)
                news.append(News(worker=number, kind="died" if there else "gone", reason=_reason(error)))
            except ray.exceptions.RayError as error:
                del self._workers[number]
                news.append(News(worker=number, kind="died", reason=_reason(error)))
        return news

    def _news_of(self, number: int, worker: _Worker, value: Any) -> list[News]:
        """Return what an answer says, if it is news."""
        if worker.kind == "lacks" and worker.parcel is not None:
            order, files = worker.parcel
            data = [self._file(name, files[name], order) for name in value]
            worker.kind, worker.pending = "paint", worker.actor.paint.remote(order, files, value, *data)
            return []
        if worker.kind == "ready":
            fits, error = value
            if error is not None:
                raise EngineError(error)
            if not fits and (ended := self._halved(worker.node)) is not None:
                return ended
            worker.kind = "idle"
            return [News(worker=number, kind="ready")]
        worker.kind = "idle"
        return [News(worker=number, kind="painted", painted=value)]

    def _file(self, name: str, known: tuple[int, int], order: Order) -> Any:
        """Return a file's bytes; those that several pictures need are kept in Ray's store, once."""
        if name == str(order.entry.photo):
            return Path(name).read_bytes()
        if (name, known) not in self._sent:
            self._sent[name, known] = self._session.ray.put(Path(name).read_bytes())
        return self._sent[name, known]

    def _halved(self, node: str) -> list[News] | None:
        """Give a node half as many workers; return who ends over a picture. None if it has one only."""
        there = {number: worker for number, worker in self._workers.items() if worker.node == node}
        places = self._divided.get(node, len(there))
        if places < 2:
            return None
        self._divided[node] = places // 2
        for number, worker in there.items():
            self._session.ray.kill(worker.actor)
            del self._workers[number]
        at_work = [number for number, worker in there.items() if worker.kind in ("lacks", "paint")]
        return [News(worker=number, kind="died", reason="too little memory") for number in at_work]

    def close(self, *, at_once: bool) -> None:
        """End all actors; see `Crew`. A picture that takes longer than a moment is given up."""
        ray = self._session.ray
        pending = [worker.pending for worker in self._workers.values() if worker.pending is not None]
        with suppress(ray.exceptions.RayError, ConnectionError):
            if pending and not at_once:
                ray.wait(pending, num_returns=len(pending), timeout=LAST_SECONDS)
            for worker in self._workers.values():
                ray.kill(worker.actor)
        self._workers.clear()


def _failed(number: int, worker: _Worker, error: Exception) -> News:
    """Return what an error of an actor's own means: its picture has failed.

    Raises:
        EngineError: it had none yet.
    """
    message = Message("a worker on the cluster has failed: {error}", error=_last_line(error))
    if worker.kind == "ready" or worker.parcel is None:
        raise EngineError(message) from error
    worker.kind = "idle"
    return News(worker=number, kind="painted", painted=Painted(number=worker.parcel[0].number, error=message))


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1][:300] if lines else type(error).__name__


def _reason(error: Exception) -> str:
    """Return in a few words how an actor was lost."""
    text = str(error)
    if "node" in text.lower() and "died" in text.lower() and "worker process has died" not in text:
        return "its machine was lost"
    return type(error).__name__


def actors_of(batch: Batch, todo: list[Order], manifest: Manifest, stack: ExitStack) -> Crew:
    """Return the workers of a batch on a cluster; the session ends with the stack."""
    session = stack.enter_context(ray_session(batch.address, cores=batch.threads))
    if not any(node.gpus or node.cores for node in session.nodes()):
        raise EngineError("the cluster at {address} has no cores to give", address=session.address)
    return Actors(session, batch.workers, manifest, probe_of(todo))
