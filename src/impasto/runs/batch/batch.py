"""A batch: all its pictures with their files, and how they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from impasto.errors import Argument, SettingError
from impasto.runs.batch.entries import Choice, Entry, entries_of
from impasto.runs.batch.outputs import outputs_of
from impasto.runs.batch.tables import Row
from impasto.runs.job import Saving


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What was asked for.

    Attributes:
        entries: the pictures.
        outputs: their files, in the same order, no two the same.
        folder: in which the manifest lies.
        saving: how the pictures are written; whether files that no run of this batch has made may be
            replaced.
        workers: how many there are; None: as many as cores and memory allow.
        threads: processor threads of all workers together; None: all there are.
        retries: how often a picture that has failed is tried again.
        fail_fast: whether the first failure ends the run.
        address: of a cluster, ``HOST:PORT`` or ``auto``, on which the workers are; see `cluster`.
        cluster: whether they are Ray's, on a cluster that is started here if there is no address.

    Raises:
        SettingError: one of them is not allowed.
    """

    entries: Sequence[Entry]
    outputs: Sequence[Path]
    folder: Path
    saving: Saving = field(default_factory=Saving)
    workers: int | None = None
    threads: int | None = None
    retries: int = 0
    fail_fast: bool = False
    address: str | None = None
    cluster: bool = False

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("threads", 1), ("retries", 0)):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= least):
                shown = "retry" if name == "retries" else name
                raise SettingError(
                    "{name} must be a whole number from {low} up, not {value!r}",
                    name=Argument(shown),
                    low=least,
                    value=value,
                )


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Where pictures go and how they are called.

    Attributes:
        folder: in which they and the manifest lie; it is made if it is not there.
        pattern: of their names, such as ``{style}/{name}.jpg``; None: ``{name}-{style}``.
        form: the format where the pattern names none.
    """

    folder: Path
    pattern: str | None = None
    form: str = "png"


def entries_with_outputs(
    rows: Sequence[Row], choice: Choice, naming: Naming
) -> tuple[list[Entry], list[Path]]:
    """Return the pictures of a batch and their files; errors are `entries_of`'s and `outputs_of`'s."""
    entries = entries_of(rows, choice)
    return entries, outputs_of(entries, naming.folder, naming.pattern, naming.form)
