"""How commands talk: sentences, tables, JSON and bars; and how they end: the exit codes."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import typer

from impasto.cli.language import tell
from impasto.errors import ImpastoError, Message

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EXIT_FAILED, EXIT_USAGE, EXIT_SOME_FAILED, EXIT_FAULT, EXIT_BY_SIGNAL = 1, 2, 3, 70, 128
"""An accident with files, engine or weights; a wrong option or setting; some of many
that failed; a fault of Impasto's own (sysexits' EX_SOFTWARE); and what is added to a signal's number."""
SIGINT, SIGPIPE = 2, 13
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a disk says that takes nothing more, be it behind stdout."""
BAR_WIDTH = 16
WAITING = "Reading the pictures and loading the network"


def say(message: str, /, **values: Any) -> None:
    """Print one line to stderr, in the reader's language; a terminal that is gone does not matter."""
    with suppress(OSError, ValueError):
        typer.echo(tell(message, **values), err=True)


def note(message: str, /, **values: Any) -> None:
    """Print a remark to stderr as a sentence."""
    say(Message("Note: {remark}.", remark=_remark(message, values)))


def say_error(error: ImpastoError) -> None:
    """Print an error to stderr as one sentence."""
    text = tell(error.message)
    say("impasto: {sentence}", sentence=text if text.endswith(("?", "？")) else text + tell("."))


def say_fault(fault: Exception) -> int:
    """Print a fault of Impasto's own as one sentence, with the way to its traceback; return the exit code."""
    if isinstance(fault, OSError) and fault.filename is not None:
        return _say_refusal(fault)
    if isinstance(fault, OSError) and fault.errno in FULL:
        say_error(
            ImpastoError(
                "the output cannot be written: {reason}; make room, or send it to another place",
                reason=fault.strerror or str(fault),
            )
        )
        _forget_output()
        return EXIT_FAILED
    reason = " ".join(f"{type(fault).__name__}: {fault}".split())[:300]
    error = ImpastoError(
        "this should not have happened ({reason}); repeat with {debug} and report what it prints",
        reason=reason,
        debug="--debug",
    )
    say_error(error)
    return EXIT_FAULT


def _say_refusal(refused: OSError) -> int:
    """Print what the system itself refuses, such as a name that is too long; return the exit code."""
    error = ImpastoError(
        "{path} cannot be used: {reason}; choose another name",
        path=repr(os.fsdecode(refused.filename))[:200] if not isinstance(refused.filename, int) else "a file",
        reason=refused.strerror or str(refused),
    )
    say_error(error)
    return EXIT_FAILED


def end_quietly() -> None:
    """End the program after the reader of its output has gone, as a signal would have ended it."""
    _forget_output()
    sys.exit(EXIT_BY_SIGNAL + SIGPIPE)


def _forget_output() -> None:
    """Send nowhere what is left in stdout's buffer: Python would try again to write it."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _remark(message: str, values: dict[str, Any]) -> Message:
    message = message if isinstance(message, Message) else Message(message.rstrip("."), **values)
    return message


def print_text(message: str, /, **values: Any) -> None:
    """Print a line to stdout, in the reader's language."""
    typer.echo(tell(message, **values))


def print_json(values: Any) -> None:
    """Print values to stdout as JSON for another program."""
    typer.echo(json.dumps(values, indent=2, ensure_ascii=False, default=str))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, header: bool = True, whole: bool = False
) -> None:
    """Print a table to stdout.

    Args:
        columns: their headings.
        rows: a text or number for each column.
        header: whether the headings are shown.
        whole: whether the first column, by which a person will name the row, is never cut.
    """
    from rich.console import Console
    from rich.table import Column, Table

    first, *others = (tell(column) for column in columns)
    table = Table(Column(first, no_wrap=whole), *others, show_header=header)
    for row in rows:
        table.add_row(*(tell(cell) if isinstance(cell, str) else str(cell) for cell in row))
    Console(markup=False, highlight=False).print(table)


def duration(seconds: float) -> str:
    """Return a time as a person says it: 8 s, 4 min 10 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return tell("{seconds} s", seconds=max(1, whole))
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return tell("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return tell("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


class Bar:
    """A line on stderr that shows how far the work is: words, bar, percent, time left."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._printed: list[str] = []

    def show(
        self, words: str, done: float, total: float, seconds_left: float | None = None, more: str = ""
    ) -> None:
        """Show the state of the work.

        Args:
            words: what is being done, in a few.
            done: of ``total``.
            total: all work, in any unit.
            seconds_left: until the end; by default the time so far tells.
            more: shown behind everything else.
        """
        if seconds_left is None:
            seconds_left = self._progress.tasks[0].time_remaining
        left = "" if seconds_left is None else tell("{time} left", time=duration(seconds_left))
        self._progress.update(
            self._task, description=words, completed=done, total=total, left=left, more=more
        )

    def note(self, message: str, /, **values: Any) -> None:
        """Print a remark above the bar."""
        self._printed.append(message)
        text = tell("Note: {remark}.", remark=_remark(message, values))
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def untold(self, remarks: Iterable[str]) -> tuple[str, ...]:
        """Return those of some remarks that `note` was not given yet."""
        return tuple(remark for remark in remarks if remark not in self._printed)


class NoBar(Bar):
    """Shows nothing."""

    def __init__(self) -> None:
        self._printed = []

    def show(self, *args: Any, **kwargs: Any) -> None:
        """Show nothing."""

    def note(self, message: str, /, **values: Any) -> None:
        """Print nothing."""
        self._printed.append(message)


@contextmanager
def progress_bar(words: str = WAITING, *, quiet: bool = False) -> Iterator[Bar]:
    """Yield a bar that disappears at the end.

    Args:
        words: shown until the first `Bar.show`.
        quiet: whether nothing is to be shown.
    """
    if quiet:
        yield NoBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1)),
        BarColumn(bar_width=BAR_WIDTH),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}", markup=False, table_column=Column(no_wrap=True, min_width=13)),
        TextColumn("{task.fields[more]}", markup=False, table_column=Column(no_wrap=True)),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True, expand=True)
    bar = Bar(progress, progress.add_task(tell(words), total=None, left="", more=""))
    with suppress(OSError, ValueError):  # a terminal that is gone does not matter
        progress.start()
    try:
        yield bar
    finally:
        with suppress(OSError, ValueError):
            progress.stop()


def end(code: int) -> None:
    """End the command with an exit code.

    Raises:
        typer.Exit: always.
    """
    raise typer.Exit(code)
