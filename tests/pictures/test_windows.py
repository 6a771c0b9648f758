"""Photos in windows: a window is that of the whole picture, by value, whatever the TIFF's kind."""

from __future__ import annotations

import pickle
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from impasto.errors import ImageError, OutputError, SettingError
from impasto.pictures import png_segments, tiff_segments, tiled_tiff
from impasto.pictures.adjustments import film_noise
from impasto.pictures.reading import read_picture
from impasto.pictures.resizing import Window, resize, resize_window
from impasto.pictures.tiled_tiff import Tiling, check_large_output, write_tiles
from impasto.pictures.windows import LargePhoto, check_photo, is_windowed, stored_shape
from impasto.pictures.writing import OutputOptions, read_recipe
from picture_fixtures import exif_block, patches, rgb_profile

RNG = np.random.default_rng(0)
SHAPE = (203, 178)
PHOTO = RNG.integers(1, 256, (*SHAPE, 4), dtype=np.uint8)
ROWS, COLUMNS = slice(37, 151), slice(100, 178)
TILED = {"tile": (32, 48), "compression": "deflate"}


def written(folder, values, photometric="rgb", **options):
    path = folder / "a.tif"
    tifffile.imwrite(path, values, photometric=photometric, metadata=None, **options)
    return path


def assert_windows_are_the_pictures(path, atol=0):
    whole, large = read_picture(path), LargePhoto(path)
    assert large.full_shape == whole.pixels.shape[:2]
    for turn in (False, True):
        rows, columns = (COLUMNS, ROWS) if turn else (ROWS, COLUMNS)
        rows, columns = (
            slice(part.start, min(part.stop, side))
            for part, side in zip((rows, columns), large.full_shape, strict=True)
        )
        found = large.window(Window(rows, columns, large.full_shape))
        np.testing.assert_allclose(found.pixels, whole.pixels[rows, columns], atol=atol)
        if whole.alpha is None:
            assert found.alpha is None
        else:
            np.testing.assert_allclose(found.alpha, whole.alpha[rows, columns], atol=1e-6)
    large.close()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_windows_of_every_kind(tmp_path, dtype, channels, planar):
    values = PHOTO[..., :channels].astype(dtype) * {"uint8": 1, "uint16": 257, "float32": 1 / 255}[dtype]
    values = np.clip(values, 0, 1).astype(dtype) if dtype == "float32" else values.astype(dtype)
    options = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    if channels > 1:
        options["planarconfig"] = planar
    stored = np.moveaxis(values, 2, 0) if planar == "separate" and channels > 1 else values
    stored = stored[..., 0] if channels == 1 else stored
    kind = "minisblack" if channels == 1 else "rgb"
    for layout in (
        {},
        {"rowsperstrip": 7},
        {"rowsperstrip": 7, "compression": "deflate", "byteorder": ">"},
        TILED,
        {"tile": (32, 48), "bigtiff": True},
    ):
        assert_windows_are_the_pictures(written(tmp_path, stored, kind, **options, **layout))


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "packbits", "zstd", "tiff_adobe_deflate"])
def test_windows_of_what_pillow_decompresses(tmp_path, compression):
    path = tmp_path / "a.tif"
    Image.fromarray(PHOTO[..., :3]).resize((640, 960)).save(path, compression=compression)
    assert LargePhoto(path).tile[0] < 960
    assert_windows_are_the_pictures(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_windows_are_upright(tmp_path, orientation):
    turned = (274, 3, 1, orientation, True)
    for values in (PHOTO[..., :3], PHOTO[..., :3].astype(np.uint16) * 257):
        assert_windows_are_the_pictures(written(tmp_path, values, extratags=[turned], **TILED))


def test_windows_of_profiles_and_cmyk(tmp_path):
    profile = (34675, 7, None, rgb_profile("display-p3"), True)
    assert_windows_are_the_pictures(written(tmp_path, PHOTO[..., :3], extratags=[profile], **TILED))
    for dtype, factor in (("uint8", 1), ("uint16", 257)):
        inks = PHOTO.astype(dtype) * np.array(factor, dtype)
        assert_windows_are_the_pictures(written(tmp_path, inks, "separated", **TILED))


PNG_KINDS = {
    "1": (1, 0), "L2": (2, 0), "L": (8, 0), "L16": (16, 0), "P4": (4, 3), "P": (8, 3),
    "RGB": (8, 2), "RGB16": (16, 2), "LA": (8, 4), "LA16": (16, 4), "RGBA": (8, 6), "RGBA16": (16, 6),
}  # fmt: skip


def filtered(lines, pixel):
    """Return rows of bytes with filters 0 to 4 in turn, as a PNG has them."""
    above, data = np.zeros(lines.shape[1], int), []
    for number, row in enumerate(lines.astype(int)):
        left, corner = (np.concatenate([np.zeros(pixel, int), line])[: len(row)] for line in (row, above))
        estimate = left + above - corner
        a, b, c = (abs(estimate - side) for side in (left, above, corner))
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
        kind = number % 5
        value = row - [0 * row, left, above, (left + above) // 2, paeth][kind]
        data.append(bytes([kind]) + (value % 256).astype(np.uint8).tobytes())
        above = row
    return b"".join(data)


def png_of(path, depth, color, chunks=(), piece=1000):
    """Write a PNG of noise and smooth parts by hand, its pixels in many chunks."""
    channels = png_segments.CHANNELS[color]
    line, pixel = -(-SHAPE[1] * channels * depth // 8), max(1, channels * depth // 8)
    lines = RNG.integers(0, 256, (SHAPE[0], line), dtype=np.uint8)
    lines[20:60] = np.arange(line) // 3 % 256
    data = zlib.compress(filtered(lines, pixel), 9)
    head = struct.pack(">IIBBBBB", SHAPE[1], SHAPE[0], depth, color, 0, 0, 0)
    colors = (np.arange(3 * 2**depth) * 7 % 256).astype(np.uint8).tobytes() if color == 3 else b""
    palette = [(b"PLTE", colors)] if colors else []
    pixels = [(b"IDAT", data[start : start + piece]) for start in range(0, len(data), piece)]
    parts = [(b"IHDR", head), *palette, *chunks, *pixels, (b"IDAT", b""), (b"IEND", b"")]
    whole = b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts
    )
    path.write_bytes(png_segments.PNG_HEAD + whole)
    return path


@pytest.mark.parametrize("kind", PNG_KINDS)
@pytest.mark.parametrize("strip", [1, 900, 2**24])
def test_windows_of_every_kind_of_png(tmp_path, monkeypatch, kind, strip):
    monkeypatch.setattr(png_segments, "STRIP_BYTES", strip)
    depth, color = PNG_KINDS[kind]
    path = png_of(tmp_path / "a.png", depth, color)
    assert_windows_are_the_pictures(path)
    assert strip != 900 or LargePhoto(path).tile[0] < 60


def test_windows_of_a_png_know_its_colors_transparency_and_orientation(tmp_path, monkeypatch):
    monkeypatch.setattr(png_segments, "STRIP_BYTES", 5000)
    for orientation in range(1, 9):
        path = tmp_path / "a.png"
        Image.fromarray(PHOTO[..., :3]).save(path, exif=exif_block(orientation=orientation))
        assert_windows_are_the_pictures(path)
        assert LargePhoto(path).exif == read_picture(path).exif
    Image.fromarray(PHOTO[..., :3]).save(path, icc_profile=rgb_profile("display-p3"))
    assert_windows_are_the_pictures(path)
    for depth, color, key in ((8, 2, (0, 7, 14)), (16, 0, (300,)), (8, 0, (7,))):
        transparent = (b"tRNS", struct.pack(f">{len(key)}H", *key))
        assert_windows_are_the_pictures(png_of(path, depth, color, [transparent]))
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    assert_windows_are_the_pictures(png_of(path, 16, 2, [gamma]))


def test_a_png_is_read_in_any_order_and_reduced_with_few_readings(tmp_path, monkeypatch):
    monkeypatch.setattr(png_segments, "STRIP_BYTES", 9000)
    path = png_of(tmp_path / "a.png", 8, 2)
    large, whole = LargePhoto(path), read_picture(path).pixels
    for top in (180, 3, 90, 40, 170):
        window = Window(slice(top, top + 20), slice(5, 60), SHAPE)
        np.testing.assert_array_equal(large.window(window).pixels, whole[top : top + 20, 5:60])
    wanted = read_picture(path, max_size=60)
    found = large.resized(wanted.pixels.shape[:2]).picture()
    np.testing.assert_allclose(found.pixels, wanted.pixels, atol=0.04)
    assert found.sha256 == wanted.sha256


def test_a_damaged_png_is_told_and_an_interlaced_one_is_not_read_in_windows(tmp_path):
    path = png_of(tmp_path / "a.png", 8, 2)
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], data[:60], data.replace(b"IDAT", b"IDAX", 3)):
        path.write_bytes(broken)
        with pytest.raises(ImageError, match=r"a\.png is damaged or cut short"):
            LargePhoto(path).picture()
    path.write_bytes(data[:5000] + bytes(300) + data[5300:])
    with pytest.raises(ImageError, match=r"a\.png is damaged or cut short"):
        LargePhoto(path).picture()
    path.write_bytes(data[:28] + b"\1" + data[29:])
    assert not is_windowed(path)
    with pytest.raises(ImageError, match="is interlaced, and cannot be read in windows"):
        LargePhoto(path)
    assert is_windowed(png_of(path, 8, 2)) and stored_shape(path) == SHAPE


def test_a_reduced_photo_is_the_reduced_picture(tmp_path, monkeypatch):
    values = np.kron(PHOTO[:120, :90, :3], np.ones((5, 5, 1), np.uint8)).astype(np.uint16) * 257
    values[:9, :9] = 0
    path = written(tmp_path, values, **TILED)
    monkeypatch.setattr("impasto.pictures.windows.REDUCED_WINDOW", 20)
    monkeypatch.setattr("impasto.pictures.windows.BLOCK", 100)
    for side in (500, 240, 100, 37):
        wanted = read_picture(path, max_size=side)
        found = LargePhoto(path).resized(wanted.pixels.shape[:2]).picture()
        assert found.full_shape == (600, 450) and found.sha256 == wanted.sha256
        bound = 1e-5 if side > 100 else 0.04  # further reduced, it is averaged first
        np.testing.assert_allclose(found.pixels, wanted.pixels, atol=bound)


def test_another_process_may_read_it_too(tmp_path):
    large = LargePhoto(written(tmp_path, PHOTO[..., :3], **TILED)).resized((100, 88))
    small, other = large.small, pickle.loads(pickle.dumps(large))
    window = Window(slice(10, 60), slice(20, 70), (100, 88))
    np.testing.assert_array_equal(other.small.pixels, small.pixels)
    np.testing.assert_array_equal(other.window(window).pixels, large.window(window).pixels)


def test_hidden_pixels_are_filled_alike_in_all_windows(tmp_path):
    values = PHOTO.copy()
    values[60:140, 60:140] = (255, 0, 255, 0)
    large = LargePhoto(written(tmp_path, values, extrasamples=["unassalpha"], **TILED))
    one = large.window(Window(slice(50, 110), slice(50, 110), SHAPE))
    other = large.window(Window(slice(80, 150), slice(70, 160), SHAPE))
    np.testing.assert_array_equal(one.pixels[30:, 20:], other.pixels[:30, :40])
    assert one.alpha[30, 30] == 0 and np.abs(one.pixels[30, 30] - (1, 0, 1)).max() > 0.2


def test_window_of_a_resized_picture_and_of_its_grain():
    pixels = RNG.random((40, 53, 3), np.float32)
    window = Window(slice(11, 90), slice(60, 131), (120, 131))
    np.testing.assert_allclose(
        resize_window(pixels, window), resize(pixels, (120, 131))[11:90, 60:131], atol=1e-6
    )
    grain = film_noise((120, 131), 3)
    np.testing.assert_allclose(film_noise((120, 131), 3, window), grain[11:90, 60:131], atol=1e-5)


def tiles(pixels, alpha, tile):
    for top in range(0, pixels.shape[0], tile[0]):
        for left in range(0, pixels.shape[1], tile[1]):
            area = slice(top, top + tile[0]), slice(left, left + tile[1])
            yield pixels[area], None if alpha is None else alpha[area]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("transparent", [False, True])
def test_what_is_written_in_tiles_is_read(tmp_path, bits, transparent):
    path, full = tmp_path / "out.tif", 2**bits - 1
    pixels = RNG.integers(0, full + 1, (*SHAPE, 3)) / np.float32(full)
    alpha = RNG.integers(1, full + 1, SHAPE) / np.float32(full) if transparent else None
    options = OutputOptions(bit_depth=bits, recipe='{"name": "浪"}', exif=exif_block(6))
    assert (
        write_tiles(path, tiles(pixels, alpha, (64, 48)), Tiling(SHAPE, (64, 48), transparent), options) == []
    )
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert file.is_bigtiff and (page.tilelength, page.tilewidth) == (64, 48)
        stored = page.asarray() / full
        assert page.tags[34675].value and page.compression == 8
    np.testing.assert_allclose(stored[..., :3], pixels, atol=1e-6)
    picture = read_picture(path)
    np.testing.assert_allclose(picture.pixels, pixels, atol=1e-6)
    assert picture.notes == () and b"Camera & Co" in picture.exif
    if transparent:
        np.testing.assert_allclose(picture.alpha, alpha, atol=1e-6)
    assert read_recipe(path) == '{"name": "浪"}'
    with Image.open(path) as image:
        assert image.size == SHAPE[::-1] and 274 not in image.getexif()


def test_the_directory_may_say_more_than_4_gib(tmp_path, monkeypatch):
    """Offsets and sizes are 64 bit numbers, and the recipe lies before everything large."""
    monkeypatch.setattr(tiled_tiff.zlib, "compress", lambda data, effort: b"x" * 10)
    path = tmp_path / "out.tif"
    pixels = np.zeros((64, 64, 3), np.float32)
    write_tiles(path, tiles(pixels, None, (16, 16)), Tiling((64, 64), (16, 16)), OutputOptions(recipe="{}"))
    data = path.read_bytes()
    assert data[:8] == b"II+\0\x08\0\0\0" and struct.unpack_from("<Q", data, 8) == (16,)
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        assert tags[324].dtype == tags[325].dtype == 16
        assert tags[34665].offset < 5000 and list(tags[325].value) == [10] * 16


def test_nothing_half_written_stays(tmp_path):
    def broken():
        yield np.zeros((16, 16, 3), np.float32), None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tiles(tmp_path / "out.tif", broken(), Tiling((16, 64), (16, 16)), OutputOptions())
    assert list(tmp_path.iterdir()) == []


def test_what_a_large_picture_is_written_to(tmp_path):
    with pytest.raises(SettingError, match=r"written as TIFF; end the output's name in .tif, not '.png'"):
        check_large_output(tmp_path / "a.png", (100, 100), bit_depth=8, alpha=False)
    with pytest.raises(OutputError, match=r"a.tif may need .* GiB, but its disk has .* GiB free"):
        check_large_output(tmp_path / "a.tif", (10**8, 10**8), bit_depth=16, alpha=True)
    check_large_output(tmp_path / "a.tif", (100, 100), bit_depth=8, alpha=False)


def test_damaged_and_unwieldy_files_are_refused(tmp_path, monkeypatch):
    path = written(tmp_path, PHOTO[..., :3], **TILED)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        start, size = file.pages[0].dataoffsets[8], file.pages[0].databytecounts[8]
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=r"a.tif is damaged or cut short"):
        LargePhoto(path)
    data[start : start + size] = b"\x55" * size
    path.write_bytes(data)
    large = LargePhoto(path)
    with pytest.raises(ImageError, match=r"^a.tif is damaged or cut short: [^\n]*$"):
        large._read(slice(0, 203), slice(0, 178))
    monkeypatch.setattr(tiff_segments, "MOST_PART_BYTES", 10_000)
    path = written(tmp_path, PHOTO[..., :3], rowsperstrip=203, compression="deflate")
    with pytest.raises(
        ImageError, match=r"compressed in strips of 178 x 203 px, too large to be read in wind"
    ):
        LargePhoto(path)
    LargePhoto(written(tmp_path, PHOTO[..., :3]))  # one strip, but not compressed
    flat = written(tmp_path, patches()[:8], **TILED)
    with pytest.raises(ImageError, match="at least 16 px"):
        LargePhoto(flat)


def test_only_tiff_and_png_may_have_any_size(tmp_path):
    png = png_of(tmp_path / "small.png", 8, 2).read_bytes()[:29]
    interlaced = png[:28] + b"\1"
    heads = {"a.tif": b"II*\0", "a.png": png, "b.png": interlaced, "a.jpg": b"\xff\xd8\xff\xe0"}
    for (name, head), allowed in zip(heads.items(), (True, True, False, False), strict=True):
        path = tmp_path / name
        with path.open("wb") as file:
            file.write(head)
            file.truncate(2**30 + 10)  # sparse where the file system can
        if allowed:
            check_photo(path)
            continue
        with pytest.raises(
            ImageError, match="save a larger photo as PNG, or as TIFF in tiles: vips tiffsave"
        ):
            check_photo(path)
