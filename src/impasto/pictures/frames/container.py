"""Videos inward: what a container's frames show, upright, of square pixels, as sRGB.

FFmpeg, through PyAV, decodes; it may open nothing but the file itself, and only the formats of films: a
playlist that names other files or addresses is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError, ImpastoError, Message
from impasto.pictures.decoding import reason
from impasto.pictures.frames.clip import RATE, Clip, Frame, shown_from, with_durations
from impasto.pictures.frames.colors import VideoColors, colors_of
from impasto.pictures.reading import check_size

FORMATS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "asf", "flv", "ogg", "nut", "mxf", "ivf", "rm",
    "h264", "hevc", "m4v", "dv", "mjpeg", "webm", "wtv", "y4m", "yuv4mpegpipe", "av1", "obu",
)  # fmt: skip
"""Demuxers that may open a file."""
KEPT_TAGS = (
    "title", "artist", "album", "album_artist", "composer", "genre", "date", "creation_time", "copyright",
    "description", "language",
)  # fmt: skip
"""Of a file; where it was filmed is left out, as EXIF's GPS block is."""
MOST_DAMAGED = 100
"""Packets that cannot be decoded one after the other, after which the video is given up."""


def pyav() -> Any:
    """Return PyAV, silent.

    Raises:
        ImageError: it is not installed.
    """
    try:
        import av
        import av.logging
    except ImportError as error:
        raise ImageError("videos need PyAV; run {command}", command="pip install 'impasto[video]'") from error
    av.logging.set_level(None)
    return av


@contextmanager
def video_errors(name: str) -> Iterator[None]:
    """Make any error of FFmpeg an ImageError about the named file."""
    try:
        yield
    except ImpastoError:
        raise
    except MemoryError as error:
        raise ImageError("{name} does not fit in memory; reduce it first", name=name) from error
    except Exception as error:  # PyAV's are of many classes, and damaged files raise others, too
        raise ImageError(
            "{name} is damaged, cut short or no video: {reason}", name=name, reason=reason(error)
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield a video's container for reading."""
    options = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
    container = pyav().open(f"file:{path}", options=options, metadata_errors="replace")
    try:
        yield container
    finally:
        container.close()


def open_container(path: Path) -> Clip:
    """Return a video as a clip; its first frame is decoded, for what only frames tell.

    Raises:
        ImageError: it is no video, is damaged, or its colors cannot be converted.
    """
    with video_errors(path.name), opened(path) as container:
        stream = picture_stream(container, path.name)
        check_size((stream.height, stream.width), path.name)
        for frame in _decoded(container, stream):
            return _clip(path, container, stream, frame)
    raise ImageError("{name} has no frame that can be read; it is damaged or cut short", name=path.name)


def picture_stream(container: Any, name: str) -> Any:
    """Return the stream of moving pictures.

    Raises:
        ImageError: there is none, as in a song with its cover.
    """
    moving = [s for s in container.streams.video if not int(s.disposition) & ATTACHED]
    if moving:
        return moving[0]
    if container.streams.audio:
        raise ImageError("{name} holds only sound; name a video, which has frames", name=name)
    raise ImageError("{name} holds no moving pictures; name a video, which has frames", name=name)


ATTACHED = 0x0400
"""Disposition of a stream that is a cover (AV_DISPOSITION_ATTACHED_PIC)."""


def _clip(path: Path, container: Any, stream: Any, frame: Any) -> Clip:
    colors = colors_of(frame, path.name)
    begins = frame.pts if frame.pts is not None else stream.start_time or 0
    starts = [begins * stream.time_base]
    starts += [s.start_time * s.time_base for s in container.streams.audio if s.start_time is not None]
    seconds = None if container.duration is None else container.duration / 1_000_000
    if stream.duration:
        seconds = float(stream.duration * stream.time_base)
    rate = stream.average_rate or stream.guessed_rate or RATE
    shape = _shape(frame, stream)
    check_size(shape, path.name)
    notes = []
    if colors.hdr:
        notes.append(
            Message("{name} is HDR ({transfer}) and is tone-mapped", name=path.name, transfer=colors.hdr)
        )
    if container.streams.subtitles:
        notes.append(Message("the subtitles of {name} are left out", name=path.name))
    if frame.interlaced_frame:
        notes.append(Message("{name} is interlaced; its frames are taken as they are", name=path.name))
    return Clip(
        path=path,
        kind="video",
        shape=shape,
        time_base=Fraction(stream.time_base),
        rate=Fraction(rate),
        count=stream.frames or None,
        seconds=seconds,
        notes=tuple(notes),
        sound=tuple(s.codec_context.codec.canonical_name for s in container.streams.audio),
        tags={name: value for name, value in container.metadata.items() if name.lower() in KEPT_TAGS},
        origin=max(Fraction(0), min(starts)),
        read=_read,
    )


def _turns(frame: Any) -> int:
    """Return by how many right angles, counterclockwise, a frame is to be turned."""
    return int(round(frame.rotation / 90) % 4)


def _shape(frame: Any, stream: Any) -> tuple[int, int]:
    """Return the (height, width) of a frame, upright and of square pixels."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    width = round(frame.width * aspect) if aspect > 0 else frame.width
    shape = frame.height, max(1, width)
    return shape[::-1] if _turns(frame) % 2 else shape


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the frames of a stream; packets that cannot be decoded are passed over.

    Raises:
        ImageError: too many of them cannot.
    """
    errors, damaged = pyav().error.FFmpegError, 0
    # FFmpeg's threads of HEVC frames wait for each other forever in some damaged files
    stream.thread_type = "SLICE" if stream.codec_context.name == "hevc" else "AUTO"
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except errors:
            damaged += 1
            if damaged > MOST_DAMAGED:
                raise
            continue
        damaged = 0
        yield from frames


def count_frames(clip: Clip, stop: int | None = None, most: int | None = None) -> int:
    """Return how many frames of a video can be read, by decoding them.

    Args:
        clip: a video.
        stop: the tick before which frames are counted; all if None.
        most: of them, that are counted.

    Raises:
        ImageError: it is damaged.
    """
    with video_errors(clip.name), opened(clip.path) as container:
        shown = with_durations(_timed(clip, container, picture_stream(container, clip.name)))
        wanted = itertools.takewhile(lambda one: stop is None or one[0] < stop, shown)
        return sum(1 for _ in itertools.islice(wanted, most))


def _read(clip: Clip, shape: tuple[int, int], start: int) -> Iterator[Frame]:
    with video_errors(clip.name), opened(clip.path) as container:
        stream = picture_stream(container, clip.name)
        if start:
            with suppress(
                pyav().error.FFmpegError
            ):  # a stream that cannot be sought is read from its beginning
                container.seek(start + round(clip.origin / clip.time_base), stream=stream)
        index = -1
        shown = shown_from(start, with_durations(_timed(clip, container, stream)))
        for index, (ticks, duration, frame) in enumerate(shown):
            pixels, alpha = _pixels(frame, shape, clip.name)
            yield Frame(index=index, ticks=ticks, duration=duration, pixels=pixels, alpha=alpha)
    if index < 0:
        raise ImageError("{name} has no frame that can be read; it is damaged or cut short", name=clip.name)


def _timed(clip: Clip, container: Any, stream: Any) -> Iterator[tuple[int, Any, int]]:
    """Yield (ticks, frame, its own duration), the clip's beginning being 0."""
    origin = round(clip.origin / clip.time_base)
    usual = max(1, round(1 / (clip.rate * clip.time_base)))
    ticks = -usual
    for frame in _decoded(container, stream):
        shown = frame.pts if frame.pts is not None else frame.dts
        ticks = ticks + usual if shown is None else max(0, shown - origin)
        yield ticks, frame, frame.duration or usual


def _pixels(
    frame: Any, shape: tuple[int, int], name: str
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return a decoded frame's pixels and alpha in a (height, width), upright."""
    colors, turns = colors_of(frame, name), _turns(frame)
    height, width = shape[::-1] if turns % 2 else shape
    values = _rgb(frame, colors, (height, width))
    pixels = np.ascontiguousarray(np.rot90(colors.to_srgb(values[..., :3]), turns))
    if values.shape[2] == 3:
        return pixels, None
    alpha = np.rot90(values[..., 3].astype(np.float32) / np.float32(np.iinfo(values.dtype).max), turns)
    return pixels, np.ascontiguousarray(alpha) if alpha.min() < 1 else None


def _rgb(frame: Any, colors: VideoColors, shape: tuple[int, int]) -> NDArray[Any]:
    """Return uint8 or, of more than 8 bits, uint16 (height, width, 3 or 4), full range, resized."""
    from av.video.reformatter import Interpolation

    deep = max(component.bits for component in frame.format.components) > 8
    alpha = any(c.is_alpha for c in frame.format.components)
    form = {(0, 0): "rgb24", (0, 1): "rgba", (1, 0): "rgb48le", (1, 1): "rgba64le"}[deep, alpha]
    careful = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    rgb = frame.reformat(
        width=shape[1],
        height=shape[0],
        format=form,
        src_colorspace=colors.matrix,
        src_color_range=2 if colors.full else 1,
        dst_color_range=2,
        interpolation=careful | Interpolation.FULL_CHR_H_INP,
        threads=1,
    )
    return np.asarray(rgb.to_ndarray())
