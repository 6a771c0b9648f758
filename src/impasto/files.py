"""Files: written whole or not at all, known by their digest, and the folder that is the user's."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impasto.errors import OutputError, WeightsError


def impasto_home() -> Path:
    """Return the user's data folder: ``IMPASTO_HOME``, or the platform's usual place."""
    if chosen := os.environ.get("IMPASTO_HOME"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "impasto"
    variable, usual = "XDG_DATA_HOME", ".local/share"
    if os.name == "nt":
        variable, usual = "LOCALAPPDATA", "AppData/Local"
    return Path(os.environ.get(variable) or Path.home() / usual) / "impasto"


def write_whole(path: Path, write: Callable[[Any], object]) -> None:
    """Write a file beside its destination and rename it into place.

    Raises:
        OutputError: the file cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / path.name
            with part.open("wb") as file:
                write(file)
            part.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the file's checksum in hexadecimal.

    Raises:
        WeightsError: the file is missing or cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except FileNotFoundError as error:
        raise WeightsError(f"there is no weights file at {path}") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be opened: {error.strerror or error}") from error
