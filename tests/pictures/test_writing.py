"""Writing: exact where the format is, whole or not at all, never over somebody's file."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from impasto.errors import ImageError, OutputError, SettingError
from impasto.pictures import writing
from impasto.pictures.reading import read_picture
from impasto.pictures.writing import (
    OutputOptions,
    check_output,
    contact_sheet,
    picture_to_pil,
    read_recipe,
    write_picture,
)
from picture_fixtures import exif_block, patches, png, write_file

SUFFIXES = [".png", ".jpg", ".webp", ".avif", ".tif"]
RECIPE = '{"style": "Große Welle 神奈川", "strength": 60}'
PIXELS = patches().astype(np.float32) / 255


def random_levels(depth, channels=3):
    full = 2**depth - 1
    values = np.random.default_rng(0).integers(0, full + 1, (40, 57, channels))
    if channels == 4:
        values[..., 3] = np.maximum(1, values[..., 3])  # what lies under 0 is nobody's
    return values, (values / full).astype(np.float32), full


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_round_trips_are_exact(tmp_path, suffix, depth, channels):
    values, scaled, full = random_levels(depth, channels)
    alpha = scaled[..., 3] if channels == 4 else None
    options = OutputOptions(alpha=alpha, bit_depth=depth, recipe=RECIPE, exif=exif_block(6))
    assert write_picture(tmp_path / f"a{suffix}", scaled[..., :3], options) == []
    back = read_picture(tmp_path / f"a{suffix}")
    assert (np.rint(back.pixels * full) == values[..., :3]).all() and not back.notes
    if channels == 4:
        assert (np.rint(back.alpha * full) == values[..., 3]).all()
    if suffix == ".tif":
        tifffile = pytest.importorskip("tifffile")
        try:
            assert (tifffile.imread(tmp_path / "a.tif") == values).all()
        except ValueError as error:  # without imagecodecs it may not know the compression
            pytest.skip(str(error))


def test_webp_of_quality_100_is_lossless(tmp_path):
    values, scaled, _ = random_levels(8, 4)
    write_picture(tmp_path / "a.webp", scaled[..., :3], OutputOptions(alpha=scaled[..., 3], quality=100))
    back = read_picture(tmp_path / "a.webp")
    assert (np.rint(back.pixels * 255) == values[..., :3]).all()
    assert (np.rint(back.alpha * 255) == values[..., 3]).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_holds_colors_profile_exif_and_recipe(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    assert write_picture(path, PIXELS, OutputOptions(recipe=RECIPE, exif=exif_block(6))) == []
    back = read_picture(path)
    assert back.pixels.shape == PIXELS.shape and not back.notes
    assert np.abs(back.pixels - PIXELS)[8, 8::16].max() < 8 / 255
    assert read_recipe(path) == RECIPE
    with Image.open(path) as image:
        assert image.info["icc_profile"] == writing.srgb_profile()
        exif = image.getexif()
        inner = exif.get_ifd(34665)
        assert exif[271] == "Camera & Co" and exif.get(274, 1) == 1 and float(inner[33434]) == 1 / 125
        assert (inner[40962], inner[40963]) == PIXELS.shape[1::-1]
        assert (
            inner[36864] == b"0232" and 37500 not in inner and not exif.get_ifd(34853) and not exif.get_ifd(1)
        )


def test_the_profile_is_srgb_and_the_same_on_every_day(tmp_path):
    profile = ImageCms.ImageCmsProfile(io.BytesIO(writing.srgb_profile()))
    assert ImageCms.getProfileDescription(profile).startswith("sRGB")
    write_picture(tmp_path / "a.png", PIXELS)
    write_picture(tmp_path / "b.png", PIXELS)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_gps_is_kept_only_if_asked(tmp_path, suffix):
    for keep in (False, True):
        options = OutputOptions(exif=exif_block(), keep_gps=keep, overwrite=True)
        write_picture(tmp_path / f"a{suffix}", PIXELS, options)
        data = (tmp_path / f"a{suffix}").read_bytes()
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert bool(image.getexif().get_ifd(34853)) == keep
        assert b"secret maker note" not in data


def test_thumbnail_is_dropped(tmp_path):
    small = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(small, "JPEG")
    thumbnail = small.getvalue()
    block = bytearray(exif_block(1, gps=False))
    base = 6
    count = int.from_bytes(block[base + 8 : base + 10], "big")
    link = base + 10 + 12 * count
    block[link : link + 4] = (len(block) - base).to_bytes(4, "big")
    entries = [(513, 4, 1, len(block) - base + 30), (514, 4, 1, len(thumbnail))]
    block += len(entries).to_bytes(2, "big")
    for tag, kind, number, value in entries:
        block += (
            tag.to_bytes(2, "big")
            + kind.to_bytes(2, "big")
            + number.to_bytes(4, "big")
            + value.to_bytes(4, "big")
        )
    block += bytes(4) + thumbnail
    assert thumbnail in block
    write_picture(tmp_path / "a.jpg", PIXELS, OutputOptions(exif=bytes(block)))
    data = (tmp_path / "a.jpg").read_bytes()
    assert b"Camera & Co" in data and data.count(b"\xff\xd8\xff") == 1


def test_user_comment_is_typed_and_headed_as_exif_has_it(tmp_path):
    for recipe, head in (('{"a": 1}', b"ASCII\0\0\0"), (RECIPE, b"UNICODE\0")):
        write_picture(tmp_path / "a.jpg", PIXELS, OutputOptions(recipe=recipe, overwrite=True))
        data = (tmp_path / "a.jpg").read_bytes()
        block = data[data.index(b"Exif\0\0") + 6 :]
        entry = block.index(struct.pack("<HH", 37510, 7))  # UNDEFINED
        offset = int.from_bytes(block[entry + 8 : entry + 12], "little")
        assert block[offset : offset + 8] == head


def test_recipes_of_others_are_none(tmp_path):
    assert read_recipe(write_file(tmp_path, "a.png", png(patches()))) is None
    path = tmp_path / "b.jpg"
    Image.fromarray(patches()).save(path, exif=exif_block())  # its comment is "a fine day"
    assert read_recipe(path) is None
    with pytest.raises(ImageError, match="there is no picture"):
        read_recipe(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="damaged"):
        read_recipe(write_file(tmp_path, "c.png", b"no"))


def test_damaged_exif_is_left_out_with_a_note(tmp_path):
    for block in (b"Exif\0\0nonsense", b"Exif\0\0II*\0"):
        options = OutputOptions(exif=block, recipe=RECIPE, overwrite=True)
        notes = write_picture(tmp_path / "a.jpg", PIXELS, options)
        assert notes == ["the photo's EXIF data are damaged or too long and were left out"]
        assert read_recipe(tmp_path / "a.jpg") == RECIPE


def test_long_recipes(tmp_path):
    for length, letter in ((29_000, "x"), (70_000, "x"), (200_000, "星")):
        recipe = '{"a": "' + letter * length + '"}'
        for extension in ("png", "jpg", "webp", "avif", "tif"):
            path = tmp_path / f"{length}.{extension}"
            assert write_picture(path, PIXELS, OutputOptions(recipe=recipe, exif=exif_block())) == []
            assert read_recipe(path) == recipe
            with Image.open(path) as image:
                assert image.size == (PIXELS.shape[1], PIXELS.shape[0])
                assert image.getexif()[271]  # the camera's maker, of the photo's EXIF block
    plain = tmp_path / "plain.jpg"
    write_picture(plain, PIXELS, OutputOptions(exif=exif_block()))
    with Image.open(plain) as one, Image.open(tmp_path / "200000.jpg") as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert read_recipe(plain) is None


def test_alpha_in_jpeg_is_dropped_with_a_note(tmp_path):
    notes = write_picture(tmp_path / "a.jpg", PIXELS, OutputOptions(alpha=PIXELS[..., 0]))
    assert notes == ["a.jpg has no transparency, as JPEG has none; PNG, WebP, AVIF and TIFF keep it"]


def test_values_are_clipped_and_rounded_never_stretched(tmp_path):
    row = np.array([-0.5, 0, 0.4 / 255, 0.6 / 255, 0.25, 1, 1.5], np.float64)
    pixels = np.repeat(np.repeat(row[None, :, None], 16, 0), 3, 2).repeat(3, axis=1)
    write_picture(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image)[0, ::3, 0].tolist() == [0, 0, 0, 1, 64, 255, 255]
    write_picture(tmp_path / "b.png", pixels * 0 + 0.5)
    assert np.rint(read_picture(tmp_path / "b.png").pixels * 255).max() == 128


@pytest.mark.parametrize(
    "pixels, message",
    [
        (np.full((20, 20, 3), np.nan), "must be finite floats"),
        (np.full((20, 20, 3), np.inf), "must be finite floats"),
        (np.zeros((20, 20, 3), np.uint8), "must be finite floats, not uint8"),
        (np.zeros((20, 20)), r"must be \(height, width, 3\), not \(20, 20\)"),
    ],
)
def test_unusable_pixels(tmp_path, pixels, message):
    with pytest.raises(ImageError, match=message):
        write_picture(tmp_path / "a.png", pixels)
    assert not list(tmp_path.iterdir())


def test_wrong_alpha(tmp_path):
    with pytest.raises(ImageError, match=r"alpha must have the shape \(16, 384\), not \(3, 3\)"):
        write_picture(tmp_path / "a.png", PIXELS, OutputOptions(alpha=np.ones((3, 3))))


def test_wrong_options():
    for options, message in (({"quality": 0}, "1 to 100, not 0"), ({"bit_depth": 12}, "8 or 16, not 12")):
        with pytest.raises(SettingError, match=message):
            OutputOptions(**options)


@pytest.mark.parametrize(
    "name, error, message",
    [
        ("out", SettingError, "the output '.*out' must end in one of .png, .jpg"),
        ("out.pmg", SettingError, r"not '.pmg'; did you mean '.png'\?"),
        ("out.gif", SettingError, "not '.gif'; choose .png"),
        ("nowhere/out.png", OutputError, "nowhere does not exist; make it first"),
        ("old.png/out.png", OutputError, "old.png is not a folder"),
        ("folder.png", OutputError, "folder.png is a folder; add a file name"),
        ("old.png", OutputError, "old.png already exists; add overwrite=True or choose another name"),
        ("dangling.png", OutputError, "already exists"),
        ("a" * 300 + ".png", OutputError, "cannot be written: File name too long"),
        ("a\0b.png", OutputError, "cannot be written: .*null"),
    ],
)
def test_outputs_are_checked_beforehand(tmp_path, name, error, message):
    (tmp_path / "folder.png").mkdir()
    write_file(tmp_path, "old.png", b"old")
    (tmp_path / "dangling.png").symlink_to("gone.png")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=message):
        check_output(tmp_path / name, overwrite=False)
    assert sorted(tmp_path.iterdir()) == before


def test_a_good_output_leaves_nothing_behind(tmp_path, monkeypatch):
    check_output(tmp_path / "a.PNG", overwrite=False)
    write_file(tmp_path, "old.png", b"old")
    check_output(tmp_path / "old.png", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["old.png"]
    monkeypatch.chdir(tmp_path)
    check_output("a.png", overwrite=False)


def test_inputs_are_never_replaced(tmp_path):
    photo = write_file(tmp_path, "photo.png", b"photo")
    (tmp_path / "soft.png").symlink_to(photo)
    (tmp_path / "hard.png").hardlink_to(photo)
    for name in ("photo.png", "soft.png", "hard.png"):
        with pytest.raises(OutputError, match=r"is the input .*photo.png, which is never replaced"):
            check_output(tmp_path / name, overwrite=True, inputs=["starry-night", photo])


def test_sixteen_bits_need_png_or_tiff(tmp_path):
    check_output(tmp_path / "a.tiff", overwrite=False, bit_depth=16)
    for call in (
        lambda: check_output(tmp_path / "a.jpg", overwrite=False, bit_depth=16),
        lambda: write_picture(tmp_path / "a.jpg", PIXELS, OutputOptions(bit_depth=16)),
    ):
        with pytest.raises(SettingError, match=r"16 bits can be written as .png, .tif or .tiff, not '.jpg'"):
            call()


def test_a_format_with_too_short_sides(tmp_path):
    with pytest.raises(OutputError, match=r"WEBP allows 16383 px a side; choose .png or .tif"):
        write_picture(tmp_path / "a.webp", np.zeros((16, 16_384, 3), np.float32))


def test_an_existing_file_is_kept_unless_overwritten(tmp_path):
    path = write_file(tmp_path, "a.png", b"old")
    with pytest.raises(OutputError, match="already exists; add overwrite=True"):
        write_picture(path, PIXELS)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    write_picture(path, PIXELS, OutputOptions(overwrite=True))
    assert read_picture(path).pixels.shape == PIXELS.shape and len(list(tmp_path.iterdir())) == 1


def test_overwriting_a_link_writes_the_file_that_it_names(tmp_path):
    path = write_file(tmp_path, "a.png", b"old")
    (tmp_path / "link.png").symlink_to("a.png")
    write_picture(tmp_path / "link.png", PIXELS, OutputOptions(overwrite=True))
    assert (tmp_path / "link.png").is_symlink() and read_picture(path).pixels.shape == PIXELS.shape


def test_of_two_writers_one_wins(tmp_path):
    results = []

    def write():
        try:
            results.append(write_picture(tmp_path / "a.png", PIXELS))
        except OutputError as error:
            results.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count([]) == 1 and sum("already exists" in str(r) for r in results) == 7
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_without_hard_links_the_name_is_claimed(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    write_picture(tmp_path / "a.png", PIXELS)
    assert read_picture(tmp_path / "a.png").pixels.shape == PIXELS.shape
    with pytest.raises(OutputError, match="already exists"):
        write_picture(tmp_path / "a.png", PIXELS)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_the_mode_is_that_of_a_new_file(tmp_path):
    old = os.umask(0o027)
    try:
        write_picture(tmp_path / "a.png", PIXELS)
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


def in_subprocess(code, *arguments):
    command = [sys.executable, "-c", "import sys, numpy as np, os\n" + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_full_disk_is_a_sentence(tmp_path):
    code = """
import resource
from impasto.pictures.writing import write_picture
from impasto.errors import OutputError
pixels = np.random.default_rng(0).random((200, 200, 3))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try: write_picture(sys.argv[1], pixels)
except OutputError as error: print(error)
"""
    found = in_subprocess(code, tmp_path / "a.png")
    assert "a.png cannot be written: File too large; choose another place" in found.stdout, found.stderr
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_picture(tmp_path / "a.png", PIXELS)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_permission(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    code = """
from impasto.pictures.writing import check_output
from impasto.errors import OutputError
if os.getuid() == 0:
    for p in sys.argv[2:]: os.chmod(p, 0o755)
    os.setuid(65534)
try: check_output(sys.argv[1], overwrite=False)
except OutputError as error: print(error)
"""
    parents = [p for p in folder.parents if p.stat().st_uid == os.getuid() and str(p).startswith("/tmp/")]
    found = in_subprocess(code, folder / "a.png", *parents)
    assert "the folder" in found.stdout and "Permission denied; choose another place" in found.stdout, (
        found.stderr
    )


def test_pil_image():
    image = picture_to_pil(PIXELS)
    assert image.mode == "RGB" and (np.asarray(image) == patches()).all()
    assert picture_to_pil(PIXELS, PIXELS[..., 0]).mode == "RGBA"


def test_contact_sheet():
    red, blue = np.zeros((40, 80, 3)), np.zeros((100, 50, 3))
    red[..., 0] = blue[..., 2] = 1
    sheet = contact_sheet([[red, blue], [blue]], [["red", "a label much too long for it"], [""]], height=64)
    assert sheet.dtype == np.float32 and sheet.shape[2] == 3
    assert (sheet[8 + 32, 8 + 64] == (1, 0, 0)).all()
    assert (sheet[8 + 32, 8 + 128 + 8 + 16] == (0, 0, 1)).all()
    step = 64 + 22 + 8
    assert sheet.shape == (2 * step + 8, 8 + 128 + 8 + 32 + 8, 3)
    labels = sheet[8 + 64 : step]
    assert labels[:, 8:136].min() < 0.3 and labels[:, 136:144].min() == 1  # written, and only below its own
    assert sheet[step + 8 + 64 :].min() == 1
    with pytest.raises(ValueError):
        contact_sheet([[red]], [])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_recipe_with_a_name_that_is_not_utf8_survives(tmp_path, suffix):
    name = os.fsdecode(b"caf\xe9 \xff.jpg")
    path = tmp_path / os.fsdecode(b"caf\xe9" + suffix.encode())
    recipe = json.dumps({"content": {"name": name}, "style": "神"}, ensure_ascii=False)
    write_picture(path, PIXELS, OutputOptions(recipe=recipe, exif=exif_block()))
    assert json.loads(read_recipe(path)) == {"content": {"name": name}, "style": "神"}
    assert contact_sheet([[PIXELS]], [[name]]).shape[2] == 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_files_declare_srgb_and_nothing_else(tmp_path, suffix):
    exif = Image.Exif()
    exif[34665] = {40961: 65535, 42240: IFDRational(22, 10), 40965: {1: "R03"}}
    write_picture(tmp_path / f"a{suffix}", PIXELS, OutputOptions(exif=exif.tobytes()))
    with Image.open(tmp_path / f"a{suffix}") as image:
        inner = image.getexif().get_ifd(34665)
        assert inner[40961] == 1 and 42240 not in inner and not image.getexif().get_ifd(40965)
        assert image.info["icc_profile"] == writing.srgb_profile()
    back = read_picture(tmp_path / f"a{suffix}")
    assert not back.notes and np.abs(back.pixels - PIXELS)[8, 8::16].max() < 8 / 255
