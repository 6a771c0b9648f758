"""What a batch has done: a file of lines, each whole or not there, of which a picture's last one counts.

Lines are JSON objects: the first says what wrote the file; every other has an ``output``, relative to the
file's folder, and its ``state``: ``started``, ``done`` (with the picture's fingerprint and the stamps of
photo and file) or ``failed`` (with the sentence). A line is written by one call of the system: a program that
is killed leaves whole lines but for the last, which then does not count.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from impasto import __version__
from impasto.errors import CheckpointError, OutputError
from impasto.runs.batch.fingerprints import Stamp

NAME = "impasto-batch.jsonl"
VERSION = 1
HEAD = b'{"impasto": '
"""What every manifest begins with."""
FLUSH_SECONDS = 1.0
"""How often lines are brought to the disk itself: a machine that loses its power loses no more."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of one picture.

    Attributes:
        fingerprint: of what it was made of the last time it was finished; nothing if it never was.
        photo: where its photo lay, and its stamp.
        file: its own stamp, or None.
        begun: whether it was begun and neither finished nor given up: whatever lies there is ours.
    """

    fingerprint: str = ""
    photo: tuple[str, Stamp] | None = None
    file: Stamp | None = None
    begun: bool = False


class Manifest:
    """The manifest of a batch, held by one program at a time; used in a ``with`` statement.

    One that says nothing of any picture in the end does not stay.

    Attributes:
        path: its file, which is made if it is not there.
        id: of the file, by which another machine finds out whether it sees the same one.
        records: by output, relative to the file's folder.

    Raises:
        OutputError: it cannot be written, or another batch is at work with it.
        CheckpointError: the file is no manifest, or one of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, secrets.token_hex(8)
        self.records: dict[str, Record] = {}
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise OutputError(
                "{path} cannot be written: {reason}", path=path, reason=error.strerror
            ) from error
        try:
            self._hold()
            self._read()
        except BaseException:
            os.close(self._file)
            raise
        self._flushed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            os.fsync(self._file)
            if not self.records:
                self.path.unlink()
        os.close(self._file)

    def name_of(self, output: Path) -> str:
        """Return an output as the manifest calls it, wherever the folder lies."""
        return Path(os.path.relpath(output, self.path.parent)).as_posix()

    def record_of(self, output: Path) -> Record:
        """Return what is known of a picture."""
        return self.records.get(self.name_of(output), Record())

    def stamps(self) -> dict[str, Stamp]:
        """Return the photos' stamps by their absolute paths."""
        return {record.photo[0]: record.photo[1] for record in self.records.values() if record.photo}

    def start(self, output: Path, worker: int) -> None:
        """Note that a picture is being made, and by which worker."""
        self._write(output, {"state": "started", "worker": worker})

    def finish(self, output: Path, fingerprint: str, photo: tuple[Path, Stamp], **more: Any) -> Stamp:
        """Note that a picture is done: its file is there and whole.

        Args:
            output: its file.
            fingerprint: of what it was made of.
            photo: the photo's file and stamp.
            **more: whatever else may be told.
        """
        file = Stamp.of(output, own=True)
        stamps = {"photo": {"path": str(photo[0].absolute()), **asdict(photo[1])}, "file": asdict(file)}
        self._write(output, {"state": "done", "fingerprint": fingerprint, **stamps, **more})
        return file

    def fail(self, output: Path, message: str) -> None:
        """Note that a picture could not be made, and why."""
        self._write(output, {"state": "failed", "error": message})

    def _write(self, output: Path, values: Mapping[str, Any]) -> None:
        line = {"output": self.name_of(output), **values, "at": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        self._append(line)
        self._take(line)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            os.fsync(self._file)
            self._flushed = time.monotonic()

    def _append(self, line: Mapping[str, Any]) -> None:
        data = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")
        try:
            if os.write(self._file, data) != len(data):
                raise OSError(None, "there is no space left")
        except OSError as error:
            raise OutputError(
                "{path} cannot be written: {reason}", path=self.path, reason=error.strerror
            ) from error

    def _hold(self) -> None:
        """Keep other programs from the file; the system lets go of it when this one ends, however it does."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                "another batch is at work in {folder}; wait for its end or choose another folder",
                folder=self.path.parent,
            ) from error
        except OSError:  # a file system without locks
            return

    def _read(self) -> None:
        data = self.path.read_bytes()
        if b"\n" not in data and HEAD.startswith(data[: len(HEAD)]):  # killed while it wrote its first line
            os.ftruncate(self._file, 0)
            data = b""
        if not data:
            self._append({"impasto": __version__, "batch": VERSION, "id": self.id})
            return
        lines = data.split(b"\n")
        head = _parsed(lines[0])
        if not isinstance(head.get("batch"), int) or not isinstance(head.get("id"), str):
            raise CheckpointError("{path} is not the manifest of a batch; move it away", path=self.path)
        if head["batch"] > VERSION:
            raise CheckpointError(
                "{path} was written by Impasto {version}; update to go on with it",
                path=self.path,
                version=head.get("impasto"),
            )
        self.id = head["id"]
        for line in lines[1:]:
            self._take(_parsed(line))
        if lines[-1]:  # a program was killed while it wrote
            os.write(self._file, b"\n")

    def _take(self, line: Mapping[str, Any]) -> None:
        """Learn what a line says; one that says nothing is passed over."""
        name, state = line.get("output"), line.get("state")
        if not isinstance(name, str):
            return
        before = self.records.get(name, Record())
        if state == "started":
            self.records[name] = replace(before, begun=True)
        elif state == "failed":
            self.records[name] = replace(before, fingerprint="", begun=False)
        elif state == "done":
            with contextlib.suppress(KeyError, TypeError):
                photo = dict(line["photo"])
                self.records[name] = Record(
                    fingerprint=line["fingerprint"],
                    photo=(photo.pop("path"), Stamp(**photo)),
                    file=Stamp(**line["file"]),
                )


def _parsed(line: bytes) -> dict[str, Any]:
    """Return a line's values; none of one that is cut off."""
    try:
        values = json.loads(line.decode("utf-8", "surrogateescape"))
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def manifest_id(path: Path) -> str | None:
    """Return a manifest's id; None if it is not there or none."""
    try:
        with path.open("rb") as file:
            return _parsed(file.readline()).get("id")
    except OSError:
        return None


def known_outputs(path: Path) -> frozenset[Path]:
    """Return the files that a manifest names, without holding it; none if it is not there."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return frozenset()
    names = (_parsed(line).get("output") for line in lines)
    return frozenset(path.parent / name for name in names if isinstance(name, str))
