"""What is named becomes what the methods need: sizes, styles, colors, regions, subject."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from keras import ops
from PIL import Image

import impasto
from conftest import picture, tiny_weights
from impasto import gallery
from impasto.errors import ImageError, MissingFileError, SettingError
from impasto.networks.feature_network import FeatureNetwork
from impasto.photos import final_shape, read_photo, result_shape
from impasto.pictures.oklab import to_oklab
from impasto.preparation import Inputs, prepare
from impasto.settings import Settings
from impasto.styles import RegionSpec, StyleSpec

PHOTO, PAINTING = picture(48, 64, 1), picture(36, 60, 2)


@pytest.fixture(scope="module")
def network():
    weights = tiny_weights(widths=(4, 4, 4, 4, 4))
    return FeatureNetwork(name="tiny", weights={k: ops.convert_to_tensor(v) for k, v in weights.items()})


@pytest.fixture
def ready(network):
    """Prepare pictures."""

    def run(content=PHOTO, style=PAINTING, regions=(), **settings):
        return prepare(Inputs.of(content, style, regions), Settings(**settings), network)

    return run


def left(shape=(48, 64), share=0.5):
    mask = np.zeros(shape, np.float32)
    mask[:, : round(share * shape[1])] = 1
    return mask


def chroma(pixels):
    return np.linalg.norm(to_oklab(pixels)[..., 1:], axis=-1)


def save(path, pixels):
    Image.fromarray((np.asarray(pixels) * 255).astype(np.uint8)).save(path)
    return path


def test_the_photo_comes_through_unchanged(ready):
    prepared = ready()
    np.testing.assert_array_equal(prepared.content, PHOTO)
    np.testing.assert_array_equal(prepared.initial, PHOTO)
    assert prepared.cover is None
    assert [region.mask for region in prepared.regions] == [None]
    np.testing.assert_array_equal(prepared.complete(PHOTO), PHOTO)


def test_sizes(ready):
    assert ready(max_size=32).content.shape == (24, 32, 3)
    assert ready(max_size=32, fit="stretch").content.shape == (32, 32, 3)
    assert ready(max_size=500).photo.shape == (48, 64, 3)
    (region,) = ready(max_size=32, fit="stretch").regions
    assert region.styles[0].pixels.shape == (32, 32, 3)


@pytest.mark.parametrize(("stroke_size", "shape"), [(0.5, (19, 32)), (1, (38, 64)), (2.5, (96, 160))])
def test_stroke_size_is_the_styles_long_side_over_the_photos(ready, stroke_size, shape):
    style = ready(stroke_size=stroke_size).regions[0].styles[0]
    assert style.size == pytest.approx(shape, abs=1)
    assert max(style.size) == shape[1]


def test_stroke_size_does_not_depend_on_the_output_size(ready):
    for size in (32, 48, 64):
        prepared = ready(max_size=size, stroke_size=0.75)
        assert max(prepared.regions[0].styles[0].size) == 0.75 * size


def test_the_smallest_strokes_of_a_small_photo_still_make_a_picture(network):
    result = impasto.stylize(
        picture(20, 24, 1),
        PAINTING,
        network=network,
        stroke_size=0.25,
        iterations=2,
        content_layers=("relu1_2",),
    )
    assert np.isfinite(result.pixels).all()
    assert len(result.losses) == 2


def test_several_styles_keep_their_order_weights_and_parts(ready, tmp_path):
    path = save(tmp_path / "b.png", picture(40, 40, 3))
    prepared = ready(
        style=[PAINTING, f"{path}:2@fine", StyleSpec(source="swirls", weight=0.5, part="coarse")]
    )
    (region,) = prepared.regions
    assert [(s.weight, s.part) for s in region.styles] == [(1, "all"), (2, "fine"), (0.5, "coarse")]
    assert [r["name"] for r in prepared.record["styles"]] == ["array", "b.png", "swirls"]
    assert prepared.record["styles"][1]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert prepared.record["styles"][2] == {
        "name": "swirls", "sha256": gallery.card("swirls").sha256, "weight": 0.5, "part": "coarse"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "allowed"), [((0, 0), False), ((0, 1), True), ((1e-9, 0), True), ((2, 3), True)]
)
def test_weights_must_not_all_be_zero(weights, allowed):
    styles = [StyleSpec(source=PAINTING, weight=weight) for weight in weights]
    if allowed:
        assert len(Inputs.of(PHOTO, styles).styles) == 2
        return
    with pytest.raises(SettingError, match="the weights of the styles must not all be 0"):
        Inputs.of(PHOTO, styles)


def test_a_style_is_needed():
    with pytest.raises(SettingError, match="at least one style must be given"):
        Inputs.of(PHOTO, [])


def test_everything_that_may_be_a_file_is_known():
    inputs = Inputs.of("photo.png", ["a.png:2", "b.png"], ["m.png=c.png#n.png"])
    assert {str(file) for file in inputs.files} == {"photo.png", "a.png", "b.png", "m.png", "c.png", "n.png"}
    painted = Inputs.of("photo.png", "a.png", [RegionSpec(left(), "b.png", left())])
    assert painted.files == ["photo.png", "a.png", "b.png"]


def test_regions_share_the_picture_with_the_main_style(ready):
    prepared = ready(regions=[RegionSpec(left(), picture(40, 40, 3)), RegionSpec(left(share=0.75), PAINTING)])
    masks = [region.mask for region in prepared.regions]
    assert len(masks) == 3
    np.testing.assert_allclose(sum(masks), 1, atol=1e-6)
    np.testing.assert_allclose(masks[0][:, :32], 0.5)
    np.testing.assert_allclose(masks[1][:, 33:47], 1)
    np.testing.assert_allclose(masks[2][:, 49:], 1)
    assert prepared.cover is None


def test_the_record_tells_the_main_styles_from_the_regions(ready, tmp_path):
    files = {
        name: save(tmp_path / name, picture(48, 64, seed))
        for seed, name in enumerate(("a.png", "b.png", "m.png"))
    }
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    for background in ("style", "photo"):
        prepared = ready(
            style=str(files["a.png"]), regions=[f"{files['m.png']}={files['b.png']}"], background=background
        )
        (style,), (region,) = prepared.record["styles"], prepared.record["regions"]
        assert (style["name"], style["sha256"]) == ("a.png", digests["a.png"])
        assert (region["mask"], region["style"], region["style_mask"]) == ("m.png", "b.png", None)
        assert (region["mask_sha256"], region["style_sha256"]) == (digests["m.png"], digests["b.png"])


def test_background_photo_shows_the_photo_outside_the_regions(ready):
    prepared = ready(regions=[RegionSpec(left(), PAINTING)], background="photo")
    assert len(prepared.regions) == 1
    completed = prepared.complete(np.zeros_like(PHOTO))
    np.testing.assert_array_equal(completed[:, 32:], PHOTO[:, 32:])
    assert completed[:, :32].max() == 0


def test_where_a_region_has_no_style_the_photo_stays(ready):
    prepared = ready(regions=[RegionSpec(left())])
    (region,) = prepared.regions
    np.testing.assert_array_equal(region.mask, 1 - left())
    completed = prepared.complete(np.zeros_like(PHOTO))
    np.testing.assert_array_equal(completed[:, :32], PHOTO[:, :32])
    assert completed[:, 32:].max() == 0
    assert prepared.record["regions"][0]["style"] == "photo"


def test_of_two_regions_one_may_have_no_style(ready):
    right = left()[:, ::-1].copy()
    both = [RegionSpec(left(share=0.25)), RegionSpec(right, picture(40, 40, 3))]
    for background, seen in (("style", 0.75), ("photo", 0.5)):
        prepared = ready(regions=both, background=background)
        assert [region.mask.mean() for region in prepared.regions] == [0.5, 0.25][
            : 1 + (background == "style")
        ]
        assert prepared.cover.mean() == pytest.approx(seen)
        np.testing.assert_array_equal(prepared.complete(np.zeros_like(PHOTO))[:, :16], PHOTO[:, :16])
    half = ready(regions=[RegionSpec(0.5 * np.ones((48, 64), np.float32))])
    np.testing.assert_allclose(half.cover, 1 - 128 / 255, atol=1e-6)  # 8 bit, as the recipe has it


def test_regions_that_leave_everything_as_it_is_are_refused(ready):
    message = "the regions leave the whole photo as it is; give one of them a style"
    for regions, background in (([RegionSpec(left())], "photo"), ([RegionSpec(np.ones((48, 64)))], "style")):
        with pytest.raises(ImageError, match=message):
            ready(regions=regions, background=background)


def test_regions_that_cover_everything_leave_nothing_to_the_main_style(ready):
    masks = left(), 1 - left()
    prepared = ready(regions=[RegionSpec(mask, PAINTING) for mask in masks])
    assert len(prepared.regions) == 2


def test_a_style_mask_travels_in_the_styles_size(ready):
    prepared = ready(regions=[RegionSpec(left(), PAINTING, left((36, 60), 0.25))])
    style = prepared.regions[0].styles[0]
    assert style.mask.shape == style.size
    assert style.mask.mean() == pytest.approx(0.25, abs=0.03)


def test_eroded_edges_learn_less_and_show_as_much(ready):
    content, mask = picture(96, 128, 1), left((96, 128), 0.5)
    soft, eroded = (
        ready(content, regions=[RegionSpec(mask, PAINTING)], background="photo", region_edges=edges)
        for edges in ("soft", "eroded")
    )
    assert 0 < eroded.regions[0].mask.mean() < 0.8 * soft.regions[0].mask.mean()
    assert set(np.unique(eroded.regions[0].mask - soft.regions[0].mask)) <= {-1, 0}
    np.testing.assert_array_equal(soft.cover, eroded.cover)


def test_a_region_only_changes_its_own_pixels(network):
    result = impasto.stylize(
        PHOTO, PAINTING, network=network, regions=[RegionSpec(left(), PAINTING)], background="photo",
        iterations=5, content_layers=("relu1_2",), style_layer_weights={"relu1_1": 1}, strength=90,
    )  # fmt: skip
    np.testing.assert_array_equal(result.pixels[:, 32:], PHOTO[:, 32:])
    assert np.abs(result.pixels[:, :30] - PHOTO[:, :30]).mean() > 0.02


def test_sixteen_regions_are_allowed_and_seventeen_are_not(ready):
    masks = np.array_split(np.arange(64), 17)
    regions = []
    for columns in masks:
        mask = np.zeros((48, 64), np.float32)
        mask[:, columns] = 1
        regions.append(RegionSpec(mask, PAINTING))
    assert len(ready(regions=regions[:16]).regions) == 17  # and the rest
    with pytest.raises(SettingError, match="at most 16 regions are allowed, not 17"):
        ready(regions=regions)


@pytest.mark.parametrize(
    ("mask", "error", "sentence"),
    [
        (np.zeros((48, 64), np.float32), ImageError, "is black everywhere: nothing would be styled"),
        (np.ones((48, 48), np.float32), ImageError, "aspect ratios may differ by at most 5%"),
        ("nothing.png", MissingFileError, "nothing.png"),
        (3.5, ImageError, "must be a path, a Pillow image or an array, not float"),
    ],
)
def test_bad_masks_are_one_sentence(ready, mask, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        ready(regions=[RegionSpec(mask, PAINTING)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["m.png", "m.png=", "=style.png", "m.png=style.png#"])
def test_badly_written_regions_are_one_sentence(ready, text):
    with pytest.raises(SettingError, match=r"a region must be written mask\.png=style\.jpg"):
        ready(regions=[text])


def test_a_missing_region_style_is_named(ready):
    with pytest.raises(MissingFileError, match=r"gone\.jpg"):
        ready(regions=[RegionSpec(left(), "gone.jpg")])


@pytest.mark.parametrize("style", ["gone.jpg", "gone.jpg:2@fine"])
def test_a_missing_style_is_named_without_its_weight(ready, style):
    with pytest.raises(MissingFileError, match=r"gone\.jpg") as caught:
        ready(style=style)
    assert "@fine" not in str(caught.value)


def disc(shape=(96, 128)):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2 < (shape[0] / 3.5) ** 2


def subject_photo():
    rng, where = np.random.default_rng(0), disc()[..., None]
    photo = np.where(where, (0.85, 0.3, 0.1), (0.2, 0.35, 0.5)) + rng.normal(0, 0.01, (*where.shape[:2], 3))
    return photo.clip(0, 1).astype(np.float32)


@pytest.mark.parametrize(("subject", "styled"), [("only", disc()), ("keep", ~disc())])
def test_subject_styles_the_subject_only_or_keeps_it(ready, subject, styled):
    photo = subject_photo()
    prepared = ready(photo, subject=subject)
    completed = prepared.complete(np.zeros_like(photo))
    black = completed.max(axis=2) < 0.05
    assert np.mean(black == styled) > 0.95
    assert prepared.regions[0].mask.mean() == pytest.approx(styled.mean(), abs=0.05)


def test_a_photo_without_a_subject_is_one_sentence(ready):
    with pytest.raises(ImageError, match="nothing in the photo stands out"):
        ready(np.full((64, 64, 3), 0.4, np.float32), subject="only")


def test_regions_and_subject_meet_or_are_refused(ready):
    photo = subject_photo()
    corner = np.zeros((96, 128), np.float32)
    corner[:15, :15] = 1
    prepared = ready(
        photo, regions=[RegionSpec(left((96, 128)), PAINTING)], subject="only", background="photo"
    )
    assert prepared.cover[48, 50] > 0.9
    assert prepared.cover[48, 80] == 0
    assert prepared.cover[5, 5] < 0.05
    with pytest.raises(ImageError, match="the regions and the subject do not overlap"):
        ready(photo, regions=[RegionSpec(corner, PAINTING)], subject="only", background="photo")


def test_colors_of_the_content_are_given_back(ready):
    photo = subject_photo()
    pastiche = picture(96, 128, 5)
    for colors in ("content", "luminance"):
        completed = ready(photo, colors=colors).complete(pastiche)
        assert np.abs(chroma(completed) - chroma(photo)).mean() < 0.02
        lightness = [to_oklab(p)[..., 0] for p in (completed, pastiche)]
        assert np.corrcoef(*(band.ravel() for band in lightness))[0, 1] > 0.95
    np.testing.assert_array_equal(ready(photo).complete(pastiche), pastiche)


def test_luminance_shows_the_network_no_color(ready):
    prepared = ready(subject_photo(), colors="luminance")
    assert chroma(prepared.content).max() < 1e-3
    assert chroma(prepared.initial).max() < 1e-3
    assert chroma(prepared.regions[0].styles[0].pixels).max() < 1e-3
    assert chroma(prepared.photo).max() > 0.1


@pytest.mark.parametrize("colors", ["histogram", "moments"])
def test_the_style_takes_the_colors_of_the_photo(ready, colors):
    photo = subject_photo()
    plain, fitted = (ready(photo, colors=c).regions[0].styles[0].pixels for c in ("style", colors))
    wanted = photo.mean(axis=(0, 1))
    assert np.abs(fitted.mean(axis=(0, 1)) - wanted).max() < 0.06
    assert np.abs(plain.mean(axis=(0, 1)) - wanted).max() > 0.1
    np.testing.assert_array_equal(ready(photo, colors=colors).complete(plain[:, :]), plain[:, :])


def test_a_picture_of_a_coarse_scale_is_completed_in_its_own_size(ready):
    prepared = ready(regions=[RegionSpec(left(), PAINTING)], background="photo", colors="content")
    coarse = prepared.complete(picture(24, 32, 6))
    assert coarse.shape == (24, 32, 3)
    reduced = PHOTO.reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(coarse[:, 20:] - reduced[:, 20:]).max() < 0.05


def test_starts(ready, tmp_path):
    assert ready(initial="noise", iterations=(2, 2)).initial.shape == (24, 32, 3)
    start = save(tmp_path / "start.png", picture(24, 32, 8))
    assert ready(initial=str(start)).initial.shape == (48, 64, 3)
    with pytest.raises(
        SettingError, match="initial must be content, noise or a picture's file name, not 'gone'"
    ):
        ready(initial="gone")


def test_notes_are_said_once(ready):
    notes = ready(style=[PHOTO, PHOTO]).notes
    assert len([note for note in notes if "content image itself" in note]) == 1


def test_the_method_says_how_small_a_result_may_be():
    photo, small = np.zeros((32, 3200, 3), np.uint8), np.zeros((20, 40, 3), np.uint8)
    one_pass, nothing = Settings(method="onepass", max_size=128), Settings(method="onepass", strength=0)
    with pytest.raises(ImageError, match="at least 16 px are needed; choose max_size 1600 or more"):
        read_photo(photo, Settings(max_size=128))
    for take in (read_photo, result_shape):
        with pytest.raises(ImageError, match="at least 32 px are needed; choose max_size 3200 or more"):
            take(photo, one_pass)
        with pytest.raises(ImageError, match="has 40 x 20 px; at least 32 px are needed on each side"):
            take(small, one_pass)
        with pytest.raises(ImageError, match="needs sides of at least 32 px, not 24 x 24"):
            take(photo, Settings(method="onepass", fit="stretch", max_size=24))
    assert read_photo(small, nothing).shape == result_shape(small, Settings()) == (20, 40)
    with pytest.raises(ImageError, match="needs sides of at least 32 px, not 40 x 20"):
        impasto.plan((20, 40), method="onepass")


def test_final_shape_never_enlarges():
    from impasto.pictures.reading import Picture

    assert final_shape(Picture(pixels=PHOTO), Settings()) == (48, 64)
    assert final_shape(Picture(pixels=PHOTO), Settings(fit="stretch", max_size=32)) == (32, 32)
