"""Reading: every kind of file ends as upright float32 sRGB, or as one sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from impasto.errors import ImageError, MissingFileError, SettingError
from impasto.pictures.reading import PICTURE_SUFFIXES, decode_bytes, read_picture, read_shape
from impasto.pictures.resizing import fit, resize, scale_to
from picture_fixtures import (
    cmyk_profile,
    encoded,
    exif_block,
    expected_srgb,
    gray_profile,
    patches,
    png,
    png_chunk,
    rgb_profile,
    samples,
    write_file,
)

CORNERS = np.zeros((20, 30, 3), np.uint8)
CORNERS[:10, :15], CORNERS[:10, 15:], CORNERS[10:, :15] = 250, (250, 0, 0), (0, 250, 0)
# How numpy turns the stored picture into the upright one, after the EXIF 2.32 table of tag 274.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def read(folder, data, name="picture", **options):
    return read_picture(write_file(folder, name, data), **options)


def levels(pixels, full=255):
    return np.rint(pixels * full).astype(int)


@pytest.mark.parametrize("name", sorted(samples()))
def test_every_format_is_read(tmp_path, name):
    picture = read(tmp_path, samples()[name], name)
    assert picture.pixels.dtype == np.float32 and picture.pixels.flags.c_contiguous
    assert picture.pixels.ndim == 3 and picture.pixels.shape[2] == 3
    assert 0 <= picture.pixels.min() < picture.pixels.max() <= 1
    assert (picture.alpha is not None) == (
        "alpha" in name or name in ("palette.png", "lossless.webp", "deflate.tif")
    )
    assert picture.name == name and len(picture.sha256) == 64


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(tmp_path, form, orientation):
    exact = {"WEBP": {"lossless": True}, "PNG": {}, "TIFF": {}}.get(
        form, {"quality": 99, "subsampling": "4:4:4"}
    )
    data = encoded(Image.fromarray(CORNERS), form, exif=exif_block(orientation), **exact)
    wanted = UPRIGHT[orientation](CORNERS)
    pixels = read(tmp_path, data).pixels
    assert pixels.shape == wanted.shape
    middle = (slice(3, None, 4), slice(3, None, 4))
    assert np.abs(levels(pixels)[middle] - wanted[middle]).mean() <= 6


@pytest.mark.parametrize("space", ["srgb", "display-p3", "adobe-rgb", "prophoto"])
def test_color_profiles_become_srgb(tmp_path, space):
    values = patches()
    picture = read(tmp_path, encoded(Image.fromarray(values), "PNG", icc_profile=rgb_profile(space)))
    assert not picture.notes
    assert np.abs(picture.pixels - expected_srgb(values / 255, space)).max() < 0.6 / 255
    if space == "srgb":
        assert (levels(picture.pixels) == values).all()
    else:
        assert np.abs(levels(picture.pixels) - values).max() > 10


def test_gray_profile(tmp_path):
    values = patches()[..., 0]
    picture = read(tmp_path, encoded(Image.fromarray(values), "PNG", icc_profile=gray_profile(1.0)))
    linear = values / 255
    wanted = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(picture.pixels - wanted[..., None]).max() < 0.8 / 255


def test_cmyk_with_and_without_a_profile(tmp_path):
    planes = [Image.new("L", (16, 16), value) for value in (0, 0, 0, 51)]
    image = Image.merge("CMYK", planes)
    plain = read(tmp_path, encoded(image, "JPEG", quality=100))
    assert np.abs(levels(plain.pixels) - 204).max() <= 2  # 255 (1 - 51 / 255), not its negative
    managed = read(tmp_path, encoded(image, "JPEG", quality=100, icc_profile=cmyk_profile()))
    assert np.abs(levels(managed.pixels) - 198).max() <= 2  # L* = 80 in sRGB


def test_a_broken_profile_is_ignored_with_a_note(tmp_path):
    values = patches()
    for profile in (b"nonsense" * 30, rgb_profile("srgb")[:200], cmyk_profile()):
        picture = read(tmp_path, encoded(Image.fromarray(values), "PNG", icc_profile=profile), "a.png")
        assert picture.notes == ("the color profile of a.png does not fit or is damaged and was ignored",)
        assert (levels(picture.pixels) == values).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_kept(tmp_path, channels):
    values = np.random.default_rng(0).integers(0, 65536, (17, 23, channels), dtype=np.uint16)
    picture = read(tmp_path, png(values))
    color = values[..., : 3 if channels > 2 else 1]
    assert (levels(picture.pixels, 65535) == color).all()
    if channels in (2, 4):
        assert (levels(picture.alpha, 65535) == values[..., -1]).all()


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}])
def test_sixteen_bit_tiff(tmp_path, options):
    tifffile = pytest.importorskip("tifffile")
    values = np.random.default_rng(0).integers(0, 65536, (17, 23, 3), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **options)
    assert (levels(read_picture(tmp_path / "a.tif").pixels, 65535) == values).all()


def test_sixteen_bits_in_another_color_space_are_converted_in_eight_with_a_note(tmp_path):
    values = patches().astype(np.uint16) * 257
    chunk = (b"iCCP", b"p3\0\0" + zlib.compress(rgb_profile("display-p3")))
    picture = read(tmp_path, png(values, chunk), "a.png")
    assert np.abs(picture.pixels - expected_srgb(values / 65535, "display-p3")).max() < 0.6 / 255
    assert picture.notes == ("the colors of a.png were converted to sRGB in 8 of their 16 bits",)


def test_floating_tiff(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    values = np.random.default_rng(0).random((20, 20), dtype=np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert np.array_equal(read_picture(tmp_path / "a.tif").pixels[..., 1], values)
    tifffile.imwrite(tmp_path / "a.tif", values * 300)
    with pytest.raises(ImageError, match=r"the range of a.tif must lie in \[0, 1\], but it spans"):
        read_picture(tmp_path / "a.tif")


def test_transparency_of_one_color(tmp_path):
    values = np.full((16, 16, 3), 9, np.uint8)
    values[4:8] = (200, 100, 50)
    data = encoded(Image.fromarray(values), "PNG", transparency=(200, 100, 50))
    assert (read(tmp_path, data).alpha[:, 0] == [1] * 4 + [0] * 4 + [1] * 8).all()
    deep = values.astype(np.uint16) * 257
    key = (b"tRNS", np.array([200, 100, 50], ">u2") * np.array(257, ">u2"))
    data = png(deep, (key[0], key[1].astype(">u2").tobytes()))
    assert (read(tmp_path, data).alpha[:, 0] == [1] * 4 + [0] * 4 + [1] * 8).all()


def test_opaque_alpha_is_none(tmp_path):
    image = Image.new("RGBA", (20, 20), (1, 2, 3, 255))
    assert read(tmp_path, encoded(image, "PNG")).alpha is None
    assert read_picture(np.ones((20, 20, 4))).alpha is None


def test_animation_gives_its_first_frame_and_a_note(tmp_path):
    picture = read(tmp_path, samples()["frames.gif"], "animation.gif")
    assert picture.notes == ("animation.gif has 3 frames or pages; the first is used",)


def test_damaged_exif_does_not_matter(tmp_path):
    data = encoded(
        Image.new("RGB", (20, 20), 3), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\xff" + b"\x99" * 40
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path, data).pixels.shape == (20, 20, 3)


def test_max_size_reduces_without_aliasing(tmp_path):
    checks = (np.indices((512, 768)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for form in ("PNG", "JPEG", "TIFF"):
        pixels = read(tmp_path, encoded(Image.fromarray(checks), form), max_size=96).pixels
        assert pixels.shape == (64, 96, 3)
        assert np.abs(pixels[8:-8, 8:-8] - 0.5).max() < 0.02  # no moiré
    assert read_picture(checks, max_size=96).pixels.shape == (64, 96, 3)
    tall = encoded(Image.fromarray(checks), "JPEG", exif=exif_block(6))
    assert read(tmp_path, tall, max_size=96).pixels.shape == (96, 64, 3)
    assert read(tmp_path, tall, max_size=5000).pixels.shape == (768, 512, 3)


def test_pillow_images(tmp_path):
    image = Image.open(write_file(tmp_path, "a.png", samples()["palette.png"]))
    picture = read_picture(image)
    assert picture.name == "a.png" and picture.alpha is not None and picture.exif is None
    assert np.array_equal(picture.pixels, read_picture(tmp_path / "a.png").pixels)
    turned = Image.open(
        write_file(tmp_path, "b.jpg", encoded(Image.fromarray(CORNERS), "JPEG", exif=exif_block(8)))
    )
    assert read_picture(turned).pixels.shape == (30, 20, 3)
    assert read_picture(Image.fromarray(CORNERS)).name == "image"


@pytest.mark.parametrize(
    "dtype, full", [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 1)]
)
@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_arrays(dtype, full, channels):
    values = ((0.1 + 0.9 * np.random.default_rng(0).random((16, 19, *channels))) * full).astype(dtype)
    picture = read_picture(values)
    wanted = np.broadcast_to(np.atleast_3d(values)[..., :3], (16, 19, 3)) / full
    assert np.allclose(picture.pixels, wanted, atol=1e-7) and picture.pixels.dtype == np.float32
    assert (picture.alpha is not None) == (channels == (4,))
    assert read_picture(values).sha256 == picture.sha256 != read_picture(values[::-1]).sha256


@pytest.mark.parametrize(
    "array, message",
    [
        (np.full((20, 20), np.nan), "must be finite, but it holds NaN"),
        (np.full((20, 20), 255.0), r"\[0, 1\], but it spans \[255, 255\]"),
        (np.full((20, 20, 3), -0.1), r"spans \[-0.1, -0.1\]"),
        (np.zeros((20, 20), int), "uint8, uint16 or floats in .* not int64"),
        (np.zeros((20, 20), bool), "not bool"),
        (np.zeros((20, 20), complex), "not complex128"),
        (np.zeros((20, 20, 2)), r"channels\]\), not \(20, 20, 2\)"),
        (np.zeros((1, 20, 20, 3)), r"not \(1, 20, 20, 3\)"),
        (np.zeros((0, 20, 3)), "at least 16 px are needed"),
        (np.zeros((10, 10, 3)), "has 10 x 10 px; at least 16 px are needed"),
        (b"bytes", "a path, a Pillow image or an array, not bytes"),
        (None, "not NoneType"),
    ],
)
def test_wrong_arrays(array, message):
    with pytest.raises(ImageError, match=message):
        read_picture(array)


def test_missing_files(tmp_path):
    write_file(tmp_path, "Photo.JPG", b"x")
    with pytest.raises(MissingFileError, match=r"there is no file .*phtoo.jpg; did you mean 'Photo.JPG'\?"):
        read_picture(tmp_path / "phtoo.jpg")
    with pytest.raises(MissingFileError, match=r"there is no folder .*nowhere, in which a.png should be"):
        read_picture(str(tmp_path / "nowhere" / "a.png"))
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(MissingFileError, match="is a link to a file that is not there"):
        read_picture(tmp_path / "link.png")


def test_symlinks_to_files_are_fine(tmp_path):
    write_file(tmp_path, "a.png", samples()["rgb.png"])
    (tmp_path / "b.png").symlink_to("a.png")
    assert read_picture(tmp_path / "b.png").name == "b.png"


def test_what_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.png"))
        for path in ("/dev/zero", "/dev/null", tmp_path / "pipe.png", tmp_path / "s.png"):
            with pytest.raises(ImageError, match="is a device, pipe or socket"):
                read_picture(path)
    for path, message in [
        (tmp_path, "is a folder; name a picture in it"),
        ("", "is a folder"),
        ("https://example.com/a.jpg", "https://example.com/a.jpg is a web address; download it first"),
        ("a\0b.png", "cannot be read: embedded null byte"),
        ("a" * 5000, "cannot be read: File name too long"),
    ]:
        with pytest.raises(ImageError, match=message):
            read_picture(path)


def test_unreadable_permissions(tmp_path):
    path = write_file(tmp_path, "a.png", samples()["rgb.png"])
    path.chmod(0)
    tmp_path.chmod(0o755)
    code = (
        "import os, sys; from impasto.pictures.reading import read_picture\n"
        "from impasto.errors import ImageError\n"
        "if os.getuid() == 0:\n    for p in sys.argv[2:]: os.chmod(p, 0o755)\n    os.setuid(65534)\n"
        "try: read_picture(sys.argv[1])\nexcept ImageError as error: print(error)"
    )
    parents = [str(p) for p in path.parents if p.stat().st_uid == os.getuid() and str(p).startswith("/tmp/")]
    found = subprocess.run([sys.executable, "-c", code, str(path), *parents], capture_output=True, text=True)
    assert found.stdout.strip().endswith("may not be read by this user; change its permissions"), found.stderr


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", r"a.jpg is empty \(0 bytes\)"),
        (b"\0", "is not a picture that can be read; JPEG, PNG, WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "is not a picture that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture that can be read"),
        (
            encoded(Image.new("RGB", (10, 10)), "PNG"),
            "a.jpg has 10 x 10 px; at least 16 px are needed on each side",
        ),
        (encoded(Image.new("L", (20_000, 3)), "PNG"), "20000 x 3 px; at least 16 px"),
        (
            encoded(Image.new("L", (3200, 20)), "PNG"),
            "3200 x 20 px; one side may be at most 100 times the other",
        ),
    ],
)
def test_useless_files(tmp_path, data, message):
    with pytest.raises(ImageError, match=message):
        read(tmp_path, data, "a.jpg")


@pytest.mark.parametrize("as_array", [False, True])
def test_a_reduction_that_would_lose_the_aspect_is_refused(tmp_path, as_array):
    long = np.zeros((40, 4000, 3), np.uint8)
    source = long
    if not as_array:
        source = tmp_path / "long.png"
        Image.fromarray(long).save(source)
    with pytest.raises(ImageError, match=r"at a long side of 256 px .* be 3 px, and at least 16 px"):
        read_picture(source, max_size=256)
    for size, shape in ((1600, (16, 1600, 3)), (2000, (20, 2000, 3))):
        assert read_picture(source, max_size=size).pixels.shape == shape
    with pytest.raises(ImageError, match="choose max_size 1600 or more"):
        read_picture(source, max_size=1500)


@pytest.mark.parametrize("size", ["x", 0, 2.5, True])
def test_a_size_that_is_none_is_not_blamed_on_the_file(tmp_path, size):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", np.zeros((30, 40)), read_picture(tmp_path / "a.png")):
        with pytest.raises(SettingError, match="max_size must be a whole number from 16 to 999999, not"):
            read_picture(source, max_size=size)


@pytest.mark.parametrize("name", sorted(set(samples()) - {"alpha.j2k", "rgb.jp2", "frames.gif"}))
def test_truncated_files(tmp_path, name):
    data = samples()[name]
    for share in (0.3, 0.6, 0.85):
        with pytest.raises(ImageError, match=f"{name} (is|has)"):
            read(tmp_path, data[: int(len(data) * share)], name)


def test_bombs_are_refused_by_their_headers(tmp_path):
    def header(width, height):
        ihdr = np.array([width, height], ">u4").tobytes() + bytes([8, 2, 0, 0, 0])
        return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", ihdr) + png_chunk(b"IDAT", b"x" * 900)

    with pytest.raises(ImageError, match=r"15000 x 15000 px; at most 200 megapixels can be read"):
        read(tmp_path, header(15_000, 15_000))
    with pytest.raises(ImageError, match=r"14000 x 14000 px by its header, but only 9.. bytes"):
        read(tmp_path, header(14_000, 14_000))


def test_heic_without_its_package(tmp_path):
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        with pytest.raises(ImageError, match=r"a.heic is a HEIC picture; run 'pip install pillow-heif'"):
            read(tmp_path, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400), "a.heic")


def test_heic_with_its_package(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(patches())).save(tmp_path / "a.heic", quality=95)
    assert (
        np.abs(levels(read_picture(tmp_path / "a.heic").pixels)[8::16, 8::16] - patches()[8::16, 8::16]).max()
        < 12
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phone_s_heic_is_turned_once_and_keeps_what_it_tells(tmp_path, orientation):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    tags = Image.Exif()
    tags[271], tags[274] = "A phone", orientation
    for extension in ("heic", "jpg"):
        image = Image.fromarray(np.repeat(patches(), 16, axis=0))
        image.save(tmp_path / f"a.{extension}", exif=tags.tobytes(), quality=95)
    heic, jpeg = (read_picture(tmp_path / name) for name in ("a.heic", "a.jpg"))
    assert heic.pixels.shape == jpeg.pixels.shape and heic.full_shape == jpeg.full_shape
    middles = (picture.pixels[8::16, 8::16] for picture in (heic, jpeg))
    np.testing.assert_allclose(*middles, atol=12 / 255)
    assert heic.exif is not None and b"A phone" in heic.exif
    small = read_picture(tmp_path / "a.heic", max_size=max(heic.full_shape) // 2)
    assert max(small.pixels.shape) == max(heic.full_shape) // 2


def test_no_warning_leaks_and_threads_agree(tmp_path):
    names = sorted(samples())
    paths = [write_file(tmp_path, name, samples()[name]) for name in names]
    wanted = [read_picture(path).pixels for path in paths]
    filters, failures = list(warnings.filters), []

    def work(start):
        for index in range(start, start + 2 * len(paths)):
            index %= len(paths)
            if not np.array_equal(read_picture(paths[index]).pixels, wanted[index]):
                failures.append(names[index])

    threads = [threading.Thread(target=work, args=(3 * start,)) for start in range(6)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures and not seen and warnings.filters == filters
    assert Image.MAX_IMAGE_PIXELS == 1024 * 1024 * 1024 // 4 // 3


def test_training_pictures():
    pixels = decode_bytes(samples()["rgb.jpg"], "rgb.jpg", 24)
    assert pixels.dtype == np.uint8 and pixels.shape == (24, 18, 3) and pixels.flags.c_contiguous
    assert decode_bytes(samples()["deep-gray-alpha.png"], "x", 512).shape == (20, 24, 3)
    assert decode_bytes(samples()["one-bit.png"], "x", 512).dtype == np.uint8
    with pytest.raises(ImageError, match=r"zip/x.jpg is not a picture"):
        decode_bytes(b"hello, world", "zip/x.jpg", 512)
    with pytest.raises(ImageError, match="is empty"):
        decode_bytes(b"", "x", 512)
    assert {".jpg", ".webp", ".tif"} <= PICTURE_SUFFIXES and all(s == s.lower() for s in PICTURE_SUFFIXES)


def test_sizes():
    assert fit((3000, 4000), 1000) == (750, 1000)
    assert fit((300, 400), 1000) == (300, 400)
    assert fit((4000, 50), 512) == (512, 16)
    assert scale_to((300, 400), 1000) == (750, 1000)
    assert scale_to((301, 400), 200) == (150, 200)
    assert scale_to((20, 20), 4) == (16, 16)


def test_resize():
    rng = np.random.default_rng(0)
    picture = rng.random((40, 60, 3), dtype=np.float32)
    assert np.array_equal(resize(picture, (40, 60)), picture)
    assert resize(picture, (40, 60)) is picture  # a copy of a large picture costs memory
    for shape in ((20, 30), (133, 71), (16, 200)):
        assert resize(picture, shape).shape == (*shape, 3)
        assert resize(picture[..., 0], shape).shape == shape
    edge = np.zeros((32, 32), np.float32)
    edge[:, 16:] = 1
    assert resize(edge, (128, 128)).min() == 0 and resize(edge, (128, 128)).max() == 1
    flat = np.full((32, 32, 3), (0.2, 0.5, 0.7), np.float32)
    assert np.allclose(resize(flat, (77, 19)), (0.2, 0.5, 0.7), atol=1e-6)
    wave = np.sin(np.arange(400) / 400 * 2 * np.pi * 5).astype(np.float32)[None].repeat(32, 0)
    exact = np.sin((np.arange(100) + 0.5) * 4 / 400 * 2 * np.pi * 5 - 0.5 / 400 * 2 * np.pi * 5)
    assert np.abs(resize(wave, (32, 100))[:, 5:-5] - exact[5:-5]).max() < 0.01


def test_a_picture_that_was_read_before_is_only_reduced(tmp_path):
    path = write_file(tmp_path, "a.png", samples()["rgb.png"])
    picture = read_picture(path)
    assert read_picture(picture) is picture
    small = read_picture(picture, max_size=24)
    assert max(small.pixels.shape) == 24 and small.full_shape == picture.full_shape
    assert (small.name, small.sha256) == ("a.png", picture.sha256)


@pytest.mark.parametrize("name", sorted(samples()))
def test_the_header_tells_the_shape(tmp_path, name):
    path = write_file(tmp_path, name, samples()[name])
    assert sorted(read_shape(path)) == sorted(read_picture(path).full_shape)


def test_what_is_no_picture_has_no_shape(tmp_path):
    with pytest.raises(ImageError, match="is not a picture"):
        read_shape(write_file(tmp_path, "a.png", b"nothing of that kind"))
