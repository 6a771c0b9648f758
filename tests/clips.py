"""Small clips, made by PyAV itself: moving shapes, tones, tags of all kinds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

EVEN = tuple(range(0, 480, 40))
UNEVEN = (0, 40, 41, 100, 133, 200, 240, 300, 340, 350, 360, 1000)
"""Milliseconds at which frames are shown."""


def moving(count: int = 12, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Return uint8 frames: a red square that moves 2 px a frame over a blue and green ground."""
    rows, columns = np.mgrid[:height, :width]
    ground = np.stack([40 + 0 * rows, 200 * rows // height, 255 * columns // width], axis=2).astype(np.uint8)
    frames = []
    for index in range(count):
        frame = ground.copy()
        left = 4 + 2 * index
        frame[height // 4 : height // 2, left : left + height // 4] = (230, 30, 40)
        frames.append(frame)
    return frames


def moving_mask(count: int = 12, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Return uint8 frames: white where the square of `moving` is, black elsewhere."""
    return [
        np.where(frame[..., :1] > 200, 255, 0).astype(np.uint8).repeat(3, 2)
        for frame in moving(count, height, width)
    ]


def film(
    path: Path,
    frames: list[np.ndarray] | None = None,
    times: tuple[int, ...] | None = None,
    *,
    base: Fraction = Fraction(1, 1000),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    colors: tuple[int, int, int, int] = (1, 1, 1, 1),
    aspect: Fraction | None = None,
    rotation: int = 0,
    sound: tuple[str, ...] = (),
    gop: int | None = None,
    **tags: str,
) -> Path:
    """Write a film; colors are range, matrix, primaries and transfer function by their codes."""
    frames = moving() if frames is None else frames
    times = times or tuple(40 * n for n in range(len(frames)))
    full, matrix, primaries, transfer = colors
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, context = pix_fmt, stream.codec_context
        stream.time_base = context.time_base = base
        context.color_range, context.colorspace = full, matrix
        context.color_primaries, context.color_trc = primaries, transfer
        stream.options = {"crf": "4"} if codec in ("libx264", "libx265") else {}
        if aspect:
            context.sample_aspect_ratio = aspect
        if gop:
            context.gop_size = gop
        if rotation:
            stream.set_display_rotation(rotation)
        tracks = [_track(container, name) for name in sound]
        container.metadata.update(tags)
        for pixels, time in zip(frames, times, strict=True):
            whole = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame = whole.reformat(
                format=pix_fmt, src_color_range=2, dst_color_range=full, dst_colorspace=matrix
            )
            frame.color_primaries, frame.color_trc = primaries, transfer
            frame.pts, frame.time_base = int(Fraction(time, 1000) / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for track in tracks:
            container.mux(_tone(track))
    return path


def _track(container, name):
    track = container.add_stream(name, rate=48_000)
    track.layout = "stereo"
    return track


def _tone(track, seconds: float = 0.5):
    context = track.codec_context
    form = context.format.name
    resampler = av.AudioResampler(form, "stereo", 48_000, frame_size=context.frame_size or 1024)
    wave = np.sin(2 * np.pi * 440 * np.arange(int(48_000 * seconds)) / 48_000)
    frame = av.AudioFrame.from_ndarray(np.tile(wave, (2, 1)).astype("f4"), "fltp", "stereo")
    frame.sample_rate, frame.pts = 48_000, 0
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        yield from track.encode(part)
    yield from track.encode(None)


def packets(path: Path, kind: str = "audio") -> list[bytes]:
    """Return the bytes of a file's packets of sound or pictures."""
    with av.open(str(path)) as container:
        streams = getattr(container.streams, kind)
        found = [(p.stream_index, bytes(p)) for p in container.demux(streams) if p.size]
    return [data for _, data in sorted(found, key=lambda pair: pair[0])]


def seconds(path: Path) -> list[Fraction]:
    """Return when the frames of a film are shown, by the file's clock."""
    with av.open(str(path)) as container:
        return [Fraction(frame.pts) * frame.time_base for frame in container.decode(video=0)]
