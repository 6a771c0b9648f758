"""A run on disk: enough to go on after an interruption and end with the same bytes.

One .npz file without pickles: the job and the recipe as JSON, the optimiser's state as arrays. It is written
beside its destination and renamed, so that there is always a whole one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.errors import CheckpointError

if TYPE_CHECKING:
    from impasto.optimization.gatys import State

VERSION = 2
WORDS, STATE_WORDS = ("job", "recipe", "losses"), ("scale", "iteration", "tiles", "guard")


@dataclass(frozen=True, kw_only=True)
class RunCheckpoint:
    """Where a run stands.

    Attributes:
        job: what was asked for, as plain values.
        recipe: what it takes to repeat the run, as `pastiche.recipe_of` gives it.
        losses: the named losses of every iteration so far.
        state: scale, iteration and the optimiser's state.
    """

    job: Mapping[str, Any]
    recipe: Mapping[str, Any]
    losses: Sequence[Mapping[str, float]]
    state: State

    def save(self, path: Path) -> None:
        """Write all of it or nothing.

        Raises:
            OutputError: the file cannot be written; an earlier checkpoint there stays as it was.
        """
        from impasto.files import write_whole

        words = {
            "version": VERSION,
            "job": self.job,
            "recipe": self.recipe,
            "losses": list(self.losses),
            **{name: getattr(self.state, name) for name in STATE_WORDS},
        }
        arrays = {f"optimizer/{name}": np.asarray(value) for name, value in self.state.optimizer.items()}
        text = np.frombuffer(json.dumps(words).encode(), np.uint8)

        def write(file: Any) -> None:
            np.savez(file, allow_pickle=False, words=text, **arrays)

        write_whole(path, write)

    @classmethod
    def load(cls, path: Path) -> RunCheckpoint:
        """Read a checkpoint.

        Raises:
            CheckpointError: it is not there, damaged, or of another version.
        """
        from impasto.optimization.gatys import State

        if not path.is_file():
            raise CheckpointError(f"there is no checkpoint {path}")
        try:
            with np.load(path) as saved:
                words = json.loads(saved["words"].tobytes())
                arrays = {k.partition("/")[2]: saved[k] for k in saved.files if k.startswith("optimizer/")}
            version = words["version"]
            known = {name: words[name] for name in WORDS} if version == VERSION else {}
            at = {name: words[name] for name in STATE_WORDS} if version == VERSION else {}
        except Exception as error:  # NumPy, zipfile and json raise a dozen kinds on damaged files
            raise CheckpointError(f"{path} is not a whole checkpoint of Impasto") from error
        if version != VERSION:
            raise CheckpointError(
                f"{path} is a checkpoint of version {version}, this Impasto reads {VERSION}"
            )
        return cls(state=State(**at, optimizer=arrays), **known)

    def check(self, recipe: Mapping[str, Any], path: Path) -> None:
        """Check that a run prepared anew is the one that was interrupted.

        Raises:
            CheckpointError: an input, the network, the engine or the version has changed.
        """
        now = json.loads(json.dumps(recipe))
        for name, before in self.recipe.items():
            if now.get(name) != before:
                raise CheckpointError(
                    f"{path} cannot be resumed: {name} was {_short(before)} "
                    f"and is now {_short(now.get(name))}"
                )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 160 else text[:157] + "..."
