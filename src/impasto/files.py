"""Files: written whole or not at all, known by their digest, and the folder that is the user's."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any

from impasto.errors import Argument, OutputError, SettingError, WeightsError


def impasto_home() -> Path:
    """Return the user's data folder: ``IMPASTO_HOME``, or the platform's usual place."""
    if chosen := os.environ.get("IMPASTO_HOME"):
        return Path(os.path.expanduser(chosen))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "impasto"
    variable, usual = "XDG_DATA_HOME", ".local/share"
    if os.name == "nt":
        variable, usual = "LOCALAPPDATA", "AppData/Local"
    return Path(os.environ.get(variable) or Path.home() / usual) / "impasto"


def impasto_cache() -> Path:
    """Return the folder of what can be made again: ``IMPASTO_HOME/cache``, or the platform's usual place."""
    if os.environ.get("IMPASTO_HOME"):
        return impasto_home() / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "impasto"
    if os.name == "nt":
        return impasto_home() / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "impasto"


def path_of(value: Any, name: str) -> Path:
    """Return a path that somebody gave as an argument.

    Args:
        value: a text or a path.
        name: the argument's, which messages tell.

    Raises:
        SettingError: it is neither.
    """
    if not isinstance(value, str | os.PathLike):
        raise SettingError("{name} must be a path, not {value!r}", name=Argument(name), value=value)
    return Path(value)


def make_folder(folder: Path, *, parents: bool = False) -> None:
    """Make a folder that may be there already.

    Args:
        folder: the folder.
        parents: whether the folders above it are made, too.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True, parents=parents)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            "the folder {folder} cannot be made: {reason}", folder=folder, reason=reason
        ) from error


@contextmanager
def empty_folders_removed(folders: Iterable[Path]) -> Iterator[None]:
    """Afterwards remove those of some folders, and of those above them, that were not there and are empty."""
    new = {each for folder in set(folders) for each in (folder, *folder.parents) if not os.path.exists(each)}
    try:
        yield
    finally:
        for folder in sorted(new, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):  # it is not empty, or was never made
                folder.rmdir()


def write_whole(
    path: Path, write: Callable[[Any], object], *, overwrite: bool = True, part: Path | None = None
) -> None:
    """Write a file beside its destination, to the disk, and give it the name in one step.

    Whatever happens (an error, a full disk, Ctrl-C), nothing half-written stays, and a file that was there is
    either replaced or as it was. A link keeps pointing to the file that it names, which is replaced.

    Args:
        path: where to; its folder is made if it is missing.
        write: writes to a binary file.
        overwrite: whether an existing file may be replaced; of two writers at the same time one fails.
        part: the name that the file has until it is whole. What is there already is not lost: ``write`` finds
            it in the file, and leaves it there if it fails. None: a name of its own, and nothing stays.

    Raises:
        OutputError: the file exists or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "{path} cannot be written: {reason}; choose another place", path=path, reason=_reason(error)
        ) from error
    try:
        target = Path(os.path.realpath(path)) if overwrite else path
        with _temporary(target) if part is None else nullcontext(part) as temporary:
            with _new_file(temporary) if part is None else _kept_file(temporary) as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                temporary.replace(target)
            else:
                _claim(temporary, target)
                temporary.unlink(missing_ok=True)
    except OutputError:
        raise
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):  # else its folder is a file
            raise OutputError(
                "{path} already exists; add {overwrite} or choose another name",
                path=path,
                overwrite=Argument("overwrite=True"),
            ) from error
        raise OutputError(
            "{path} cannot be written: {reason}; choose another place", path=path, reason=_reason(error)
        ) from error


def check_place(path: Path, *, folder: bool = False) -> None:
    """Return if `write_whole` can write there; to be asked before any computation.

    Args:
        path: where to; neither its folder nor anything else is made.
        folder: whether a folder will be made there, if there is none, instead of a file.

    Raises:
        OutputError: its folder is missing or not writable, no file can have the name, or there
            is something else of that name which is not a writable file.
    """
    try:
        _check_names(path, folder)
    except (OSError, ValueError) as error:  # too long, a null character
        if isinstance(error, OutputError):
            raise
        name = repr(str(path)[:200])
        raise OutputError(
            "{name} cannot be written: {reason}; choose another name", name=name, reason=_reason(error)
        ) from error
    try:
        with _temporary(Path(os.path.realpath(path))) as temporary, _new_file(temporary) as file:
            file.write(b"impasto")
    except OSError as error:
        raise OutputError(
            "the folder {parent} cannot be written: {reason}; choose another place",
            parent=path.parent,
            reason=_reason(error),
        ) from error


def _check_names(path: Path, folder: bool) -> None:
    parent = path.parent
    if not os.path.isdir(parent):
        if os.path.exists(parent):
            raise OutputError("{path} cannot be written: {parent} is not a folder", path=path, parent=parent)
        raise OutputError(
            "{path} cannot be written: {parent} does not exist; make it first", path=path, parent=parent
        )
    with suppress(FileNotFoundError):
        path.lstat()
    if os.path.isdir(path):
        if not folder:
            raise OutputError("{path} is a folder; add a file name to it", path=path)
    elif os.path.exists(path) and not (os.path.isfile(path) and os.access(path, os.W_OK)):
        raise OutputError("{path} is write-protected or not a regular file; choose another name", path=path)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Yield a free name beside a file, of a length of its own, and remove whatever has it in the end."""
    temporary = path.with_name(f".impasto-{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _new_file(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return open(path, "wb", opener=lambda name, _: os.open(name, flags, 0o666))


def _kept_file(path: Path) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return open(path, "r+b", opener=lambda name, _: os.open(name, flags, 0o666))


def _claim(temporary: Path, path: Path) -> None:
    """Move a file to a name that must be free."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        temporary.replace(path)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the file's checksum in hexadecimal.

    Raises:
        WeightsError: the file is missing or cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except FileNotFoundError as error:
        raise WeightsError("there is no weights file at {path}", path=path) from error
    except OSError as error:
        raise WeightsError(
            "{path} cannot be opened: {reason}", path=path, reason=error.strerror or error
        ) from error


def version_of(name: str | Path) -> tuple[int, int] | None:
    """Return a file's (bytes, nanoseconds of its last change), by which it is known; None for no file."""
    try:
        status = Path(name).stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def parsed_json(text: str | bytes) -> Any:
    """Return what a text in JSON holds.

    Raises:
        ValueError: it is none, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def as_typed(path: str | Path) -> str:
    """Return a file's name as it is typed in a shell: in quotes where it needs them, and no option."""
    name = os.fspath(path)
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return by what names are sorted as a person does: picture2 before picture10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
