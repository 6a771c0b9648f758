"""Colors that are declared otherwise than by a profile: in PNG, AVIF and HEIC, by a camera's EXIF."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from impasto.errors import ImageError
from impasto.pictures.color_declarations import nclx_of
from impasto.pictures.color_spaces import ADOBE_GAMMA, ADOBE_RGB, SRGB, ColorSpace
from impasto.pictures.reading import read_picture
from picture_fixtures import encoded, expected_srgb, patches, png, rgb_profile, write_file

P3 = (b"cICP", bytes([12, 13, 0, 1]))
ICC_P3 = (b"iCCP", b"p3\0\0" + zlib.compress(rgb_profile("display-p3")))
ICC_ADOBE = (b"iCCP", b"adobe\0\0" + zlib.compress(rgb_profile("adobe-rgb")))
SRGB_CHUNK = (b"sRGB", b"\0")
LINEAR = (b"gAMA", struct.pack(">I", 100_000))


def chromaticities(space):
    red, green, blue, white = space
    return b"cHRM", struct.pack(">8I", *(round(100_000 * n) for p in (white, red, green, blue) for n in p))


def read(folder, data, name="a.png"):
    return read_picture(write_file(folder, name, data))


def levels(picture):
    return np.rint(picture.pixels * 255).astype(int)


def test_known_values_by_hand(tmp_path):
    values = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    assert levels(read(tmp_path, png(values, P3)))[0, 0].tolist() == [215, 93, 31]
    gray = np.full((16, 16, 3), 55, np.uint8)  # linear light 55/255 is 128 in sRGB
    assert levels(read(tmp_path, png(gray, LINEAR)))[0, 0].tolist() == [128] * 3
    assert levels(read(tmp_path, png(gray[..., :1], LINEAR)))[0, 0].tolist() == [128] * 3


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_of_several_declarations_the_first_of_the_specification_counts(tmp_path, kind):
    values = patches().astype(kind) * kind(np.iinfo(kind).max // 255)
    unit = values / np.iinfo(kind).max
    p3, adobe = expected_srgb(unit, "display-p3"), expected_srgb(unit, "adobe-rgb")
    wide = chromaticities(ADOBE_RGB)
    gamma = (b"gAMA", struct.pack(">I", round(100_000 / ADOBE_GAMMA)))
    for chunks, wanted in (
        ((P3, ICC_ADOBE, SRGB_CHUNK, LINEAR), p3),
        ((ICC_P3, SRGB_CHUNK, gamma, wide), p3),
        ((ICC_ADOBE,), adobe),
        ((SRGB_CHUNK, LINEAR, wide), unit),
        ((gamma, wide), adobe),
        ((wide,), unit),  # of primaries alone the specification says nothing
        (((b"gAMA", struct.pack(">I", 45_455)),), unit),  # what writers of sRGB put there
        (((b"gAMA", struct.pack(">I", 45_455)), chromaticities(SRGB)), unit),
        (((b"cICP", bytes([1, 13, 0, 1])), ICC_P3), unit),
    ):
        picture = read(tmp_path, png(values, *chunks))
        assert np.abs(picture.pixels - wanted).max() < 0.9 / 255
        if wanted is unit:
            assert np.abs(picture.pixels - unit).max() < 1e-6
    if kind is np.uint16:
        exact = read(tmp_path, png(values, P3)).pixels
        assert np.abs(exact - p3).max() < 2e-4  # in all 16 bits


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (
            (b"cICP", bytes([9, 16, 0, 1])),
            r"a.png is a high dynamic range picture \(PQ\), which is not supported",
        ),
        ((b"cICP", bytes([9, 18, 0, 1])), r"high dynamic range picture \(HLG\)"),
        ((b"cICP", bytes([1, 13, 0, 0])), r"a.png holds video levels .* not supported"),
    ],
)
def test_what_cannot_be_converted_is_refused(tmp_path, chunk, message):
    with pytest.raises(ImageError, match=message):
        read(tmp_path, png(patches(), chunk))


@pytest.mark.parametrize(
    "chunk",
    [
        (b"gAMA", struct.pack(">I", 0)),
        (b"gAMA", struct.pack(">I", 45)),
        (b"cICP", bytes([77, 13, 0, 1])),
        (b"cICP", bytes([1, 99, 0, 1])),
    ],
)
def test_what_means_nothing_is_srgb_with_a_note(tmp_path, chunk):
    picture = read(tmp_path, png(patches(), chunk))
    assert (levels(picture) == patches()).all() and len(picture.notes) == 1
    assert "colors that a.png declares" in picture.notes[0]


def test_primaries_that_span_nothing_are_srgb_with_a_note(tmp_path):
    chunks = (LINEAR, (b"cHRM", struct.pack(">8I", *[30_000] * 8)))
    picture = read(tmp_path, png(patches(), *chunks))
    assert (levels(picture) == patches()).all() and "mean nothing" in picture.notes[0]


def with_nclx(primaries, transfer, **options):
    data = encoded(Image.fromarray(patches()), "AVIF", quality=100, subsampling="4:4:4", **options)
    place = data.index(b"nclx") + 4
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def test_nclx_of_avif(tmp_path):
    data = with_nclx(12, 13)
    assert nclx_of(data) == (12, 13)
    middles = np.s_[8, 8::16]
    decoded = read(tmp_path, with_nclx(1, 13), "a.avif").pixels  # not exactly what was written
    picture = read(tmp_path, data, "a.avif")
    wanted = expected_srgb(decoded, "display-p3")
    assert np.abs(picture.pixels - wanted).max() < 0.6 / 255 < np.abs(picture.pixels - decoded).max()
    for codes in ((1, 13), (2, 2), (1, 1)):
        same = read(tmp_path, with_nclx(*codes), "a.avif")
        assert np.abs(levels(same) - patches())[middles].max() <= 3
    profile = read(tmp_path, with_nclx(9, 13, icc_profile=rgb_profile("display-p3")), "a.avif")
    assert np.abs(profile.pixels - wanted).max() < 1.1 / 255  # a profile says more than a number
    for transfer in (16, 18):
        with pytest.raises(ImageError, match="high dynamic range"):
            read(tmp_path, with_nclx(9, transfer), "a.avif")


def test_a_camera_says_adobe_rgb_by_exif(tmp_path):
    for index, space, adobe in (("R03", 65535, True), ("R98", 65535, False), ("R03", 1, False)):
        exif = Image.Exif()
        exif[34665] = {40961: space, 40965: {1: index}}
        for form, options in (
            ("JPEG", {"quality": 100, "subsampling": "4:4:4"}),
            ("WEBP", {"lossless": True}),
        ):
            picture = read(tmp_path, encoded(Image.fromarray(patches()), form, exif=exif, **options), "a")
            wanted = expected_srgb(patches() / 255, "adobe-rgb") if adobe else patches() / 255
            assert np.abs(picture.pixels - wanted)[8, 8::16].max() < 4 / 255
        profiled = encoded(
            Image.fromarray(patches()), "JPEG", quality=100, exif=exif, icc_profile=rgb_profile("srgb")
        )
        assert np.abs(levels(read(tmp_path, profiled)) - patches())[8, 8::16].max() <= 6


def test_another_white_is_adapted_and_gray_stays_gray():
    space = ColorSpace(((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585)), 1.8)
    ramp = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[:, None, None], 3, axis=2)
    out = space.to_srgb(ramp)
    assert np.ptp(out, axis=2).max() < 1e-4 and np.abs(out[[0, -1]] - ramp[[0, -1]]).max() < 1e-5
    values = np.random.default_rng(0).random((20, 20, 3), dtype=np.float32) * 0.3 + 0.35
    assert np.abs(space.to_srgb(values) - expected_srgb(values, "prophoto")).max() < 2e-3
