"""A job: one picture's inputs, settings and where and how the result is saved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from impasto.pictures.writing import check_encoding
from impasto.preparation import Inputs
from impasto.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Saving:
    """How a job's picture is written: the arguments of `Pastiche.save`, by their names.

    Raises:
        SettingError: quality or depth is none.
    """

    overwrite: bool = False
    quality: int = 95
    bit_depth: int = 8
    keep_gps: bool = False
    recipe: bool = True

    def __post_init__(self) -> None:
        check_encoding(self.quality, self.bit_depth)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What was asked for.

    Attributes:
        inputs: photo, styles and regions, all of them files or built-in styles.
        settings: how the picture is made.
        output: where the pastiche goes.
        saving: how it is written.
        preview_every: iterations between previews; none if 0.
        checkpoint: where the run's state is kept; beside the output if None.
        resumable: whether the state is kept at all: not where input or output are streams.
        folder: the working folder, to which the names refer.
        networks: the sha256 of the feature networks of the recipe that is repeated, by setting.
    """

    inputs: Inputs
    output: Path
    settings: Settings = field(default_factory=Settings)
    saving: Saving = field(default_factory=Saving)
    preview_every: int = 0
    checkpoint: Path | None = None
    resumable: bool = True
    folder: Path = field(default_factory=Path.cwd)
    networks: Mapping[str, str] = field(default_factory=dict)

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's state is kept."""
        return self.checkpoint or self.output.with_name(f"{self.output.name}.checkpoint")

    @property
    def output_path(self) -> Path:
        """Where the pastiche goes, wherever the working folder is now."""
        return self.folder / self.output

    @property
    def part_path(self) -> Path:
        """Where a picture that is painted in windows is until it is whole."""
        target = Path(os.path.realpath(self.output_path))
        return target.with_name(f"{target.name}.part")

    @property
    def previews(self) -> Path:
        """The folder of the previews."""
        return self.output.with_name(f"{self.output.stem}-previews")
