"""Segments: parts of a clip that is being made, each a closed file, which are joined at the end.

What will be a film is encoded once, as H.264, whose packets are joined as they are. What will be an animation
or numbered pictures is kept without loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImpastoError, OutputError
from impasto.pictures.decoding import reason
from impasto.pictures.frames.container import opened, pyav

SUFFIX = {"h264": ".mp4", "ffv1": ".nut"}
"""Of segments, by the codec."""
KEY_SECONDS = 5
"""At most so far apart are the frames at which a player can begin."""


THREADS = 4
"""Of x264, whose choices depend on how many there are: so a film is the same wherever it is written."""


def crf_of(quality: int) -> int:
    """Return x264's constant rate factor of a quality from 1 to 100: 18 at 80, 13 at 100."""
    return round(38 - quality / 4)


class SegmentWriter:
    """Writes one segment; its first frame is shown at 0.

    Args:
        path: where to.
        shape: (height, width), even sides for H.264.
        time_base: seconds of a tick.
        rate: frames per second, about.
        codec: ``h264``, or ``ffv1`` without loss and with alpha.
        quality: 1 to 100, of H.264.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int],
        time_base: Fraction,
        rate: Fraction,
        codec: str = "h264",
        quality: int = 80,
    ) -> None:
        self._base, self._step = Fraction(1, time_base.denominator), time_base.numerator
        self._start: int | None = None
        self._lossless = codec == "ffv1"
        self._container = pyav().open(f"file:{path}", "w")
        name = "ffv1" if self._lossless else "libx264"
        self._stream: Any = self._container.add_stream(name, rate=rate.limit_denominator(1001))
        stream, context = self._stream, self._stream.codec_context
        stream.height, stream.width = shape
        stream.time_base = context.time_base = self._base
        stream.pix_fmt = "bgra" if self._lossless else "yuv420p"
        if not self._lossless:
            context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
            context.color_range = 1
            context.thread_count = THREADS
            context.gop_size = max(1, round(KEY_SECONDS * rate))
            stream.options = {"crf": str(crf_of(quality)), "preset": "medium"}

    def add(self, pixels: NDArray[Any], ticks: int, alpha: NDArray[Any] | None = None) -> None:
        """Add a frame.

        Args:
            pixels: floats (height, width, 3), sRGB; values beyond [0, 1] are clipped.
            ticks: when it is shown, later than the frame before.
            alpha: (height, width) in [0, 1]; kept without loss, left out by H.264.
        """
        av: Any = pyav()
        levels = _levels(pixels)
        if self._lossless:
            cover = np.full(levels.shape[:2], 255, np.uint8) if alpha is None else _levels(alpha)
            frame = av.VideoFrame.from_ndarray(np.dstack([levels[..., ::-1], cover]), "bgra")
        else:
            whole = av.VideoFrame.from_ndarray(levels, "rgb24")
            frame = whole.reformat(
                format="yuv420p",
                src_color_range=2,
                dst_colorspace=1,
                dst_color_range=1,
                interpolation=_careful(),
                threads=1,
            )
            frame.color_primaries = frame.color_trc = 1
        self._start = ticks if self._start is None else self._start
        frame.pts, frame.time_base = (ticks - self._start) * self._step, self._base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._container.close()


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Make any error of FFmpeg or the disk an OutputError about a file that is written.

    Raises:
        OutputError: such as of a disk that is full.
    """
    try:
        yield
    except ImpastoError:
        raise
    except (pyav().error.FFmpegError, OSError) as error:
        raise OutputError(
            "{path} cannot be written: {reason}; choose another place", path=path, reason=reason(error)
        ) from error


def _careful() -> Any:
    from av.video.reformatter import Interpolation

    return Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def _levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)


def segment_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a segment without loss: uint8 (height, width, 4), RGBA."""
    with opened(path) as container:
        for frame in container.decode(container.streams.video[0]):
            yield np.asarray(frame.to_ndarray(format="rgba"))
