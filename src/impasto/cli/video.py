"""The command ``impasto video``: a clip repainted frame by frame, and what ``impasto plan`` says of one."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.asked import check_asked
from impasto.cli.console import (
    EXIT_BY_SIGNAL,
    Bar,
    duration,
    end,
    note,
    print_json,
    print_table,
    progress_bar,
    say,
)
from impasto.cli.language import tell
from impasto.cli.options import (
    Json,
    NoRecipe,
    Painting,
    PresetName,
    Quiet,
    RecipeFile,
    RegionOptions,
    StyleOptions,
    Threads,
    advanced,
    everyday,
    parsed,
    with_setting_options,
)
from impasto.cli.places import STREAM, placed
from impasto.cli.stylize import Talk, named_inputs, read_recipe_file
from impasto.cli.weights import ensure_networks
from impasto.errors import Argument, Message, SettingError
from impasto.files import as_typed
from impasto.presets import settings_for
from impasto.runs.keyframes import Keyframes, seconds_of

if TYPE_CHECKING:
    from impasto.pictures.frames.clip import Clip
    from impasto.recipes import Recipe
    from impasto.runs.video import VideoOutcome, VideoStep
    from impasto.runs.video_job import VideoJob
    from impasto.settings import Settings

STEADYING_SECONDS = 2.5e-7
"""Per pixel of a frame: what drawing it to the one before takes on a processor."""
USUAL = {"method": "onepass"}
"""What videos have by default, other than pictures."""
ClipName = Annotated[
    str,
    typer.Argument(
        metavar="CLIP", help="The video, GIF, animated WebP or PNG, or frames/%04d.png.", show_default=False
    ),
]
VideoOutput = Annotated[
    str | None,
    everyday(
        "-o",
        "--output",
        metavar="FILE",
        help="Where to: .mp4, .mov, .mkv, .gif, .webp, .apng or frames/%04d.png; else beside the clip.",
    ),
]
StillnessNumber = Annotated[
    float | None,
    everyday(
        "--stillness",
        metavar="NUMBER",
        help="How much a painting is drawn to the one before, 0 to 100; 0 paints each by itself.",
    ),
]
Preview = Annotated[
    str | None,
    everyday("--preview", metavar="TIME", help="Paint only the beginning, such as 3s."),
]
Rate = Annotated[
    str | None,
    advanced(
        "--rate",
        metavar="NUMBER",
        help="Frames per second of numbered pictures, such as 30 or 30000/1001; 25 by default.",
    ),
]
Anew = Annotated[bool, everyday("--overwrite", help="Replace an existing file, and begin anew.")]
VideoQuality = Annotated[
    int | None,
    advanced("--quality", metavar="NUMBER", help="Of the video, 1 to 100."),
]


def _value(name: str, text: str) -> Any:
    """Return an option's text as a setting's value; strengths at several times as they are for a video."""
    return Keyframes.parsed(text) if name == "strength" and ":" in text else parsed(name, text)


def _with_video_settings(command: Any) -> Any:
    return with_setting_options(command, _value, usual=USUAL, hidden=("refine", "refine_network"))


@_with_video_settings
def video_command(
    clip: ClipName,
    painting: Painting = None,
    *,
    output: VideoOutput = None,
    style: StyleOptions = None,
    region: RegionOptions = None,
    preset: PresetName = None,
    recipe: RecipeFile = None,
    stillness: StillnessNumber = None,
    preview: Preview = None,
    rate: Rate = None,
    overwrite: Anew = False,
    quality: VideoQuality = None,
    no_recipe: NoRecipe = False,
    quiet: Quiet = False,
    json: Json = False,
    threads: Threads = None,
    settings: Any,
) -> None:
    """Repaint the video CLIP in the style of the picture STYLE, steadily, with its sound.

    A run that was ended goes on with the same command. Strength may change: --strength 0:20,5s:80.

    Example: impasto video clip.mp4 painting.jpg --preview 3s
    """
    from impasto.runs.video_job import VideoJob

    talk = Talk(quiet, False, json)
    known = read_recipe_file(recipe, silent=bool(talk.quiet or painting or style))
    named = named_inputs(clip, [*([painting] if painting else []), *(style or [])], region or [], known)
    before = dict(known.video or {}) if known else {}
    own = _own(before, stillness=stillness, quality=quality, seconds=preview and seconds_of(preview))
    keyframes = _keyframes(settings, before)
    asked = video_settings(preset, known, settings)
    check_asked(replace(named, content=None), asked, settings, quiet=talk.quiet)
    source = _opened(clip, rate, before.get("rate"), talk)
    job = VideoJob(
        clip=source,
        inputs=named,
        settings=asked,
        output=_output(source, str(named.styles[0].source), output, overwrite),
        keyframes=keyframes,
        overwrite=overwrite,
        recipe=not no_recipe,
        **own,
    )
    _run(job, talk, threads)


def _opened(clip: str, typed: str | None, before: str | None, talk: Talk) -> Clip:
    """Return a clip, with the frames per second that were typed or are a recipe's."""
    from impasto.pictures.frames.opening import open_clip

    source = open_clip(clip, _rate(typed or before))
    if typed and source.kind != "sequence":
        talk.remark(Message("{name} is read with numbered pictures only", name=Argument("rate")))
    return source


def _own(before: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Return what only videos have, by name: as it was given, or else as a recipe has it."""
    known = {name: before[name] for name in given if name in before}
    return known | {name: value for name, value in given.items() if value is not None}


def video_settings(preset: str | None, known: Recipe | None, given: Mapping[str, Any]) -> Settings:
    """Return the settings of every frame: of one pass, unless the optimization is asked for by its name.

    The recipe of a picture or a preset, whose method is the one for pictures, does not; nor do they refine.
    """
    before = dict(known.settings) if known else {}
    method = before.get("method") if known and known.video else None
    plain = {"method": method or USUAL["method"], "refine": 0, "refine_network": None}
    return settings_for(preset, {**before, **plain, **given})


def _keyframes(settings: dict[str, Any], before: dict[str, Any]) -> Keyframes | None:
    """Return the strengths at several times that were asked for now, or in a recipe if none are."""
    if isinstance(settings.get("strength"), Keyframes):
        keyframes: Keyframes = settings.pop("strength")
        return keyframes
    if "strength" in settings or "strength" not in before:
        return None
    try:
        return Keyframes(tuple((float(time), float(strength)) for time, strength in before["strength"]))
    except (TypeError, ValueError) as error:
        raise SettingError(
            "the recipe must list times and strengths, not {value!r}", value=before["strength"]
        ) from error


def _rate(text: str | None) -> Any:
    """Return frames per second as a fraction."""
    from fractions import Fraction

    if text is None:
        return None
    try:
        rate = Fraction(text)
        if 0 < rate <= 1000:
            return rate
    except (ValueError, ZeroDivisionError):
        pass
    raise SettingError(
        "{name} must be frames per second above 0, up to 1000, such as 30 or 30000/1001, not {text!r}",
        name=Argument("rate"),
        text=text,
    )


def _output(clip: Clip, style: str, output: str | None, overwrite: bool) -> Path:
    """Return the video's file; a made-up name is that of the unfinished run if there is one."""
    if output == STREAM:
        raise SettingError("a video needs a file; name one with {output}", output=Argument("output"))
    if output is not None and "%" in Path(output).name:
        return Path(output)
    if clip.kind == "sequence" and output is None:
        raise SettingError(
            "the video of numbered pictures needs a name; give one with {output}", output=Argument("output")
        )
    made_up = output is None or output.endswith(("/", "\\")) or os.path.isdir(output)
    suffix = clip.path.suffix.lstrip(".").lower() if clip.kind == "animation" else "mp4"
    form = ("apng" if suffix == "png" else suffix) if made_up else None
    stem = Path(clip.path.name.replace("%", ""))
    with placed(str(clip.path.with_name(stem.name)), style, output, form, True) as place:
        first = place.output
    if not made_up or os.path.isdir(first.with_name(f"{first.name}.parts")):
        return first
    with placed(str(clip.path), style, output, form, overwrite) as place:
        return place.output


def unfinished_folder(path: Path) -> Path | None:
    """Return the folder of an unfinished video, by itself or by the video's name; None if there is none."""
    beside = path.with_name(f"{path.name.replace('%', '')}.parts")
    return next((folder for folder in (path, beside) if os.path.isfile(folder / "manifest.json")), None)


def resume_video(folder: Path, talk: Talk, threads: int | None) -> None:
    """Go on with a video by the folder of its segments.

    Raises:
        CheckpointError: the folder does not tell what the video was made with.
    """
    from impasto.names import check_names
    from impasto.runs.video_job import video_of
    from impasto.runs.video_parts import unfinished_text

    text = unfinished_text(folder)
    os.chdir(text["folder"])
    job = video_of(text)
    check_names(None, job.inputs.styles, job.inputs.regions, [job.settings])
    _run(job, talk, threads, resumed=True)


def _run(job: VideoJob, talk: Talk, threads: int | None, *, resumed: bool = False) -> None:
    """Run a job, showing its progress, and end the program as its outcome asks for."""
    from impasto.engine import runtime
    from impasto.runs.video_parts import check_video_output

    check_video_output(job)
    began = time.monotonic()
    runtime.start_program(threads)  # before anything else loads the engine, which would print its log
    ensure_networks([job.settings])
    from impasto.runs.video import run_video

    with progress_bar(quiet=talk.quiet) as bar:
        outcome = run_video(job, lambda step: _show(bar, step), bar.note, resumed=resumed)
    seconds = time.monotonic() - began
    if talk.json:
        print_json(_report(job, outcome, seconds))
    for remark in bar.untold(outcome.notes):
        talk.remark(remark)
    _tell_end(job, outcome, seconds, talk)


def _show(bar: Bar, step: VideoStep) -> None:
    height, width = step.shape
    of = f"{step.frame}/{step.frames}" if step.frames else f"{step.frame}"
    rate = Message("{rate} frames/s", rate=f"{step.rate:.1f}") if step.frame > 1 else ""
    words = f"{width} x {height} px, {of}"
    bar.show(words, step.frame, step.frames or step.frame, step.seconds_left, tell(rate))


def _tell_end(job: VideoJob, outcome: VideoOutcome, seconds: float, talk: Talk) -> None:
    if outcome.interruption and not outcome.frames:
        say("Interrupted before the first frame; nothing was written.")
    elif outcome.interruption:
        say("Interrupted; {count} frames are in {path}.", count=outcome.frames, path=job.output)
        talk.remark(Message("go on with {command}", command=f"impasto resume {as_typed(job.output)}"))
    if outcome.interruption:
        end(EXIT_BY_SIGNAL + outcome.interruption)
    painted = outcome.frames - outcome.resumed
    talk.say(
        "{path}: {count} frames of {width} x {height} px in {time}, {rate} frames/s.",
        path=job.output,
        count=outcome.frames,
        width=outcome.shape[1],
        height=outcome.shape[0],
        time=duration(seconds),
        rate=f"{painted / seconds:.1f}",
    )


def _report(job: VideoJob, outcome: VideoOutcome, seconds: float) -> dict[str, Any]:
    """Return what became of a job, for another program."""
    painted = outcome.frames - outcome.resumed
    return {
        "output": str(job.output) if outcome.frames else None,
        "width": outcome.shape[1],
        "height": outcome.shape[0],
        "frames": outcome.frames,
        "resumed_frames": outcome.resumed,
        "shots": outcome.shots,
        "seconds": round(seconds, 2),
        "frames_per_second": round(painted / seconds, 3),
        "notes": list(outcome.notes),
        "interrupted_by_signal": outcome.interruption,
        "unfinished": None if outcome.folder is None else str(outcome.folder),
    }


def is_video(content: str) -> bool:
    """Return whether a name is a film's or numbered pictures'; of a GIF the first picture is meant."""
    path = Path(content)
    if "%" in path.name:
        return not os.path.exists(path)
    if not os.path.isfile(path):
        return False
    from impasto.pictures.frames.animation import is_picture

    with path.open("rb") as file:
        head = file.read(16)
    return len(head) == 16 and not is_picture(head)


def plan_video(content: str, settings: Settings, json: bool) -> None:
    """Print what painting a video would take: frames, predicted time and memory."""
    from impasto.engine import runtime
    from impasto.pictures.frames.opening import open_clip
    from impasto.runs.video_job import VideoJob

    clip = open_clip(content)
    inputs = named_inputs(content, ["mosaic"], [], None)  # no style matters to the time
    job = VideoJob(clip=clip, inputs=inputs, settings=settings, output=Path("plan.mp4"))
    runtime.start_program()
    from impasto.forecast import plan_picture
    from impasto.preparation import load_networks_for
    from impasto.runs.shot_optimizer import further_settings

    networks, (height, width) = load_networks_for(settings), job.shape
    plan = usual = plan_picture(job.shape, networks, settings)
    if settings.method == "optimize":
        usual = plan_picture(job.shape, networks, further_settings(settings, job.shape))
    each = usual.seconds - usual.start + STEADYING_SECONDS * height * width
    frames = job.expected or 0
    seconds = plan.seconds + max(0, frames - 1) * each
    if json:
        print_json(
            {
                "width": width,
                "height": height,
                "frames": frames,
                "seconds": round(seconds, 1),
                "seconds_per_frame": round(each, 3),
                "memory": plan.memory,
                "free_memory": plan.free,
            }
        )
        return
    rows = [
        ["pixels", f"{width} x {height}"],
        ["frames", str(frames) if frames else "?"],
        ["time", Message("about {time}", time=duration(float(f"{seconds:.1g}")))],
        ["frames per second", f"{1 / each:.1f}"],
        ["memory, peak", f"about {plan.memory / 2**30:.1f} GiB"],
        ["sound", ", ".join(clip.sound) or "-"],
    ]
    print_table(["prediction", ""], rows, header=False)
    for remark in clip.notes:
        note(remark)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("video")(video_command)
