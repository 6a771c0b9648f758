"""A run on disk: enough to go on after an interruption and end with the same bytes.

One .npz file without pickles: the job and the recipe as JSON, the optimizer's state as arrays. It is written
beside its destination and renamed, so that there is always a whole one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.errors import CheckpointError
from impasto.preparation import Inputs
from impasto.runs.job import Job, Saving
from impasto.settings import Settings
from impasto.styles import RegionSpec, StyleSpec

if TYPE_CHECKING:
    from impasto.onepass.window_painter import WindowState
    from impasto.optimization.gatys import State

VERSION = 3
WORDS, STATE_WORDS = ("written", "recipe", "losses"), ("scale", "iteration", "tiles", "guard")


@dataclass(frozen=True, kw_only=True)
class RunCheckpoint:
    """Where a run stands.

    Attributes:
        job: what was asked for; `job_text` and `job_of` take it to plain values and back.
        written: sha256 of the picture that the run left at the output, or None.
        recipe: what it takes to repeat the run, as `Recipe.to_mapping` gives it.
        losses: the named losses of every iteration so far.
        state: scale, iteration and the optimizer's state; or the windows that are measured and painted.
    """

    job: Job
    written: str | None
    recipe: Mapping[str, Any]
    losses: Sequence[Mapping[str, float]]
    state: State | WindowState

    @property
    def in_windows(self) -> bool:
        """Whether the picture is painted in windows."""
        from impasto.onepass.window_painter import WindowState

        return isinstance(self.state, WindowState)

    def save(self, path: Path) -> None:
        """Write all of it or nothing.

        Raises:
            OutputError: the file cannot be written; an earlier checkpoint there stays as it was.
        """
        from impasto.files import write_whole

        words = {
            "version": VERSION,
            "job": job_text(self.job),
            "written": self.written,
            "recipe": self.recipe,
            "losses": list(self.losses),
        }
        more, arrays = _state_parts(self.state)
        words |= more
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
        if not os.path.isfile(path):
            raise CheckpointError("there is no checkpoint {path}", path=path)
        try:
            with np.load(path) as saved:
                words = json.loads(saved["words"].tobytes())
                arrays = {name: saved[name] for name in saved.files if "/" in name}
            version = words["version"]
            known = {name: words[name] for name in WORDS} if version == VERSION else {}
            state = _state_of(words, arrays) if version == VERSION else None
            job = job_of(words["job"]) if version == VERSION else None
        except Exception as error:  # NumPy, zipfile and json raise a dozen kinds on damaged files
            raise CheckpointError("{path} is not a whole checkpoint of Impasto", path=path) from error
        if job is None or state is None:
            raise CheckpointError(
                "{path} is a checkpoint of version {version}, and this Impasto reads version {readable}; "
                "start the run anew",
                path=path,
                version=version,
                readable=VERSION,
            )
        return cls(job=job, state=state, **known)

    def check(self, recipe: Mapping[str, Any], path: Path) -> None:
        """Check that a run prepared anew is the one that was interrupted.

        Raises:
            CheckpointError: an input, the network, the engine or the version has changed.
        """
        now = json.loads(json.dumps(recipe))
        for name, before in self.recipe.items():
            if now.get(name) != before:
                raise CheckpointError(
                    "{path} cannot be resumed: {name} was {before} and is now {now}",
                    path=path,
                    name=name,
                    before=_short(before),
                    now=_short(now.get(name)),
                )


def _state_parts(state: State | WindowState) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a state as plain values that JSON can hold, and arrays by names with a slash."""
    from impasto.optimization.gatys import State

    if isinstance(state, State):
        arrays = {f"optimizer/{name}": np.asarray(value) for name, value in state.optimizer.items()}
        return {name: getattr(state, name) for name in STATE_WORDS}, arrays
    words = {"looks": state.looks, "ends": list(state.ends)}
    if state.sums is None:
        return {"windows": words}, {}
    parts = vars(state.sums)
    arrays = {
        f"{part}/{layer}": np.asarray(v) for part, layers in parts.items() for layer, v in layers.items()
    }
    return {"windows": words}, arrays


def _state_of(words: Mapping[str, Any], arrays: Mapping[str, Any]) -> State | WindowState:
    """Return the state that `_state_parts` took apart."""
    parts: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = value
    if "windows" not in words:
        from impasto.optimization.gatys import State

        return State(**{name: words[name] for name in STATE_WORDS}, optimizer=parts["optimizer"])
    from impasto.onepass.encoded_photo import MomentSums
    from impasto.onepass.window_painter import WindowState

    if parts:
        parts["weights"] = {layer: float(weight) for layer, weight in parts["weights"].items()}
    at = words["windows"]
    return WindowState(looks=at["looks"], ends=tuple(at["ends"]), sums=MomentSums(**parts) if parts else None)


def job_text(job: Job) -> dict[str, Any]:
    """Return a job as plain values that JSON can hold."""
    return {
        "inputs": inputs_text(job.inputs),
        "settings": job.settings.to_mapping(),
        "saving": vars(job.saving),
        "output": os.fspath(job.output),
        "preview_every": job.preview_every,
        "checkpoint": None if job.checkpoint is None else os.fspath(job.checkpoint),
        "folder": os.fspath(job.folder),
        "networks": dict(job.networks),
    }


def job_of(text: Mapping[str, Any]) -> Job:
    """Return the job that `job_text` wrote."""
    return Job(
        inputs=inputs_of(text["inputs"]),
        settings=Settings.from_mapping(text["settings"]),
        saving=Saving(**text["saving"]),
        output=Path(text["output"]),
        preview_every=text["preview_every"],
        checkpoint=None if text["checkpoint"] is None else Path(text["checkpoint"]),
        folder=Path(text["folder"]),
        networks=text.get("networks", {}),
    )


def inputs_text(inputs: Inputs) -> dict[str, Any]:
    """Return inputs, all of them named, as plain values that JSON can hold; a video's have no photo."""
    return {
        "content": None if inputs.content is None else os.fspath(inputs.content),
        "styles": [vars(style) | {"source": os.fspath(style.source)} for style in inputs.styles],
        "regions": [
            {
                name: os.fspath(value) if isinstance(value, Path) else value
                for name, value in vars(region).items()
            }
            for region in inputs.regions
        ],
    }


def inputs_of(text: Mapping[str, Any]) -> Inputs:
    """Return the inputs that `inputs_text` wrote."""
    return Inputs(
        content=text["content"],
        styles=tuple(StyleSpec(**style) for style in text["styles"]),
        regions=tuple(RegionSpec(**region) for region in text["regions"]),
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 160 else text[:157] + "..."
