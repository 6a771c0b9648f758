"""TIFF: every kind that docs/files.md promises, by value; others are said to be unknown, not damaged."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from impasto.errors import ImageError
from impasto.pictures.reading import read_picture
from picture_fixtures import encoded, exif_block, expected_srgb, patches, rgb_profile, write_file

RNG = np.random.default_rng(0)
COMPRESSIONS = (None, "deflate")
FULL = {"uint8": 255, "uint16": 65535, "uint32": 4294967295, "float16": 1, "float32": 1, "float64": 1}


def tiff(folder, values, **options):
    path = folder / "a.tif"
    tifffile.imwrite(path, values, **options)
    return read_picture(path)


def samples(dtype, channels):
    values = 0.02 + 0.98 * RNG.random((24, 31, channels))
    values[0, 0] = 1
    return (values * FULL[dtype]).astype(dtype)


@pytest.mark.parametrize("dtype", sorted(FULL))
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_every_type_of_sample_is_read_by_value(tmp_path, dtype, channels, planar):
    values = samples(dtype, channels)
    stored = np.moveaxis(values, 2, 0) if planar == "separate" and channels > 1 else values
    options = {"photometric": "rgb" if channels > 2 else "minisblack", "metadata": None}
    if channels > 1:
        options["planarconfig"] = planar
    if channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    stored = stored[..., 0] if channels == 1 else stored
    for compression in COMPRESSIONS:
        for order in "<>":
            picture = tiff(tmp_path, stored, compression=compression, byteorder=order, **options)
            color = values[..., :3] if channels > 2 else values[..., :1]
            wanted = color.astype(np.float64) / FULL[dtype]
            np.testing.assert_allclose(picture.pixels, np.broadcast_to(wanted, (24, 31, 3)), atol=2e-7)
            assert (picture.alpha is not None) == (channels in (2, 4)) and not picture.notes
            if channels in (2, 4):
                np.testing.assert_allclose(
                    picture.alpha, values[..., -1].astype(np.float64) / FULL[dtype], atol=2e-7
                )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_predictors_tiles_and_big_tiff(tmp_path, dtype):
    values = samples(dtype, 3)
    wanted = values.astype(np.float64) / FULL[dtype]
    for options in (
        {"compression": "deflate", "predictor": 2, "byteorder": "<"} if dtype != "float32" else {},
        {"compression": "deflate", "predictor": 2, "byteorder": ">"} if dtype != "float32" else {},
        {"tile": (16, 16)},
        {"tile": (16, 16), "compression": "deflate"},
        {"rowsperstrip": 5},
        {"bigtiff": True},
    ):
        picture = tiff(tmp_path, values, photometric="rgb", **options)
        np.testing.assert_allclose(picture.pixels, wanted, atol=2e-7)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_white_may_be_zero(tmp_path, dtype):
    values = samples(dtype, 1)[..., 0]
    for compression in (None, "deflate"):
        picture = tiff(tmp_path, values, photometric="miniswhite", compression=compression)
        np.testing.assert_allclose(picture.pixels[..., 0], 1 - values / FULL[dtype], atol=2e-7)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_associated_alpha_is_divided_out(tmp_path, dtype):
    color, alpha = samples(dtype, 3) / FULL[dtype], np.tile(np.linspace(0.2, 1, 31), (24, 1))
    stored = np.dstack([color * alpha[..., None], alpha]) * FULL[dtype]
    stored = stored.astype(dtype) if dtype == "float32" else np.rint(stored).astype(dtype)
    picture = tiff(tmp_path, stored, photometric="rgb", extrasamples=["assocalpha"])
    precision = {"uint8": 4.1 / 255, "uint16": 4.1 / 65535, "float32": 1e-5}[dtype]
    np.testing.assert_allclose(picture.pixels, color, atol=precision)
    np.testing.assert_allclose(picture.alpha, alpha, atol=precision)


def test_cmyk_of_every_kind(tmp_path):
    inks = np.zeros((20, 24, 5), np.uint8)
    inks[..., 0], inks[..., 3], inks[..., 4] = 255, 51, 128
    wanted = np.array([0, 204, 204]) / 255  # no red, and a fifth of black
    for dtype, scale in ((np.uint8, 1), (np.uint16, 257)):
        values = inks.astype(dtype) * dtype(scale)
        for planar in ("contig", "separate"):
            for channels in (4, 5):
                stored = values[..., :channels]
                stored = np.moveaxis(stored, 2, 0) if planar == "separate" else stored
                extra = {"extrasamples": ["unassalpha"]} if channels == 5 else {}
                picture = tiff(tmp_path, stored, photometric="separated", planarconfig=planar, **extra)
                np.testing.assert_allclose(picture.pixels, np.broadcast_to(wanted, (20, 24, 3)), atol=2e-3)
                if channels == 5:
                    np.testing.assert_allclose(picture.alpha, 128 / 255, atol=1e-6)


def test_profiles_and_orientation_hold_for_kinds_that_pillow_does_not_know(tmp_path):
    values = patches().astype(np.uint16) * 257
    tag = (34675, 7, None, rgb_profile("display-p3"), True)
    turned = (274, 3, 1, 6, True)
    make = (271, 2, None, "Camera & Co", True)
    stored = np.moveaxis(values, 2, 0)
    options = {"photometric": "rgb", "planarconfig": "separate", "extratags": [tag, turned, make]}
    picture = tiff(tmp_path, stored, **options)
    wanted = expected_srgb(np.rot90(values, -1) / 65535, "display-p3")
    assert np.abs(picture.pixels - wanted).max() < 0.6 / 255
    assert picture.full_shape == picture.pixels.shape[:2] == values.shape[1::-1]
    assert b"Camera & Co" in picture.exif


def test_the_photo_is_the_first_picture_of_full_resolution(tmp_path):
    photo = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    small = np.full((20, 30, 3), 128, np.uint8)
    for compression in (None, "deflate"):
        path = tmp_path / "a.tif"
        with tifffile.TiffWriter(path) as file:
            file.write(small, photometric="rgb", subfiletype=1)
            file.write(photo, photometric="rgb", compression=compression)
            file.write(photo[::-1], photometric="rgb")
        picture = read_picture(path)
        assert np.array_equal(np.rint(picture.pixels * 255), photo)
        assert picture.notes == ("a.tif has 2 frames or pages; the first is used",)
    with tifffile.TiffWriter(path) as file:  # the photo lies below its thumbnail
        file.write(small, photometric="rgb", subfiletype=1, subifds=1)
        file.write(photo, photometric="rgb")
    assert np.array_equal(np.rint(read_picture(path).pixels * 255), photo)
    with tifffile.TiffWriter(path) as file:  # a pyramid
        file.write(photo, photometric="rgb", subifds=1)
        file.write(small, photometric="rgb", subfiletype=1)
    picture = read_picture(path)
    assert np.array_equal(np.rint(picture.pixels * 255), photo) and not picture.notes
    tifffile.imwrite(path, small, photometric="rgb", subfiletype=1)
    with pytest.raises(ImageError, match=r"a.tif holds only thumbnails or masks"):
        read_picture(path)


def test_a_raw_photo_is_not_supported_and_its_thumbnail_is_not_taken(tmp_path):
    small, sensor = np.full((20, 30, 3), 128, np.uint8), np.zeros((60, 80), np.uint16)
    path = tmp_path / "a.nef"
    with tifffile.TiffWriter(path) as file:
        file.write(small, photometric="rgb", subfiletype=1, subifds=1)
        file.write(sensor, photometric="cfa")
    with pytest.raises(
        ImageError, match=r"a.nef is a camera's raw photo, which is not supported; develop it"
    ):
        read_picture(path)
    tifffile.imwrite(path, small, photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    with pytest.raises(ImageError, match="raw photo, which is not supported"):
        read_picture(path)


def test_what_is_not_supported_is_not_called_damaged(tmp_path):
    path = tmp_path / "a.tif"
    for values, photometric in (
        (np.zeros((20, 24), np.int16), "minisblack"),
        (np.zeros((20, 24), np.complex64), "minisblack"),
        (np.zeros((20, 24, 3), np.uint16), "cielab"),
        (np.zeros((20, 24, 7), np.uint16), "logluv"),
    ):
        tifffile.imwrite(path, values, photometric=photometric, metadata=None)
        with pytest.raises(ImageError, match=r"a.tif is a TIFF of a kind that is not supported \(.* bits"):
            read_picture(path)
    for dtype in (np.float32, np.uint16):  # Pillow knows these, packed in ways that tifffile does not
        values = np.asarray(Image.fromarray(RNG.integers(0, 256, (20, 24), dtype=np.uint8)), dtype)
        values = values / dtype(255) if dtype == np.float32 else values
        data = encoded(Image.fromarray(values), "TIFF", compression="tiff_lzw")
        picture = read_picture(write_file(tmp_path, "b.tif", data))
        np.testing.assert_allclose(picture.pixels[..., 0], values / (1 if dtype == np.float32 else 65535))


def test_floats_must_lie_in_range_whatever_their_kind(tmp_path):
    for dtype in ("float16", "float32", "float64"):
        with pytest.raises(ImageError, match=r"the range of a.tif must lie in \[0, 1\], but it spans"):
            tiff(tmp_path, samples(dtype, 3) * 300, photometric="rgb")
        values = samples(dtype, 3)
        values[3, 4, 1] = np.nan
        with pytest.raises(ImageError, match=r"the range of a.tif must be finite"):
            tiff(tmp_path, values, photometric="rgb")


@pytest.mark.parametrize("options", [{}, {"compression": "deflate"}, {"planarconfig": "separate"}])
def test_a_file_that_is_cut_short_is_damaged(tmp_path, options, capfd):
    values = samples("uint16", 3)
    stored = np.moveaxis(values, 2, 0) if "planarconfig" in options else values
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="rgb", **options)
    data = path.read_bytes()
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(ImageError, match=r"a.tif is damaged or cut short"):
            read_picture(path)
    assert capfd.readouterr() == ("", "")


def test_exif_of_a_tiff_is_kept(tmp_path):
    picture = read_picture(
        write_file(tmp_path, "a.tif", encoded(Image.fromarray(patches()), "TIFF", exif=exif_block(6)))
    )
    exif = Image.Exif()
    exif.load(picture.exif)
    assert exif[271] == "Camera & Co" and float(exif.get_ifd(34665)[33434]) == 1 / 125
    assert exif.get_ifd(34853)[1] == "N"
