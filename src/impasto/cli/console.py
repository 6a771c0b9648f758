"""How commands talk: sentences, tables, JSON and bars; and how they end: the exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EXIT_FAILED, EXIT_USAGE, EXIT_FAULT, EXIT_BY_SIGNAL = 1, 2, 70, 128
"""An accident with files, engine or weights; a wrong option or setting; a fault of Impasto's own (sysexits'
EX_SOFTWARE); and what is added to a signal's number."""
SIGPIPE = 13
WAITING = "Reading the pictures and loading the network"


def say(text: str) -> None:
    """Print one line to stderr."""
    typer.echo(text, err=True)


def note(text: str) -> None:
    """Print a remark to stderr as a sentence."""
    say(f"Note: {text.rstrip('.')}.")


def print_json(values: Any) -> None:
    """Print values to stdout as JSON for another program."""
    typer.echo(json.dumps(values, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, header: bool = True) -> None:
    """Print a table to stdout."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, show_header=header)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def duration(seconds: float) -> str:
    """Return a time as a person says it: 8 s, 4 min 10 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{max(1, whole)} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Bar:
    """A line on stderr that shows how far the work is: words, bar, percent, time left."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

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
        left = "" if seconds_left is None else f"{duration(seconds_left)} left"
        self._progress.update(
            self._task, description=words, completed=done, total=total, left=left, more=more
        )

    def note(self, text: str) -> None:
        """Print a remark above the bar."""
        self._progress.console.print(f"Note: {text.rstrip('.')}.", highlight=False, markup=False)


class NoBar(Bar):
    """Shows nothing."""

    def __init__(self) -> None:
        pass

    def show(self, *args: Any, **kwargs: Any) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Print nothing."""


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
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True, min_width=12)),
        TextColumn("{task.fields[more]}", markup=False, table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress, progress.add_task(words, total=None, left="", more=""))


def end(code: int) -> None:
    """End the command with an exit code.

    Raises:
        typer.Exit: always.
    """
    raise typer.Exit(code)


def is_terminal() -> bool:
    """Return whether a person sees what goes to stdout."""
    return sys.stdout is not None and sys.stdout.isatty()
