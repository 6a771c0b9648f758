"""Clips inward and outward: exact times, upright, the right colors, sound; errors in one sentence."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")

from clips import EVEN, UNEVEN, film, moving, packets, seconds
from impasto.errors import ImageError, MissingFileError, SettingError
from impasto.pictures.frames.joining import Joining, Part, codec_for, join
from impasto.pictures.frames.opening import open_clip
from impasto.pictures.frames.recipe import read_clip_recipe
from impasto.pictures.frames.segment import SegmentWriter, segment_frames
from impasto.pictures.frames.sound import sound_notes


def times_of(clip):
    return [frame.ticks * clip.time_base for frame in clip.frames()]


def rejoined(source, target, folder, cuts=(5,), recipe=None, stop=None, **choices):
    """Write a clip's own frames in segments that are cut at some frames, and join them."""
    clip, codec = open_clip(source), codec_for(target)
    frames = list(clip.frames())[:stop]
    folder.mkdir(exist_ok=True)
    parts = []
    for start, end in zip((0, *cuts), (*cuts, len(frames)), strict=True):
        path = folder / f"{start}.{'mp4' if codec == 'h264' else 'nut'}"
        with SegmentWriter(path, frames[0].pixels.shape[:2], clip.time_base, clip.rate, codec, 100) as writer:
            for frame in frames[start:end]:
                writer.add(frame.pixels, frame.ticks, frame.alpha)
        parts.append(Part(path=path, times=tuple(frame.ticks for frame in frames[start:end])))
    end = frames[-1].ticks + frames[-1].duration
    join(target, Joining(clip=clip, parts=parts, end=end, recipe=recipe, whole=stop is None, **choices))
    return clip, frames


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".mov"])
@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_frames_come_with_their_exact_times(tmp_path, suffix, times):
    if suffix == ".avi" and times is UNEVEN:
        pytest.skip("AVI has no times of its own")
    codec, base = ("mpeg4", Fraction(1, 25)) if suffix == ".avi" else ("libx264", Fraction(1, 1000))
    path = film(tmp_path / f"clip{suffix}", times=times, base=base, codec=codec)
    clip = open_clip(path)
    assert times_of(clip) == [Fraction(time, 1000) for time in times]
    assert (clip.shape, clip.kind) == ((48, 64), "video")
    durations = [frame.duration * clip.time_base for frame in clip.frames()]
    assert durations[:-1] == [Fraction(b - a, 1000) for a, b in itertools.pairwise(times)]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.gif", "%02d.png"])
def test_a_frame_at_a_second_is_the_one_that_is_shown_then(tmp_path, name):
    source = film(tmp_path / "long.mkv", moving(28), tuple(40 * n for n in range(28)))
    if name.endswith("p4") or name.endswith("kv"):
        path = film(tmp_path / name, moving(28), tuple(40 * n for n in range(28)), gop=5)
    else:
        path, _ = tmp_path / name, rejoined(source, tmp_path / name, tmp_path / "parts")
    clip = open_clip(path)
    frames = list(clip.frames())
    for second, index in ((0, 0), (0.04, 1), (0.059, 1), (0.5, 12), (0.81, 20), (99, 27)):
        frame = clip.frame_at(second)
        assert (frame.index, frame.ticks) == (0, frames[index].ticks), second
        np.testing.assert_array_equal(frame.pixels, frames[index].pixels)
    assert clip.length == pytest.approx(28 * 0.04, abs=0.05)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_tone_mapped(tmp_path, transfer, name):
    """Signals of black, 26, 203 and 1000 cd/m2 by BT.2100; paper at 203 comes near white, all stay gray."""
    signals = {16: (0, 0.3752, 0.5806, 0.7518), 18: (0, 0.3833, 0.7500, 1.0)}[transfer]
    levels = np.asarray([round(255 * signal) for signal in signals], np.uint8)
    drawn = levels[np.mgrid[:48, :64][1] // 16][..., None].repeat(3, axis=2)
    path = film(
        tmp_path / "hdr.mkv", [drawn] * 2, codec="ffv1", pix_fmt="yuv444p10le", colors=(1, 9, 9, transfer)
    )
    clip = open_clip(path)
    assert list(clip.notes) == [f"hdr.mkv is HDR ({name}) and is tone-mapped"]
    pixels = next(clip.frames()).pixels
    seen = pixels[24, 8::16]
    assert np.abs(np.ptp(seen, axis=1)).max() < 0.02
    expected = [0, 0.394, 0.906, 1]  # 26 / 203 of linear light in sRGB; BT.2390's 162 / 203; white
    np.testing.assert_allclose(seen.mean(axis=1), expected, atol=0.02)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_film_plays_while_it_comes(tmp_path, suffix):
    rejoined(film(tmp_path / "clip.mkv", sound=("aac",)), tmp_path / f"out{suffix}", tmp_path / "parts")
    data = (tmp_path / f"out{suffix}").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert packets(tmp_path / f"out{suffix}") == packets(tmp_path / "clip.mkv")


def test_a_rate_that_is_no_decimal_is_kept(tmp_path):
    base = Fraction(1001, 30_000)
    path = film(tmp_path / "ntsc.mkv", base=base, times=tuple(round(1000 * n * base) + 1 for n in range(12)))
    film(path.with_suffix(".mp4"), base=Fraction(1, 90_000), times=EVEN)
    rejoined(path.with_suffix(".mp4"), tmp_path / "out.mp4", tmp_path / "parts")
    assert seconds(tmp_path / "out.mp4") == [Fraction(time, 1000) for time in EVEN]


def test_frames_show_what_was_filmed(tmp_path):
    for codec, pix_fmt in (("libx264", "yuv444p"), ("libx265", "yuv444p10le"), ("ffv1", "bgr0")):
        path = film(tmp_path / f"{codec}.mkv", codec=codec, pix_fmt=pix_fmt)
        for frame, drawn in zip(open_clip(path).frames(), moving(), strict=True):
            assert np.abs(frame.pixels * 255 - drawn).mean() < 2.5
            assert frame.pixels.dtype == np.float32


@pytest.mark.parametrize("full", [1, 2])
@pytest.mark.parametrize("matrix", [1, 5, 9])
def test_range_and_matrix_are_heeded(tmp_path, full, matrix):
    drawn = np.full((48, 64, 3), (200, 60, 90), np.uint8)
    path = film(tmp_path / "clip.mp4", [drawn] * 3, pix_fmt="yuv444p", colors=(full, matrix, 1, 1))
    frame = next(open_clip(path).frames())
    assert np.abs(frame.pixels * 255 - drawn).max() < 3


def test_wide_primaries_are_converted(tmp_path):
    drawn = np.full((48, 64, 3), (200, 60, 90), np.uint8)
    path = film(tmp_path / "clip.mp4", [drawn] * 3, pix_fmt="yuv444p", colors=(1, 9, 9, 14))
    red, green, blue = next(open_clip(path).frames()).pixels[20, 20] * 255
    # BT.2087's matrix from BT.2020 to BT.709 on linear light, by hand
    light = np.array([200, 60, 90]) / 255
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    light = np.clip(matrix @ light, 0, 1)
    wanted = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(np.array([red, green, blue]) - wanted).max() < 3


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_that_does_not_tell_its_colors_is_refused(tmp_path, transfer, name):
    colors = (1, 9, 2, transfer)
    path = film(tmp_path / "hdr.mp4", codec="libx265", pix_fmt="yuv420p10le", colors=colors)
    with pytest.raises(ImageError, match=rf"hdr\.mp4 is an HDR video \({name}\) that does not tell"):
        open_clip(path)


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_frames_are_upright(tmp_path, turn):
    path = film(tmp_path / "turned.mp4", rotation=turn, pix_fmt="yuv444p")
    clip = open_clip(path)
    wanted = np.rot90(moving()[0], turn // 90)
    frame = next(clip.frames())
    assert clip.shape == wanted.shape[:2] == frame.pixels.shape[:2]
    assert np.abs(frame.pixels * 255 - wanted).mean() < 3
    small = next(clip.frames((24, 20))).pixels
    assert small.shape == (24, 20, 3)


def test_pixels_become_square(tmp_path):
    path = film(tmp_path / "anamorphic.mp4", aspect=Fraction(4, 3))
    clip = open_clip(path)
    assert clip.shape == (48, 85)
    assert next(clip.frames()).pixels.shape == (48, 85, 3)


@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
def test_segments_become_one_film(tmp_path, times, name):
    source = film(tmp_path / "clip.mp4", times=times, title="A square", location="+52.5+13.4/")
    _, frames = rejoined(source, tmp_path / name, tmp_path / "parts", (1, 5, 6), '{"impasto": "1"}')
    assert seconds(tmp_path / name) == [Fraction(time, 1000) for time in times]
    found = open_clip(tmp_path / name)
    for before, after in zip(frames, found.frames(), strict=True):
        assert np.abs(before.pixels - after.pixels).mean() < 0.015
    assert {k.lower(): v for k, v in found.tags.items()}["title"] == "A square"
    assert read_clip_recipe(tmp_path / name) == '{"impasto": "1"}'
    assert b"13.4" not in (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("sound", "name", "copied"),
    [
        (("aac",), "out.mp4", True),
        (("libmp3lame", "libopus"), "out.mp4", True),
        (("flac",), "out.mkv", True),
        (("pcm_s16le",), "out.mov", True),
        (("pcm_s16le",), "out.mp4", False),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
)
def test_sound_is_copied_where_it_can_be(tmp_path, sound, name, copied):
    source = film(tmp_path / "clip.mkv", sound=sound)
    clip, _ = rejoined(source, tmp_path / name, tmp_path / "parts")
    notes = sound_notes(clip, (tmp_path / name).suffix)
    if copied:
        assert packets(tmp_path / name) == packets(source)
        assert not notes
    else:
        assert open_clip(tmp_path / name).sound == ("aac",)
        assert "is encoded anew as AAC" in notes[0]
        import av

        with av.open(str(tmp_path / name)) as container:
            wave = np.hstack([f.to_ndarray()[0] for f in container.decode(audio=0)])
        crossings = np.count_nonzero(np.diff(np.signbit(wave[2048:22_048])))
        assert abs(crossings / 2 / (20_000 / 48_000) - 440) < 5


def test_sound_ends_with_a_film_that_ends_early(tmp_path):
    source = film(tmp_path / "clip.mp4", sound=("aac",))
    rejoined(source, tmp_path / "out.mp4", tmp_path / "parts", (2,), stop=5)
    assert seconds(tmp_path / "out.mp4") == [Fraction(time, 1000) for time in EVEN[:5]]
    kept = packets(tmp_path / "out.mp4")
    assert 0 < len(kept) < len(packets(source))
    assert kept == packets(source)[: len(kept)]


def test_a_film_that_begins_late_begins_at_once(tmp_path):
    source = film(tmp_path / "clip.ts", times=tuple(t + 3000 for t in EVEN))
    assert times_of(open_clip(source)) == [Fraction(time, 1000) for time in EVEN]


def animated(path, times=(100, 50, 200), alpha=False):
    images = [Image.fromarray(frame) for frame in moving(len(times), 32, 40)]
    if alpha:
        images = [image.convert("RGBA") for image in images]
        for image in images:
            image.putalpha(Image.fromarray(np.where(np.mgrid[:32, :40][1] < 8, 0, 255).astype(np.uint8)))
    more = {"lossless": True} if path.suffix == ".webp" else {}
    form = "PNG" if path.suffix == ".apng" else None
    images[0].save(path, form, save_all=True, append_images=images[1:], duration=list(times), loop=0, **more)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_animations_in_and_out(tmp_path, suffix, alpha):
    source = animated(tmp_path / f"a{suffix}", alpha=alpha)
    clip = open_clip(source)
    assert (clip.kind, clip.count, clip.shape) == ("animation", 3, (32, 40))
    assert times_of(clip) == [0, Fraction(1, 10), Fraction(15, 100)]
    for frame, drawn in zip(clip.frames(), moving(3, 32, 40), strict=True):
        assert np.abs(frame.pixels * 255 - drawn)[:, 8:].mean() < (12 if suffix == ".gif" else 1)
        assert (frame.alpha is not None) == alpha
    out = tmp_path / f"out{suffix}"
    rejoined(source, out, tmp_path / "parts", (1,), '{"impasto": "1"}', quality=100)
    found = open_clip(out)
    assert times_of(found) == times_of(clip)
    assert [f.duration for f in found.frames()] == [100, 50, 200]
    assert all((frame.alpha is not None) == alpha for frame in found.frames())
    assert read_clip_recipe(out) == '{"impasto": "1"}'


def test_numbered_pictures_in_and_out(tmp_path):
    (tmp_path / "in").mkdir()
    for number, frame in enumerate(moving(4), 7):
        Image.fromarray(frame).save(tmp_path / "in" / f"{number:03d}.png")
    clip, frames = rejoined(tmp_path / "in/%03d.png", tmp_path / "%04d.png", tmp_path / "parts", (2,), "{}")
    assert (clip.count, clip.rate, len(frames)) == (4, 25, 4)
    for number, drawn in enumerate(moving(4), 1):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"{number:04d}.png")), drawn)
    assert read_clip_recipe(tmp_path / "0001.png") == "{}"
    assert open_clip(tmp_path / "in/%03d.png", Fraction(30)).seconds == pytest.approx(4 / 30)
    (tmp_path / "in/008.png").unlink()
    with pytest.raises(MissingFileError, match=r"must follow each other, but there is no 008\.png"):
        open_clip(tmp_path / "in/%03d.png")
    with pytest.raises(SettingError, match=r"must be named as in frames/%04d\.png"):
        open_clip(tmp_path / "in/%s.png")


def test_segments_without_loss_are_without_loss(tmp_path):
    values = np.random.default_rng(1).integers(0, 256, (5, 32, 48, 4), np.uint8)
    with SegmentWriter(tmp_path / "a.nut", (32, 48), Fraction(1, 25), Fraction(25), "ffv1") as writer:
        for tick, frame in enumerate(values):
            writer.add(frame[..., :3] / np.float32(255), tick, frame[..., 3] / np.float32(255))
    np.testing.assert_array_equal(np.stack(list(segment_frames(tmp_path / "a.nut"))), values)


def test_what_is_no_clip_is_one_sentence(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("a video, honestly " * 99)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    Image.fromarray(moving()[0]).save(tmp_path / "still.png")
    whole = film(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "short.mp4").write_bytes(whole[: len(whole) // 2])
    film(tmp_path / "song.mkv", sound=("aac",))
    import av

    with av.open(str(tmp_path / "song.mkv")) as source, av.open(str(tmp_path / "song.m4a"), "w") as song:
        track = song.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = track
                song.mux(packet)
    for name, sentence in {
        "none.mp4": "there is no file",
        "empty.mp4": r"empty\.mp4 is empty",
        "text.mp4": r"text\.mp4 is damaged, cut short or no video",
        "list.m3u8": r"list\.m3u8 is damaged, cut short or no video",
        "still.png": r"still\.png is a still picture",
        "short.mp4": r"short\.mp4 is damaged, cut short or no video",
        "song.m4a": r"song\.m4a holds only sound",
    }.items():
        with pytest.raises(ImageError, match=sentence):
            open_clip(tmp_path / name)
    with pytest.raises(SettingError, match=r"must end in one of .*, not '\.mp5'; did you mean '\.mp4'"):
        codec_for(tmp_path / "out.mp5")


MUTATED = int(os.environ.get("IMPASTO_MUTATED", "200"))
"""Files, of five kinds."""


@pytest.mark.slow
def test_mutated_films_are_one_sentence_or_frames(tmp_path):
    """Each mutated file is read in a process that reads many, so that a crash would be seen."""
    film(tmp_path / "a.mp4", sound=("aac",))
    film(tmp_path / "a.mkv", codec="libx265", pix_fmt="yuv420p10le")
    film(tmp_path / "a.ts")
    animated(tmp_path / "a.gif")
    animated(tmp_path / "a.webp")
    code = """
import sys, random, pathlib
from impasto.errors import ImageError
from impasto.pictures.frames.opening import open_clip
folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
for source in sorted(folder.glob("a.*")):
    data, path = source.read_bytes(), folder / ("mutated" + source.suffix)
    for seed in range(count):
        random.seed(seed)
        changed = bytearray(data)
        for _ in range(random.choice((1, 3, 20))):
            changed[random.randrange(len(changed))] = random.randrange(256)
        if random.random() < 0.3:
            changed = changed[: random.randrange(len(changed))]
        path.write_bytes(changed)
        try:
            for frame in open_clip(path).frames((24, 32)):
                assert frame.pixels.shape == (24, 32, 3)
        except ImageError as error:
            assert "\\n" not in str(error) and str(error).count(". ") == 0, str(error)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path), str(MUTATED // 5)], check=True, timeout=600)
