"""The sound of a clip: its packets as they are where the new file can hold them, else encoded anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from impasto.pictures.frames.clip import Clip

HELD = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"),
    ".mkv": None,
}
"""Codecs that a file of a suffix holds; None: any."""
ENCODER, FORMAT, BITS_PER_SECOND = "aac", "fltp", 192_000
RATES = (16_000, 22_050, 32_000, 44_100, 48_000)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def is_copied(codec: str, suffix: str) -> bool:
    """Return whether sound of a codec goes into a file as it is."""
    held = HELD[suffix]
    return held is None or codec in held


def sound_notes(clip: Clip, suffix: str) -> list[str]:
    """Return sentences about what becomes of a clip's sound in a file of a suffix."""
    if suffix not in HELD:
        return [f"the sound of {clip.name} is left out, as {suffix} has none"] if clip.sound else []
    others = dict.fromkeys(codec for codec in clip.sound if not is_copied(codec, suffix))
    return [
        f"the sound of {clip.name} is encoded anew as AAC, as {suffix} cannot hold {name}" for name in others
    ]


@dataclass
class SoundTrack:
    """One stream of sound on its way from a container to another.

    Attributes:
        source: the stream that is read.
        target: the stream that is written.
        copied: whether packets go as they are.
    """

    source: Any
    target: Any
    copied: bool

    def packets(self, origin: Fraction, end: Fraction | None) -> Iterator[tuple[Fraction, Any]]:
        """Yield (second, packet) from the clip's beginning to a second.

        Args:
            origin: what the source's clock shows at the clip's beginning.
            end: the second, or None for the end.
        """
        packets = self._copies(origin) if self.copied else self._encoded(origin)
        for packet in packets:
            stamp = packet.dts if packet.dts is not None else packet.pts
            second = Fraction(stamp or 0) * packet.time_base
            if end is not None and second >= end:
                return
            packet.stream = self.target
            yield second, packet

    def _copies(self, origin: Fraction) -> Iterator[Any]:
        shift = round(origin / self.source.time_base)
        for packet in self.source.container.demux(self.source):
            if packet.size == 0:
                continue
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            yield packet

    def _encoded(self, origin: Fraction) -> Iterator[Any]:
        from av.audio.resampler import AudioResampler

        rate, layout = self.target.codec_context.sample_rate, self.target.layout
        resampler = AudioResampler(FORMAT, layout, rate, frame_size=1024)
        shift = round(origin * rate)
        for frame in itertools.chain(self.source.container.decode(self.source), [None]):
            for part in resampler.resample(frame):
                if part.pts is not None:
                    part.pts -= shift
                yield from self.target.encode(part)
        yield from self.target.encode(None)


def add_track(container: Any, source: Any, suffix: str) -> SoundTrack:
    """Add a stream for a source's sound to a container that is being written."""
    codec = source.codec_context.codec.canonical_name
    if is_copied(codec, suffix):
        return SoundTrack(source, container.add_stream_from_template(source), True)
    rate = min(RATES, key=lambda rate: abs(rate - source.rate))
    target = container.add_stream(ENCODER, rate=rate)
    target.layout = LAYOUTS.get(source.channels, "stereo")
    target.bit_rate = BITS_PER_SECOND
    return SoundTrack(source, target, False)
