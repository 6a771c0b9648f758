"""Masks: what a person writes, paints or leaves to the photo becomes weights at each layer."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from impasto.errors import ImageError, MissingFileError, SettingError
from impasto.pictures.masks import (
    erode_to_receptive_field,
    feathered,
    mask_of_text,
    mask_pyramid,
    mask_text,
    partition,
    read_mask,
)
from impasto.pictures.reading import read_picture
from impasto.pictures.resizing import fit
from impasto.pictures.subject import Subject, subject_mask
from impasto.styles import MAX_REGIONS, RegionSpec, check_regions, parse_region


def half(height: int, width: int) -> np.ndarray:
    """Return a mask whose left half is white."""
    mask = np.zeros((height, width), np.float32)
    mask[:, : width // 2] = 1
    return mask


def png_text(values: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def save(path, values, mode=None):
    Image.fromarray(np.uint8(np.rint(np.asarray(values) * 255)), mode).save(path)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mask.png=style.jpg", ("mask.png", "style.jpg", None)),
        ("mask.png=style.jpg#part.png", ("mask.png", "style.jpg", "part.png")),
        (" my mask.png = great-wave # a b.png ", ("my mask.png", "great-wave", "a b.png")),
        ("mask.png=a=b.jpg", ("mask.png", "a=b.jpg", None)),
        ("mask.png=nature#1.jpg#part.png", ("mask.png", "nature#1.jpg", "part.png")),
    ],
)
def test_a_region_is_read_as_written(text, expected):
    assert parse_region(text) == RegionSpec(*expected)


def test_files_that_are_there_decide_where_to_cut(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a=b.png", "no#1.jpg", "c#d=e.png"):
        (tmp_path / name).touch()
    assert parse_region("a=b.png=style.jpg") == RegionSpec("a=b.png", "style.jpg")
    assert parse_region("mask.png=no#1.jpg") == RegionSpec("mask.png", "no#1.jpg")
    assert parse_region("mask.png=no#1.jpg#x.png") == RegionSpec("mask.png", "no#1.jpg", "x.png")
    assert parse_region("mask.png=s.jpg#c#d=e.png") == RegionSpec("mask.png", "s.jpg", "c#d=e.png")
    every = RegionSpec("a=b.png", "no#1.jpg", "c#d=e.png")
    assert parse_region("a=b.png=no#1.jpg#c#d=e.png") == every


def test_photo_as_a_style_leaves_the_photo_unless_it_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_region("mask.png=photo") == RegionSpec("mask.png", None)
    assert parse_region("mask.png=photo#part.png") == RegionSpec("mask.png", "photo", "part.png")
    (tmp_path / "photo").touch()
    assert parse_region("mask.png=photo") == RegionSpec("mask.png", "photo")


def test_names_that_no_file_can_have_are_no_files():
    assert parse_region(f"{'m' * 5000}=a\0b.jpg").style == "a\0b.jpg"


@pytest.mark.parametrize("text", ["", "m.png", "=s.jpg", "m.png=", "m.png=s.jpg#", "m.png=#p.png"])
def test_another_form_is_refused_with_an_example(text):
    with pytest.raises(SettingError) as error:
        parse_region(text)
    assert str(error.value) == (
        "a region must be written mask.png=style.jpg or mask.png=style.jpg#stylemask.png, "
        f"not {text!r}; for example sky.png=starry-night.jpg"
    )


def test_the_number_of_regions_is_limited():
    specs = [RegionSpec("m.png", "s.jpg")] * (MAX_REGIONS + 1)
    check_regions(specs[:-1])
    with pytest.raises(SettingError, match=r"^at most 16 regions are allowed, not 17$"):
        check_regions(specs)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.uint16, np.float32, np.float64])
def test_arrays_of_every_kind_are_masks(kind):
    full = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1
    mask = read_mask((half(20, 30) * full).astype(kind), (20, 30))
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask, half(20, 30))


def test_files_and_pillow_images_are_masks_in_any_size(tmp_path):
    path = save(tmp_path / "mask.png", half(40, 60))
    for source in (path, str(path), Image.open(path), Image.open(path).convert("1")):
        mask = read_mask(source, (20, 30))
        assert mask.shape == (20, 30) and mask.dtype == np.float32
        assert mask[:, :13].min() > 0.99 and mask[:, 17:].max() < 0.01
        assert mask.mean() == pytest.approx(0.5, abs=0.01)
    assert read_mask(path, (400, 600)).mean() == pytest.approx(0.5, abs=0.01)


def test_soft_masks_stay_soft_and_gray_is_luminance(tmp_path):
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (32, 1))
    np.testing.assert_allclose(read_mask(ramp, (32, 64)), ramp, atol=1e-6)
    colors = np.zeros((16, 48, 3))
    colors[:, :16, 0] = colors[:, 16:32, 1] = colors[:, 32:, 2] = 1
    mask = read_mask(save(tmp_path / "colors.png", colors), (16, 48))
    np.testing.assert_allclose(mask[0, [8, 24, 40]], [0.2126, 0.7152, 0.0722], atol=1e-6)


@pytest.mark.parametrize("color", [0, 0.4, 1])
def test_a_painted_layer_is_its_alpha(tmp_path, color):
    layer = np.full((20, 30, 4), float(color))
    layer[..., 3] = half(20, 30) * 0.8
    layer[:, 15:, :3] = 0.5  # what is transparent has no color
    mask = read_mask(save(tmp_path / "layer.png", layer), (20, 30))
    np.testing.assert_allclose(mask, half(20, 30) * 0.8, atol=1e-6)


def test_a_layer_of_several_grays_is_gray_where_it_is_opaque(tmp_path):
    layer = np.ones((20, 32, 4))
    layer[:10, :, :3] = 0.2
    layer[..., 3] = half(20, 32)
    mask = read_mask(save(tmp_path / "layer.png", layer), (20, 32))
    np.testing.assert_allclose(mask[[5, 15], 4], [0.2, 1], atol=1e-6)
    assert mask[:, 16:].max() == 0


def test_an_empty_mask_is_refused_by_name(tmp_path):
    path = save(tmp_path / "night.png", np.zeros((20, 30)))
    message = "night.png is black everywhere: nothing would be styled; paint the region white"
    with pytest.raises(ImageError, match=f"^the mask {message}$"):
        read_mask(path, (20, 30))
    layer = np.zeros((20, 30, 4))
    with pytest.raises(ImageError, match="black everywhere"):
        read_mask(save(tmp_path / "clear.png", layer), (20, 30))


def test_another_aspect_ratio_is_refused_with_both_sizes(tmp_path):
    path = save(tmp_path / "tall.png", np.ones((100, 80)))
    with pytest.raises(ImageError) as error:
        read_mask(path, (100, 100))
    assert str(error.value) == (
        "the mask tall.png has 80 x 100 px, the picture 100 x 100; "
        "their aspect ratios may differ by at most 5%"
    )
    assert read_mask(path, (104, 80)).shape == (104, 80)
    assert read_mask(np.ones((200, 3000)), (17, 240)).shape == (17, 240)  # a pixel of rounding


def test_a_mask_is_compared_with_the_photo_and_not_with_the_result():
    assert read_mask(half(128, 192), (100, 100), (128, 192)).mean() == pytest.approx(0.5, abs=0.01)
    assert read_mask(half(64, 96), (100, 100), (128, 192)).mean() == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ImageError, match="has 100 x 100 px, the picture 192 x 128;"):
        read_mask(half(100, 100), (100, 100), (128, 192))
    panorama = read_mask(half(45, 2000), fit((45, 2000), 512))  # whose short side is held at 16 px
    assert panorama.shape == (16, 512) and panorama.mean() == pytest.approx(0.5, abs=0.01)


def test_a_painted_mask_becomes_text_and_comes_back():
    soft = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (32, 1))
    text = mask_text(soft)
    assert text.startswith("data:image/png;base64,") and text.isascii()
    levels = mask_of_text(text)
    assert levels.dtype == np.uint8 and levels.shape == (32, 64)
    assert levels[0, [0, 21, 63]].tolist() == [0, 85, 255]  # a third is 85 / 255
    assert mask_text(levels) == text == mask_text(text)
    np.testing.assert_allclose(read_mask(text, (32, 64)), levels / 255, atol=1e-6)
    layer = np.ones((32, 64, 4), np.float32)
    layer[..., 3] = half(32, 64)
    for source in (
        half(32, 64),
        half(32, 64).astype(bool),
        layer,
        Image.fromarray(np.uint8(half(32, 64) * 255)),
    ):
        np.testing.assert_array_equal(mask_of_text(mask_text(source)), half(32, 64) * 255)


def test_a_large_painted_mask_is_reduced_once():
    text = mask_text(half(1500, 2000))
    assert mask_of_text(text).shape == (768, 1024)
    assert mask_text(mask_of_text(text)) == text
    assert len(text) < 4000


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("no base64!", "a mask in the recipe is damaged; paint it again"),
        (base64.b64encode(b"no picture").decode(), "a mask in the recipe is"),
        (png_text(np.zeros((8, 8, 3), np.uint8)), "must be an 8 bit gray PNG of at most 1024 px a side"),
        (png_text(np.zeros((16, 1025), np.uint8)), "must be an 8 bit gray PNG of at most 1024 px a side"),
        (png_text(np.zeros((64, 64), np.uint8))[:40], "a mask in the recipe is"),
    ],
    ids=["text", "other bytes", "color", "large", "cut"],
)
def test_a_text_that_is_no_mask_is_refused(data, sentence):
    with pytest.raises(ImageError, match=sentence):
        read_mask("data:image/png;base64," + data, (16, 16))


def test_labels_count_fully(tmp_path):
    labels = np.zeros((20, 30), np.uint8)
    labels[:, 10:20], labels[:, 20:] = 1, 2
    for mode, palette in (("P", [0, 0, 0, 128, 0, 0, 0, 0, 64]), ("RGB", [0, 0, 0, 128, 0, 0, 0, 0, 64])):
        image = Image.fromarray(labels, "P")
        image.putpalette(palette)
        image.convert(mode).save(tmp_path / "labels.png")
        mask = read_mask(tmp_path / "labels.png", (20, 30))
        assert mask[0, [5, 15, 25]].tolist() == [0, 1, 1]
    shown = {
        (0, 0, 0, 128, 128, 128, 255, 255, 255): [0, 128 / 255, 1],  # grays are as they are
        (0, 0, 0, 255, 0, 0, 255, 255, 255): [0, 0.2126, 1],  # where white says what counts
        (255, 255, 255, 0, 0, 0, 0, 0, 0): [1, 0, 0],  # an index means nothing, its color does
    }
    for palette, expected in shown.items():
        image = Image.fromarray(labels, "P")
        image.putpalette(list(palette))
        image.save(tmp_path / "shown.png")
        mask = read_mask(tmp_path / "shown.png", (20, 30))
        np.testing.assert_allclose(mask[0, [5, 15, 25]], expected, atol=1e-6)


def test_what_is_no_mask_is_refused(tmp_path):
    mask = half(20, 30)
    mask[3, 3] = np.nan
    with pytest.raises(ImageError, match="must be finite"):
        read_mask(mask, (20, 30))
    with pytest.raises(ImageError, match=r"must lie in \[0, 1\]"):
        read_mask(half(20, 30) * 255, (20, 30))
    for shape in ((20,), (2, 20, 30), (20, 30, 2)):
        with pytest.raises(ImageError, match="an array must be"):
            read_mask(np.ones(shape), (20, 30))
    with pytest.raises(ImageError, match="must hold uint8"):
        read_mask(np.ones((20, 30), int), (20, 30))
    with pytest.raises(MissingFileError, match="there is no file"):
        read_mask(tmp_path / "none.png", (20, 30))
    (tmp_path / "text.png").write_text("white")
    with pytest.raises(ImageError, match=r"text\.png is not a picture"):
        read_mask(tmp_path / "text.png", (20, 30))


def test_overlapping_masks_share_in_proportion():
    first = np.array([[1, 1, 0.2, 0]], np.float32)
    second = np.array([[0, 1, 0.3, 0]], np.float32)
    third = np.array([[0, 0.5, 0, 0]], np.float32)
    (a, b, c), rest = partition([first, second, third])
    np.testing.assert_allclose(a, [[1, 0.4, 0.2, 0]], atol=1e-7)
    np.testing.assert_allclose(b, [[0, 0.4, 0.3, 0]], atol=1e-7)
    np.testing.assert_allclose(c, [[0, 0.2, 0, 0]], atol=1e-7)
    np.testing.assert_allclose(rest, [[0, 0, 0.5, 1]], atol=1e-7)
    assert first[0, 1] == 1  # the caller's masks are left alone


def test_a_partition_is_one_everywhere():
    masks = list(np.random.default_rng(0).uniform(0, 1, (5, 17, 23)).astype(np.float32))
    parts, rest = partition(masks)
    np.testing.assert_allclose(np.sum(parts, axis=0) + rest, 1, atol=1e-6)
    assert min(part.min() for part in (*parts, rest)) >= 0
    assert all(part.dtype == np.float32 for part in (*parts, rest))


def test_a_partition_needs_masks_of_one_shape():
    with pytest.raises(SettingError, match=r"^at least one mask is needed, none was given$"):
        partition([])
    with pytest.raises(SettingError, match=r"^masks must have one shape, not \(2, 3\), \(3, 2\)$"):
        partition([np.ones((3, 2)), np.ones((2, 3))])


def naive_pool(mask: np.ndarray, rounding: str) -> np.ndarray:
    sides = [side // 2 if rounding == "floor" else -(-side // 2) for side in mask.shape]
    pooled = np.zeros(sides)
    for row in range(sides[0]):
        for column in range(sides[1]):
            window = mask[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            pooled[row, column] = sum(window.ravel().tolist()) / window.size
    return pooled


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
@pytest.mark.parametrize("shape", [(16, 16), (37, 50), (51, 19)])
def test_the_pyramid_is_average_pooling(shape, rounding):
    mask = np.random.default_rng(1).uniform(0, 1, shape)
    pyramid = mask_pyramid(mask, rounding=rounding)
    assert len(pyramid) == 5
    expected = mask
    for level in pyramid:
        assert level.dtype == np.float32 and level.shape == expected.shape
        np.testing.assert_allclose(level, expected, atol=1e-6)
        expected = naive_pool(expected, rounding)


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_the_pyramid_has_the_shapes_of_the_network(rounding):
    from keras import ops

    x = np.random.default_rng(2).uniform(0, 1, (1, 45, 67, 1)).astype(np.float32)
    for level in mask_pyramid(x[0, ..., 0], 5, rounding):
        np.testing.assert_allclose(level, np.asarray(x)[0, ..., 0], atol=1e-5)
        padding = "valid" if rounding == "floor" else "same"
        x = ops.average_pool(x, 2, 2, padding=padding, data_format="channels_last")


def test_a_pyramid_that_cannot_be_is_refused():
    with pytest.raises(
        SettingError, match=r"^rounding must be floor or ceil, not 'cell'; did you mean 'ceil'\?$"
    ):
        mask_pyramid(np.ones((16, 16)), rounding="cell")
    for levels in (0, 6):
        message = rf"^a mask of shape \(16, 20\) has 1 to 5 levels, not {levels}$"
        with pytest.raises(SettingError, match=message):
            mask_pyramid(np.ones((16, 20)), levels)


def test_erosion_keeps_what_sees_the_region_only():
    mask = np.zeros((20, 20), np.float32)
    mask[4:14, :] = 1
    mask[8, 10] = 0.7
    eroded = erode_to_receptive_field(mask, 2)
    expected = np.zeros((20, 20), np.float32)
    expected[6:12, :] = 1  # to the picture's left and right border: beyond, it goes on as it ends
    expected[6:11, 8:13] = 0.7
    np.testing.assert_array_equal(eroded, expected)
    np.testing.assert_array_equal(erode_to_receptive_field(mask, 0), mask)


def test_erosion_that_would_leave_nothing_is_left_out():
    mask = np.zeros((20, 20), np.float32)
    mask[4:8, 4:8] = 1
    np.testing.assert_array_equal(erode_to_receptive_field(mask, 2), mask)
    faint = np.where(mask > 0, 1, 0.1)
    np.testing.assert_allclose(erode_to_receptive_field(faint, 2), faint)
    message = r"^a receptive field's radius must be at least 0, not -1$"
    with pytest.raises(SettingError, match=message):
        erode_to_receptive_field(mask, -1)


def texture(color, shape, seed, grain=1.5):
    noise = np.random.default_rng(seed).normal(0, 1, (*shape, 3))
    noise = gaussian_filter(noise, (grain, grain, 0))
    return np.clip(np.array(color) + 0.1 * noise / noise.std(), 0, 1)


def disc_photo(shape=(240, 320), center=(130, 180), radius=60):
    rows, columns = np.indices(shape)
    disc = np.hypot(rows - center[0], columns - center[1]) < radius
    front, back = texture((0.75, 0.35, 0.25), shape, 1), texture((0.35, 0.45, 0.4), shape, 2)
    return np.where(disc[..., None], front, back).astype(np.float32), disc


def overlap(mask, truth):
    return (np.minimum(mask, truth).sum()) / np.maximum(mask, truth).sum()


def test_the_subject_of_a_synthetic_photo_is_its_disc():
    photo, disc = disc_photo()
    mask = subject_mask(photo)
    assert mask.shape == disc.shape and mask.dtype == np.float32
    assert mask.min() >= 0 and mask.max() <= 1
    assert overlap(mask, disc) > 0.8
    np.testing.assert_array_equal(mask, subject_mask(photo))


def test_large_and_small_photos_have_subjects_too():
    photo, disc = disc_photo((750, 1000), (400, 560), 190)
    mask = subject_mask(photo)
    assert mask.shape == disc.shape and overlap(mask, disc) > 0.8
    photo, disc = disc_photo((48, 64), (25, 34), 13)
    assert overlap(subject_mask(photo), disc) > 0.6


def two_discs():
    """Return a photo of a disc near the middle and another at the border, and where each is."""
    photo, disc = disc_photo()
    rows, columns = np.indices(disc.shape)
    second = np.hypot(rows - 40, columns - 30) < 28
    blue = texture((0.3, 0.3, 0.75), disc.shape, 3).astype(np.float32)
    return np.where(second[..., None], blue, photo), disc, second


def test_points_add_to_the_subject_and_take_from_it():
    photo, disc, second = two_discs()
    subject = Subject(photo)
    assert overlap(subject.mask(), disc) > 0.8
    both = subject.mask(add=[(30 / 320, 40 / 240)])
    assert overlap(both, disc | second) > 0.8 and overlap(both, disc) < 0.85
    other = subject.mask(add=[(30 / 320, 40 / 240)], remove=[(180 / 320, 130 / 240)])
    assert overlap(other, second) > 0.7 and other[130, 180] < 0.1
    np.testing.assert_array_equal(subject.mask(), subject_mask(photo))  # nothing is remembered


def test_a_hole_that_a_point_made_stays():
    photo, disc, _ = two_discs()
    rows, columns = np.indices(disc.shape)
    hole = np.hypot(rows - 130, columns - 180) < 25
    photo = np.where(hole[..., None], texture((0.9, 0.9, 0.2), disc.shape, 4), photo).astype(np.float32)
    subject = Subject(photo)
    assert subject.mask()[130, 180] > 0.9
    opened = subject.mask(remove=[(180 / 320, 130 / 240)])
    assert opened[130, 180] < 0.1 and opened[130, 225] > 0.9
    assert overlap(opened, disc & ~hole) > 0.75


def test_with_a_point_a_subject_need_not_stand_out():
    flat = texture((0.5, 0.5, 0.5), (120, 160), 3).astype(np.float32)
    assert Subject(flat).mask(add=[(0.5, 0.5)])[60, 80] > 0.5
    with pytest.raises(ImageError, match="nothing in the photo stands out"):
        Subject(flat).mask(remove=[(0.5, 0.5)])


def test_points_on_the_borders_are_points():
    photo, _, _ = two_discs()
    corners = Subject(photo).mask(add=[(0, 0), (1, 1)], remove=[(1, 0)])
    assert corners[2, 2] > 0.5 and corners[-3, -3] > 0.5 and corners[2, -3] < 0.1


@pytest.mark.parametrize(
    "point", [(0.5, 1.01), (-0.1, 0), (0.5,), (0.5, 0.5, 0.5), "ab", 3, (float("nan"), 0)]
)
def test_a_point_out_of_range_is_refused(point):
    photo, _ = disc_photo((48, 64), (25, 34), 13)
    with pytest.raises(SettingError, match="a point must be two numbers from 0 to 1, x and y, not"):
        Subject(photo).mask(add=[point])


def test_a_feather_is_a_blur_of_a_share_of_the_long_side():
    mask = half(100, 200)
    np.testing.assert_array_equal(feathered(mask, 0), mask)
    soft = feathered(mask, 50)  # deviation 0.04 / 2 * 200 = 4 px
    # the normal distribution function at 0.5 / 4, 4.5 / 4 and 8.5 / 4
    np.testing.assert_allclose(soft[50, [99, 95, 91]], [0.5497, 0.8697, 0.9832], atol=2e-3)
    np.testing.assert_allclose(soft[50, [100, 104, 108]], [0.4503, 0.1303, 0.0168], atol=2e-3)
    photo, _ = disc_photo()
    subject = Subject(photo)
    np.testing.assert_array_equal(subject.mask(feather=20), feathered(subject.mask(), 20))
    for wrong in (-1, 101, float("nan")):
        with pytest.raises(SettingError, match="feather must be a number from 0 to 100, not"):
            feathered(mask, wrong)


@pytest.mark.parametrize(
    "photo",
    [
        np.full((120, 160, 3), 0.4, np.float32),
        np.zeros((16, 16, 3), np.float32),
        texture((0.5, 0.5, 0.5), (120, 160), 3).astype(np.float32),
    ],
    ids=["one color", "smallest", "noise"],
)
def test_a_photo_without_a_subject_asks_for_a_painted_mask(photo):
    message = r"^nothing in the photo stands out; paint a mask and name it with --region$"
    with pytest.raises(ImageError, match=message):
        subject_mask(photo)


def test_the_astronaut_is_the_subject():
    data = pytest.importorskip("skimage.data")
    mask = subject_mask(read_picture(data.astronaut()).pixels)
    assert mask[60:180, 175:265].mean() > 0.85  # the face
    assert mask[340:450, 150:300].mean() > 0.85  # the suit
    for corner in (mask[:50, :50], mask[:50, -50:]):
        assert corner.mean() < 0.15
    assert 0.2 < mask.mean() < 0.7


def test_the_coffee_cup_is_cut_out_at_its_edges(shared):
    picture = read_picture(shared / "images/content/coffee-cup.jpg")
    mask = subject_mask(picture.pixels)
    assert mask[100:300, 220:420].mean() > 0.95  # cup and saucer
    assert max(mask[:15].mean(), mask[:, :80].mean(), mask[:, -80:].mean()) < 0.05
