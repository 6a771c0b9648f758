"""What each browser has in the studio: its photos, masks, styles, results and files, in a temporary folder.

A session begins with the page and ends when nobody has used it for two hours, when too many newer ones came,
or with the studio; its folder is deleted then. Everything in it is bounded: what is oldest goes first.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto.language import told_in
from impasto.pictures.frames.clip import Clip
from impasto.studio.refusals import RefusalError, session_ended

IDLE_SECONDS = 2 * 3600.0
MOST_SESSIONS = 64
MOST_PHOTOS, MOST_STYLES, MOST_RESULTS, MOST_PREVIEWS, MOST_FILES = 16, 32, 64, 64, 8
MOST_VIDEOS, MOST_FILMS = 2, 8
MOST_MASKS = 256
"""More than a page's history has steps."""
PREFIX = "impasto-studio-"
NAME_BYTES = 120
Points = Sequence[tuple[float, float]]
"""(x, y) in [0, 1] of a photo."""


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo of a session: the file as it came, and what was found in it.

    Attributes:
        id: of the photo.
        path: its file, of the name that it had.
        width, height: upright, in pixels.
        notes: sentences about what the reader had to decide.
        recipe: of a picture that Impasto made, as plain values, or None.
        masks: the ids of its regions' masks, which the recipe held; None for one that it only names.
        video: the id of the video that it is a still of, or None.
        second: of the video.
    """

    id: str
    path: Path
    width: int
    height: int
    notes: tuple[str, ...] = ()
    recipe: Mapping[str, Any] | None = None
    masks: tuple[str | None, ...] = ()
    video: str | None = None
    second: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Video:
    """A video of a session.

    Attributes:
        id: of the video.
        path: its file, of the name that it had.
        clip: what is known of it before its frames are read.
        recipe, masks: as a photo has them.
    """

    id: str
    path: Path
    clip: Clip
    recipe: Mapping[str, Any] | None = None
    masks: tuple[str | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OwnStyle:
    """A style that a session brought.

    Attributes:
        id: of the style.
        name: of the style.
        path: its file: a picture, or a trained style (.style).
        sha256: of the file.
        shown: the picture of a trained style; None if the file is a picture.
    """

    id: str
    name: str
    path: Path
    sha256: str
    shown: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Mask:
    """A mask of a session, and how it was drawn, so that it can be drawn further.

    Attributes:
        id: of the mask.
        path: PNG, gray.
        width, height: in pixels.
        ink: as it was drawn, before its edge was softened; a file beside ``path``, or ``path`` itself.
        feather: 0 to 100, how far its edge was softened.
        add, remove: points that were said to belong to the subject, and not to.
    """

    id: str
    path: Path
    width: int
    height: int
    ink: Path
    feather: float = 0
    add: Points = ()
    remove: Points = ()


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished picture of a session.

    Attributes:
        id: of the result.
        photo: the id of its photo.
        look: as the page gave it.
        path: PNG, 8 bit.
        width, height: in pixels.
        seconds: that it took.
        method: ``onepass`` or ``optimize``.
        iterations: of the optimization, 0 for one pass alone.
        recipe: as text.
        notes: sentences about what was done to the inputs.
        time: when it was finished, in seconds since 1970.
    """

    id: str
    photo: str
    look: Mapping[str, Any]
    path: Path
    width: int
    height: int
    seconds: float
    method: str
    iterations: int
    recipe: str
    notes: tuple[str, ...] = ()
    time: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A file that was made for downloading: its id and path."""

    id: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Film(Finished):
    """A video that was painted, a file like others.

    Attributes:
        video: the id of what was filmed.
        look: as the page gave it.
        width, height: in pixels.
        frames: how many it has.
        whole: whether it was painted to its end.
        seconds: that the painting took.
        notes: sentences about what was done.
        time: when it was finished, in seconds since 1970.
    """

    video: str
    look: Mapping[str, Any]
    width: int
    height: int
    frames: int
    whole: bool
    seconds: float
    notes: tuple[str, ...] = ()
    time: float = field(default_factory=time.time)


class Shelf(OrderedDict[str, Any]):
    """Things of one kind by id; when there are too many, one of little worth goes, with its file.

    The engine's thread adds to them while others look: `everything` is a copy, and changes come one by one.

    Args:
        most: of them.
        worth: of one; of equals the one goes that was not asked for for longest.
        gone: told of what was removed.
    """

    def __init__(
        self,
        most: int,
        worth: Callable[[Any], Any] = lambda _: 0,
        gone: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__()
        self._most, self._worth, self._gone, self._lock = most, worth, gone, threading.RLock()

    def keep(self, item: Any) -> None:
        """Add one."""
        with self._lock:
            self[item.id] = item
            while len(self) > self._most:
                self.remove(min(list(self.values())[:-1], key=self._worth).id)

    def everything(self) -> list[Any]:
        """Return all, what was not asked for for longest first."""
        with self._lock:
            return list(self.values())

    def remove(self, id: str) -> None:
        """Delete one and its file; what hangs on it goes, too."""
        with self._lock:
            item = self.pop(id, None)
        if item is None:
            raise missing(id)
        shutil.rmtree(item.path.parent, ignore_errors=True)
        if self._gone:
            self._gone(item)

    def find(self, id: Any) -> Any:
        """Return one.

        Raises:
            RefusalError: there is none of that id (any more).
        """
        with self._lock:
            item = self.get(id) if isinstance(id, str) else None
            if item is None:
                raise missing(id)
            self.move_to_end(id)
        return item


def by_time(shelf: Shelf) -> list[Any]:
    """Return results or films, the oldest first."""
    return sorted(shelf.everything(), key=lambda item: item.time)


def missing(id: Any) -> RefusalError:
    """Return the error of an id that names nothing."""
    return RefusalError(
        "the studio has no longer what {id} is; of many things those go that were not used for longest",
        404,
        "not-found",
        id=repr(id)[:80],
    )


class Session:
    """What one browser has.

    Args:
        root: where its folder is made, when it is needed.
        id, token: its secrets: the cookie's and the page's.
    """

    def __init__(self, root: Path, id: str | None = None, token: str | None = None) -> None:
        self.id, self.token = id or secrets.token_urlsafe(24), token or secrets.token_urlsafe(24)
        self.used = time.monotonic()
        self.language = "en"
        """In which its page was last read, for what is noted about its pictures."""
        self.lock = threading.RLock()
        self._root, self._ended = root, False
        self._folder: Path | None = None
        self.photos = Shelf(MOST_PHOTOS, self._worth_of_photo, self._without_photo)
        self.results = Shelf(MOST_RESULTS, lambda result: bool(result.iterations))
        self.videos, self.films, self.files = Shelf(MOST_VIDEOS), Shelf(MOST_FILMS), Shelf(MOST_FILES)
        self.styles, self.masks, self.previews = Shelf(MOST_STYLES), Shelf(MOST_MASKS), Shelf(MOST_PREVIEWS)
        self.camera: Any = None
        """What `camera.py` knows of the page's camera from frame to frame."""
        self.first_style: str | None = None
        """The id of the style with which the camera's page begins."""

    def said(self, notes: Sequence[str]) -> list[str]:
        """Return notes in the language of its page."""
        return [told_in(self.language, note) for note in notes]

    def new_file(self, name: str) -> tuple[str, Path]:
        """Return a new id and a free path that ends in a name, in a folder of its own.

        Raises:
            RefusalError: the session has ended.
        """
        with self.lock:
            if self._ended:
                raise session_ended()
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(dir=self._root))
            id = secrets.token_urlsafe(9)
            folder = self._folder / id
            folder.mkdir()
            return id, folder / plain_name(name)

    def end(self) -> None:
        """Delete everything."""
        with self.lock:
            self._ended = True
            for shelf in vars(self).values():
                if isinstance(shelf, Shelf):
                    shelf.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever brought here."""
        return self._folder is None

    def _worth_of_photo(self, photo: Photo) -> tuple[bool, bool]:
        """Return whether it is more than a moment of a video, and whether anything of it was refined."""
        refined = any(one.photo == photo.id and one.iterations for one in self.results.everything())
        return photo.video is None, refined

    def _without_photo(self, photo: Photo) -> None:
        for id in [one.id for one in self.results.everything() if one.photo == photo.id]:
            self.results.remove(id)


class Sessions:
    """All sessions.

    Args:
        forget: told of the id of each session that has ended.
    """

    def __init__(self, forget: Callable[[str], None]) -> None:
        remove_left_folders()
        self._root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._forget = forget
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self.terminal = self._new(token=secrets.token_urlsafe(18))
        """The session of programs such as curl, which know the token that the terminal shows."""

    def find(self, id: str | None) -> Session | None:
        """Return a session by its cookie, and note that it was used."""
        with self._lock:
            session = self._sessions.get(id or "")
            if session is not None:
                session.used = time.monotonic()
            return session

    def begin(self) -> Session:
        """Return a new session; the one that was not used for longest goes if there are too many."""
        with self._lock:
            self.sweep()
            others = [one for one in self._sessions.values() if one is not self.terminal]
            if len(others) >= MOST_SESSIONS:
                self._end(min(others, key=lambda one: (not one.is_empty, one.used)))
            return self._new()

    def sweep(self, idle: float = IDLE_SECONDS) -> None:
        """End the sessions that nobody has used for so many seconds."""
        with self._lock:
            until = time.monotonic() - idle
            for session in [one for one in self._sessions.values() if one.used < until]:
                if session is not self.terminal:
                    self._end(session)

    def close(self) -> None:
        """End all sessions and delete their folder."""
        with self._lock:
            for session in list(self._sessions.values()):
                self._end(session)
            shutil.rmtree(self._root, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._sessions)

    def _new(self, token: str | None = None) -> Session:
        session = Session(self._root, token=token)
        self._sessions[session.id] = session
        return session

    def _end(self, session: Session) -> None:
        del self._sessions[session.id]
        self._forget(session.id)
        session.end()


def remove_left_folders() -> None:
    """Delete the folders of studios that were killed before they could do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        match = re.match(rf"{PREFIX}(\d+)-", folder.name)
        if match and not _is_alive(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # where signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def plain_name(name: str) -> str:
    """Return a file's name without folders and without what file systems do not take."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join("_" if letter in '<>:"|?*' or not letter.isprintable() else letter for letter in name)
    name = name.encode("utf-8", "replace").decode()
    while len(name.encode()) > NAME_BYTES:
        name = name[1:]
    name = name.strip(" .")
    return name or "photo"
