"""The color modes by their meaning: whose lightness, whose chroma, and that no hue is bent by clipping."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import structural_similarity

from impasto.errors import ImageError
from impasto.pictures import color_transfer, oklab

RNG_PICTURE = np.random.default_rng(1).random((60, 50, 3), dtype=np.float32)


def unit(picture: np.ndarray, step: int = 2) -> np.ndarray:
    return np.ascontiguousarray(picture[::step, ::step, :3], np.float32) / 255


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return unit(data.astronaut())


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    return unit(data.coffee())


def hue(lab: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))


def hue_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.abs((hue(first) - hue(second) + 180) % 360 - 180)


def chroma(lab: np.ndarray) -> np.ndarray:
    return np.hypot(lab[..., 1], lab[..., 2])


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Mean distance of two pictures' quantiles over directions of Oklab (sliced Wasserstein)."""
    directions = np.random.default_rng(2).normal(size=(40, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ranks = np.linspace(0, 1, 200)
    along = [oklab.to_oklab(picture).reshape(-1, 3) @ directions.T for picture in (first, second)]
    return float(np.abs(np.quantile(along[0], ranks, axis=0) - np.quantile(along[1], ranks, axis=0)).mean())


# Oklab


@pytest.mark.parametrize(
    ("srgb", "expected"),
    [
        ((1, 1, 1), (1, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
        ((0.5, 0.5, 0.5), (0.59818, 0, 0)),  # the cube root of ((0.5 + 0.055) / 1.055) ** 2.4
    ],
)
def test_known_colors(srgb, expected):
    np.testing.assert_allclose(oklab.to_oklab(np.float32([[srgb]]))[0, 0], expected, atol=2e-5)


def test_round_trip():
    steps = np.linspace(0, 1, 33, dtype=np.float32)
    every = np.stack(np.meshgrid(steps, steps, steps), axis=-1)  # the gamut with all its borders
    np.testing.assert_allclose(oklab.from_oklab(oklab.to_oklab(every)), every, atol=2e-5)


def test_colors_outside_the_gamut_keep_lightness_and_hue():
    angles = np.radians(np.arange(0, 360, 3))
    lightness, angle = np.meshgrid(np.linspace(0.05, 0.95, 31), angles)
    wanted = np.stack([lightness, 0.4 * np.cos(angle), 0.4 * np.sin(angle)], -1).astype(np.float32)
    shown = oklab.from_oklab(wanted)
    assert shown.min() >= 0 and shown.max() <= 1
    found = oklab.to_oklab(shown)
    np.testing.assert_allclose(found[..., 0], wanted[..., 0], atol=1e-3)
    seen = chroma(found) > 0.02
    assert seen.mean() > 0.9
    assert np.percentile(hue_difference(found, wanted)[seen], 99) < 1
    at_a_border = np.minimum(shown.min(-1), 1 - shown.max(-1))
    assert at_a_border.max() < 0.02  # no more chroma is lost than must be


def test_lightness_beyond_black_and_white():
    lab = np.float32([[[1.7, 0.1, 0.1], [-0.3, 0.1, 0.1]]])
    np.testing.assert_allclose(oklab.from_oklab(lab), [[[1, 1, 1], [0, 0, 0]]], atol=2e-3)


# content


def test_chroma_comes_from_the_photo_and_lightness_from_the_pastiche(portrait, coffee):
    pastiche = coffee[:200, :256]
    photo = portrait[:200]
    result, of_photo = (oklab.to_oklab(x) for x in (color_transfer.with_chroma_of(pastiche, photo), photo))
    np.testing.assert_allclose(result[..., 0], oklab.to_oklab(pastiche)[..., 0], atol=3e-3)
    assert np.median(np.abs(result - of_photo)[..., 1:]) < 1e-3
    assert (chroma(result) <= chroma(of_photo) + 2e-3).all()
    assert np.median(np.abs(oklab.to_oklab(pastiche) - of_photo)[..., 1:]) > 0.02  # it had to change


def test_skin_keeps_its_hue(portrait):
    face = portrait[30:85, 85:135]
    of_face = oklab.to_oklab(face)
    skin = (chroma(of_face) > 0.04) & (np.abs(hue(of_face) - 55) < 25)
    assert skin.sum() > 800
    shift = np.random.default_rng(0).uniform(-0.3, 0.3, face.shape[:2]).astype(np.float32)
    painted = oklab.from_oklab(np.stack([of_face[..., 0] + shift, *np.zeros((2, *shift.shape))], -1))
    result = oklab.to_oklab(color_transfer.with_chroma_of(painted, face))
    shown = skin & (chroma(result) > 0.02)
    assert shown.sum() > 0.8 * skin.sum()
    assert hue_difference(result, of_face)[shown].max() < 2


def test_a_photo_gives_itself_its_colors(portrait):
    np.testing.assert_allclose(color_transfer.with_chroma_of(portrait, portrait), portrait, atol=1e-5)


def test_photo_of_another_size_is_refused(portrait):
    with pytest.raises(ImageError, match=r"pastiche's shape, \(60, 50, 3\), not \(256, 256, 3\)"):
        color_transfer.with_chroma_of(RNG_PICTURE, portrait)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_color_picture_is_refused(shape):
    for function in (
        color_transfer.match_lightness,
        color_transfer.match_moments,
        color_transfer.match_histogram,
    ):
        with pytest.raises(ImageError, match="height, width, 3"):
            function(RNG_PICTURE, np.zeros(shape, np.float32))
    with pytest.raises(ImageError, match="height, width, 3"):
        color_transfer.lightness_of(np.zeros(shape, np.float32))


# luminance


def test_lightness_pictures_are_gray_and_alike(portrait, coffee):
    photo, style = color_transfer.lightness_of(portrait), color_transfer.match_lightness(coffee, portrait)
    assert photo.shape == portrait.shape and style.shape == coffee.shape
    for gray in (photo, style):
        np.testing.assert_array_equal(gray[..., 0], gray[..., 1])
        np.testing.assert_array_equal(gray[..., 0], gray[..., 2])
    of_photo, of_style = (oklab.to_oklab(gray)[..., 0] for gray in (photo, style))
    np.testing.assert_allclose(of_photo, oklab.to_oklab(portrait)[..., 0], atol=1e-5)
    assert of_style.mean() == pytest.approx(of_photo.mean(), abs=0.03)  # the darkest bend before black
    assert of_style.std() == pytest.approx(of_photo.std(), abs=0.03)
    order = np.argsort(oklab.to_oklab(coffee)[..., 0], axis=None)
    assert (np.diff(of_style.ravel()[order]) > -1e-5).all()  # monotone


def test_lightness_is_matched_exactly_where_it_fits(portrait):
    photo = 0.4 + 0.2 * portrait
    style = 0.2 + 0.5 * RNG_PICTURE
    grays = color_transfer.lightness_of(photo), color_transfer.match_lightness(style, photo)
    of_photo, of_style = (oklab.to_oklab(gray)[..., 0] for gray in grays)
    assert of_style.mean() == pytest.approx(of_photo.mean(), abs=1e-4)
    assert of_style.std() == pytest.approx(of_photo.std(), rel=1e-3)
    ours, theirs = of_style.ravel(), oklab.to_oklab(style)[..., 0].ravel()
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99999  # a linear map


# moments and histogram


def test_moments_are_the_photos(portrait):
    photo = 0.3 + 0.4 * portrait
    result = color_transfer.match_moments(0.3 + 0.4 * RNG_PICTURE, photo)
    ours, theirs = (oklab.to_oklab(picture).reshape(-1, 3) for picture in (result, photo))
    deviation = theirs.std(axis=0)
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=1e-2 * deviation.min())
    difference = np.cov(ours.T) - np.cov(theirs.T)
    assert (np.abs(difference) / np.outer(deviation, deviation)).max() < 1e-2


def test_moments_are_the_optimal_map(portrait):
    # Transport between Gaussians is the gradient of a convex function: its matrix is symmetric, positive.
    style = 0.3 + 0.4 * RNG_PICTURE
    before = oklab.to_oklab(style).reshape(-1, 3).astype(np.float64)
    after = oklab.to_oklab(color_transfer.match_moments(style, 0.35 + 0.3 * portrait)).reshape(-1, 3)
    matrix = np.linalg.lstsq(before - before.mean(0), after - after.mean(0), rcond=None)[0]
    np.testing.assert_allclose(matrix, matrix.T, atol=5e-3 * np.abs(matrix).max())
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_moments_do_not_crush_lights_and_shadows():
    ramp = np.repeat(np.linspace(0.2, 0.8, 256, dtype=np.float32)[None, :, None], 3, axis=2)
    ramp = np.repeat(ramp, 8, axis=0)
    black_and_white = np.zeros_like(ramp)
    black_and_white[:, ::2] = 1
    lightness = oklab.to_oklab(color_transfer.match_moments(ramp, black_and_white))[0, :, 0]
    assert lightness[0] == pytest.approx(0, abs=2e-3) and lightness[-1] == pytest.approx(1, abs=2e-3)
    assert (np.diff(lightness) > 5e-4).all()  # every step of the ramp is still there


def test_a_gray_style_is_toned_by_the_photo(coffee):
    gray = np.repeat(unit(data.camera()[..., None].repeat(3, 2))[..., :1], 3, axis=2)
    for function in (color_transfer.match_moments, color_transfer.match_histogram):
        result, of_photo = oklab.to_oklab(function(gray, coffee)), oklab.to_oklab(coffee)
        assert chroma(result).mean() > 0.4 * chroma(of_photo).mean()
        assert hue_difference(result.mean((0, 1)), of_photo.mean((0, 1))) < 15


def test_histogram_distance_falls(portrait, coffee):
    before = distance(coffee, portrait)
    by_moments = distance(color_transfer.match_moments(coffee, portrait), portrait)
    by_histogram = distance(color_transfer.match_histogram(coffee, portrait), portrait)
    assert by_moments < 0.6 * before
    assert by_histogram < before / 9
    assert by_histogram < by_moments / 3


def test_histogram_beats_matching_each_srgb_channel(portrait, coffee):
    from skimage.exposure import match_histograms

    separate = match_histograms(coffee, portrait, channel_axis=-1).astype(np.float32)
    assert distance(color_transfer.match_histogram(coffee, portrait), portrait) < 0.7 * distance(
        separate, portrait
    )


def test_recolored_styles_keep_their_drawing(portrait, coffee):
    before = coffee.mean(-1)
    for function in (color_transfer.match_moments, color_transfer.match_histogram):
        after = function(coffee, portrait).mean(-1)
        assert structural_similarity(before, after, data_range=1.0) > 0.6


def test_a_flat_colors_grain_is_not_blown_up(portrait):
    rng = np.random.default_rng(4)
    grain = rng.normal(0, 0.01, (128, 128, 1)).astype(np.float32)
    flat = np.clip(np.float32([0.8, 0.15, 0.1]) + grain, 0, 1)
    flat[:, :20] = 0.9  # a white margin, so that the whole has some spread
    before = oklab.to_oklab(flat)[:, 20:]
    after = oklab.to_oklab(color_transfer.match_histogram(flat, portrait))[:, 20:]
    assert after.reshape(-1, 3).std(0).max() < 45 * before.reshape(-1, 3).std(0).max()


@pytest.mark.parametrize("function", [color_transfer.match_moments, color_transfer.match_histogram])
def test_a_picture_matched_to_itself_stays(function, portrait):
    result = function(portrait, portrait)
    assert np.abs(result - portrait).mean() < 2e-3
    assert np.quantile(np.abs(result - portrait), 0.99) < 0.02


# any picture


def flat_picture(*color: float) -> np.ndarray:
    return np.full((9, 7, 3), color, np.float32)


ODD_PICTURES = {
    "black": flat_picture(0, 0, 0),
    "white": flat_picture(1, 1, 1),
    "red": flat_picture(1, 0, 0),
    "gray": np.repeat(RNG_PICTURE[..., :1], 3, axis=2),
    "one pixel": np.float32([[[0.2, 0.9, 0.4]]]),
    "two pixels": np.float32([[[0, 0, 1], [1, 1, 0]]]),
    "noise": RNG_PICTURE,
}


@pytest.mark.parametrize("photo", ODD_PICTURES)
@pytest.mark.parametrize("style", ODD_PICTURES)
@pytest.mark.filterwarnings("error")
def test_odd_pictures(style, photo):
    style, photo = ODD_PICTURES[style], ODD_PICTURES[photo]
    painted = np.resize(style, photo.shape)
    results = [
        (color_transfer.with_chroma_of(painted, photo), photo),
        (color_transfer.lightness_of(photo), photo),
        (color_transfer.match_lightness(style, photo), style),
        (color_transfer.match_moments(style, photo), style),
        (color_transfer.match_histogram(style, photo), style),
    ]
    for result, like in results:
        assert result.dtype == np.float32 and result.shape == like.shape
        assert np.isfinite(result).all() and result.min() >= 0 and result.max() <= 1


def test_a_flat_style_gets_the_photos_mean_color(coffee):
    mean = oklab.to_oklab(coffee).reshape(-1, 3).mean(0)
    for function in (color_transfer.match_moments, color_transfer.match_histogram):
        found = oklab.to_oklab(function(flat_picture(0.1, 0.7, 0.3), coffee))
        np.testing.assert_allclose(found.reshape(-1, 3), np.tile(mean, (63, 1)), atol=2e-3)


def test_inputs_are_left_alone_and_results_repeat(portrait, coffee):
    kept = portrait.copy(), coffee.copy()
    for function in (
        color_transfer.match_moments,
        color_transfer.match_histogram,
        color_transfer.match_lightness,
    ):
        one, two = (np.stack(np.broadcast_arrays(function(coffee, coffee))) for _ in range(2))
        np.testing.assert_array_equal(one, two)
        function(coffee, portrait)
    np.testing.assert_array_equal(portrait, kept[0])
    np.testing.assert_array_equal(coffee, kept[1])


def test_statistics_of_a_large_picture_come_from_all_of_it(monkeypatch):
    # Columns of period 16 would fool a sampling by a regular step.
    large = np.zeros((512, 512, 3), np.float32)
    large[:, ::16] = 1
    large[:256, :, 0] = 1
    monkeypatch.setattr(color_transfer, "SAMPLES", 2**14)
    sampled = color_transfer.color_samples(large)
    assert len(sampled) == 2**14
    every = oklab.to_oklab(large).reshape(-1, 3)
    np.testing.assert_allclose(sampled.mean(0), every.mean(0), atol=2e-3)
    np.testing.assert_allclose(np.cov(sampled.T), np.cov(every.T), atol=2e-3)


def test_bands_leave_no_seams(monkeypatch, portrait, coffee):
    whole = color_transfer.match_histogram(coffee, portrait)
    monkeypatch.setattr(oklab, "BAND", 1000)
    np.testing.assert_allclose(color_transfer.match_histogram(coffee, portrait), whole, atol=1e-4)


@pytest.mark.parametrize(
    "function", [color_transfer.match_lightness, color_transfer.match_moments, color_transfer.match_histogram]
)
def test_what_is_invisible_does_not_count_in_the_statistics(function, portrait, coffee):
    seen = [np.zeros(picture.shape[:2], np.float32) for picture in (coffee, portrait)]
    seen[0][20:60, 30:90] = seen[1][10:80, 10:50] = 1
    alone = function(coffee[20:60, 30:90], portrait[10:80, 10:50])
    np.testing.assert_allclose(function(coffee, portrait, *seen)[20:60, 30:90], alone, atol=1e-5)
    assert np.abs(function(coffee, portrait)[20:60, 30:90] - alone).max() > 0.05


def test_a_gray_picture_may_be_a_color_jpeg(portrait):
    gray = color_transfer.lightness_of(portrait)
    file = io.BytesIO()
    Image.fromarray(np.uint8(np.rint(gray * 255))).save(file, "JPEG", quality=75)
    assert color_transfer.is_achromatic(gray)
    assert color_transfer.is_achromatic(np.asarray(Image.open(file), np.float32) / 255)
    assert not color_transfer.is_achromatic(portrait)
    assert not color_transfer.is_achromatic(gray * np.array([1, 0.96, 0.9], np.float32))  # sepia
    alpha = np.ones(gray.shape[:2], np.float32)
    alpha[:9] = 0
    half = np.where(alpha[..., None] > 0, gray, portrait)
    assert color_transfer.is_achromatic(half, alpha) and not color_transfer.is_achromatic(half)
