"""Segments become one file: a film with its sound, an animation, or numbered pictures."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from impasto.errors import SettingError, did_you_mean
from impasto.files import write_whole
from impasto.pictures.decoding import pillow_errors, srgb_profile
from impasto.pictures.frames.clip import Clip
from impasto.pictures.frames.container import opened, pyav
from impasto.pictures.frames.segment import segment_frames, writing_errors
from impasto.pictures.frames.sequence import numbered
from impasto.pictures.frames.sound import SoundTrack, add_track
from impasto.pictures.writing import RECIPE_KEY, OutputOptions, recipe_exif, write_picture

FILMS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
ANIMATIONS = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff")
RECIPE_TAG = "comment"
"""Of a film's tags, the one with the recipe."""
MOST_ANIMATED = 2 * 10**9
"""Pixels of all frames of an animation together, which Pillow keeps until it is written."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A segment and where it belongs.

    Attributes:
        path: its file.
        times: when each of its frames is shown, in the clip's time base.
    """

    path: Path
    times: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Joining:
    """What a file is made of besides its segments.

    Attributes:
        clip: whose sound and tags it gets.
        parts: the segments, in order.
        end: in the clip's time base, when the last frame ends.
        recipe: as text, or None.
        whole: whether it ends where the clip ends; sound beyond the last frame is left out otherwise.
        quality: 1 to 100, of animations and numbered pictures.
    """

    clip: Clip
    parts: Sequence[Part]
    end: int
    recipe: str | None = None
    whole: bool = True
    quality: int = 80


def codec_for(path: Path) -> str:
    """Return the codec of the segments of a clip that goes to a file.

    Raises:
        SettingError: the name does not say its format, or an unknown one.
    """
    suffix = path.suffix.lower()
    if "%" in path.name:
        numbered(path, 0)
        if suffix not in PICTURES:
            raise SettingError(
                "numbered pictures must end in one of {allowed}, not {suffix!r}",
                allowed=", ".join(PICTURES),
                suffix=suffix,
            )
        return "ffv1"
    if suffix in FILMS:
        return "h264"
    if suffix in ANIMATIONS:
        return "ffv1"
    allowed = (*FILMS, *ANIMATIONS)
    raise SettingError(
        "the video must end in one of {allowed} or be numbered as in frames/%04d.png, not {suffix!r}{near}",
        allowed=", ".join(allowed),
        suffix=suffix,
        near=did_you_mean(suffix, allowed),
    )


def check_animated(path: Path, count: int, shape: tuple[int, int]) -> None:
    """Refuse an animation that would not fit in memory.

    Raises:
        SettingError: it would not.
    """
    animated = path.suffix.lower() in ANIMATIONS and "%" not in path.name
    if animated and count * shape[0] * shape[1] > MOST_ANIMATED:
        raise SettingError(
            "an animation may have at most {most} megapixels in all frames, not {count} frames of {width} x "
            "{height} px; choose .mp4",
            most=MOST_ANIMATED // 10**6,
            count=count,
            width=shape[1],
            height=shape[0],
        )


def join(path: Path, joining: Joining, *, overwrite: bool = True) -> None:
    """Write the file of a clip's segments, whole or not at all.

    Args:
        path: a film, an animation, or a pattern of numbered pictures, which are written one by one.
        joining: the segments and what else goes into it.
        overwrite: whether an existing file may be replaced.

    Raises:
        OutputError: it exists or cannot be written.
    """
    if "%" in path.name:
        _write_pictures(path, joining, overwrite)
        return
    write = _write_film if path.suffix.lower() in FILMS else _write_animation
    write_whole(path, lambda file: write(file, path, joining), overwrite=overwrite)


def _write_film(file: Any, path: Path, joining: Joining) -> None:
    clip, suffix = joining.clip, path.suffix.lower()
    # by its name, as FFmpeg reads it again to bring the index to the front, so that it plays while it comes
    more = {} if suffix == ".mkv" else {"movflags": "faststart"}
    with (
        writing_errors(path),
        ExitStack() as stack,
        pyav().open(f"file:{file.name}", "w", format=FILMS[suffix], options=more) as target,
    ):
        first = stack.enter_context(opened(joining.parts[0].path)).streams.video[0]
        video = target.add_stream_from_template(first)
        video.time_base = Fraction(1, clip.time_base.denominator)
        target.metadata.update(clip.tags)
        if joining.recipe is not None:
            target.metadata[RECIPE_TAG] = joining.recipe
        end = None if joining.whole else joining.end * clip.time_base
        sounds = [track.packets(clip.origin, end) for track in _tracks(clip, target, suffix, stack)]
        for _, packet in heapq.merge(_pictures(joining, video), *sounds, key=lambda timed: timed[0]):
            target.mux(packet)


def _tracks(clip: Clip, target: Any, suffix: str, stack: ExitStack) -> list[SoundTrack]:
    """Return the streams of sound, each read from a container of its own."""
    tracks = []
    for index in range(len(clip.sound)):
        source = stack.enter_context(opened(clip.path)).streams.audio[index]
        tracks.append(add_track(target, source, suffix))
    return tracks


def _pictures(joining: Joining, target: Any) -> Iterator[tuple[Fraction, Any]]:
    """Yield (second, packet) of the segments, one after the other."""
    base, latest = joining.clip.time_base, None
    last = joining.parts[-1].times[-1]
    for part in joining.parts:
        with opened(part.path) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size == 0:
                    continue
                shift = int(part.times[0] * base / packet.time_base)
                shown = packet.pts + shift
                # a segment's first frames are decoded before they are shown, in the time of the one before
                decoded = packet.dts + shift if latest is None else max(packet.dts + shift, latest + 1)
                packet.pts, packet.dts, latest = shown, decoded, decoded
                if shown * packet.time_base == last * base:
                    packet.duration = int((joining.end - last) * base / packet.time_base)
                packet.stream = target
                yield decoded * packet.time_base, packet


def _write_pictures(path: Path, joining: Joining, overwrite: bool) -> None:
    options = OutputOptions(recipe=joining.recipe, overwrite=overwrite, quality=joining.quality)
    keeps_alpha = path.suffix.lower() not in (".jpg", ".jpeg")
    for number, values in enumerate(_values(joining), 1):
        pixels = values.astype(np.float32) / np.float32(255)
        alpha = pixels[..., 3] if keeps_alpha and values[..., 3].min() < 255 else None
        write_picture(numbered(path, number), pixels[..., :3], replace(options, alpha=alpha))


def _values(joining: Joining) -> Iterator[Any]:
    return itertools.chain.from_iterable(segment_frames(part.path) for part in joining.parts)


def _images(joining: Joining) -> Iterator[Image.Image]:
    for values in _values(joining):
        image = Image.fromarray(values)
        yield image if values[..., 3].min() < 255 else image.convert("RGB")


def _write_animation(file: Any, path: Path, joining: Joining) -> None:
    form = ANIMATIONS[path.suffix.lower()]
    grain = 10 if form == "GIF" else 1  # milliseconds that its times are counted in
    times = [time for part in joining.parts for time in part.times] + [joining.end]
    marks = [round(time * joining.clip.time_base * 1000 / grain) * grain for time in times]
    durations = [max(grain, after - before) for before, after in itertools.pairwise(marks)]
    more: dict[str, Any] = {"loop": int(joining.clip.tags.get("loop", 0)), "duration": durations}
    recipe, images = joining.recipe, list(_images(joining))
    if form == "GIF":
        more |= {"comment": recipe.encode()} if recipe else {}
    elif form == "WEBP":
        lossless = joining.quality == 100 or images[0].mode == "RGBA"  # else libwebp drops the alpha
        more |= {"quality": joining.quality, "lossless": lossless, "exif": recipe_exif(recipe)}
        more |= {"icc_profile": srgb_profile()}
    else:
        more |= {"icc_profile": srgb_profile(), "pnginfo": PngImagePlugin.PngInfo()}
        if recipe:
            more["pnginfo"].add_itxt(RECIPE_KEY, recipe)
    with pillow_errors(path.name):
        images[0].save(file, form, save_all=True, append_images=images[1:], **more)
