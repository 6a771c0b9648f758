"""The command that goes on with what was interrupted: impasto resume."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.cluster import Hands, with_cluster
from impasto.cli.options import Json, Quiet, Threads, Verbose
from impasto.cli.stylize import Talk, run_shown
from impasto.cli.video import resume_video, unfinished_folder
from impasto.errors import CheckpointError, did_you_mean

ZIP = b"PK"
"""How checkpoints begin."""


@with_cluster
def resume_command(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The picture or video that an interrupted run left, its checkpoint or its folder.",
            show_default=False,
        ),
    ],
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    threads: Threads = None,
    *,
    hands: Hands,
) -> None:
    """Go on with an interrupted run; it ends with the picture or video that it would have made.

    Example: impasto resume pastiche.png
    """
    path, talk = checkpoint.absolute(), Talk(quiet, verbose, json)
    if folder := unfinished_folder(path):
        resume_video(folder, talk, threads)
        return
    path = _checkpoint_of(path)
    from impasto.engine import runtime

    runtime.start_program(threads)  # before anything else loads the engine, which would print its log
    from impasto.runs.run import resumed_job

    job, state = resumed_job(path)
    if not os.path.isdir(job.folder):
        raise CheckpointError(
            "the folder {folder}, in which the run was started, is not there", folder=job.folder
        )
    os.chdir(job.folder)
    run_shown(job, talk, threads, (state, path), hands)


def _checkpoint_of(path: Path) -> Path:
    """Return the checkpoint that is meant: the one beside a picture, or the file itself, whatever its name.

    Raises:
        CheckpointError: there is none.
    """
    beside = path.with_name(f"{path.name}.checkpoint")
    if os.path.isfile(beside):
        return beside
    if os.path.isfile(path):
        with path.open("rb") as file:
            is_zip = file.read(len(ZIP)) == ZIP
        if path.suffix != ".checkpoint" and not is_zip:
            raise CheckpointError("there is no unfinished run beside {path}", path=path)
        return path
    names = [entry.name for entry in path.parent.glob("*.checkpoint")] if os.path.isdir(path.parent) else []
    raise CheckpointError(
        "there is no checkpoint {path}{hint}", path=path, hint=did_you_mean(path.name, names)
    )


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("resume")(resume_command)
