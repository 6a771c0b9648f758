"""The color modes: which colors a pastiche gets, the style's, the photo's or something between.

===============  =====================  ==================  ===========================================
``--colors``     before the iterations  after them          the pastiche's colors
===============  =====================  ==================  ===========================================
``style``        nothing                nothing             the style's
``content``      nothing                `with_chroma_of`    the photo's, place by place
``luminance``    `match_lightness`      `with_chroma_of`    the photo's, place by place
``histogram``    `match_histogram`      nothing             the style's, distributed like the photo's
``moments``      `match_moments`        nothing             the style's, of the photo's mean and spread
===============  =====================  ==================  ===========================================

All of it happens in Oklab, where lightness, chroma and hue hardly depend on each other, and leaves
through one door, `from_oklab`: a color that sRGB cannot show loses chroma and keeps its lightness and
hue. Channels are never clipped, for that is what turns skin orange and skies cyan.

Pictures are float32 (height, width, 3), sRGB in [0, 1]. Of a picture with transparent parts only what is
visible counts in the statistics.

References: Ottosson, "A perceptual color space for image processing" (2020); Gatys, Bethge, Hertzmann
and Shechtman, "Preserving Color in Neural Artistic Style Transfer" (2016); Pitié, Kokaram and Dahyot,
"Automated color grading using color distribution transfer" (2007).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.pictures.oklab import _band_from_oklab, _band_to_oklab, _check, _gray, _in_bands, to_oklab

Array = NDArray[np.float32]
Map = Callable[[Array], Array]  # of colors, (pixels, 3) to (pixels, 3)
SAMPLES = 2**16
"""Pixels that statistics are taken from: a mean is off by a 250th of a standard deviation."""
NOISE = 1 / 255
"""A spread in Oklab that counts as noise: smaller ones are not stretched as if they were colors."""
GRAY_MEAN, GRAY_MOST = 1.5 / 255, 8 / 255
"""How far apart the channels of a gray picture may be that was saved as a color JPEG."""
KNEE = 0.2
"""Lightness this near to black or white gives way when a map would lead beyond them."""
STEEPEST = 2.0
"""How much a histogram's curve may add to a contrast: more turns a flat color's grain into blotches."""
QUANTILES, CURVE_STEPS = 257, 1024
_S2, _S3, _S6 = np.sqrt([0.5, 1 / 3, 1 / 6])
_FRAMES = np.array([
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [0, _S2, _S2], [0, -_S2, _S2]],
    [[_S2, _S2, 0], [-_S2, _S2, 0], [0, 0, 1]],
    [[_S2, 0, _S2], [0, 1, 0], [-_S2, 0, _S2]],
    [[_S3, _S3, _S3], [_S2, -_S2, 0], [_S6, _S6, -2 * _S6]],
    [[_S3, -_S3, _S3], [_S2, _S2, 0], [_S6, -_S6, -2 * _S6]],
], np.float32)  # fmt: skip
"""Axes along which histograms are matched: Oklab's own, the diagonals between two, and between three."""


def with_chroma_of(pastiche: Array, photo: Array) -> Array:
    """Give a pastiche the photo's chroma and hue at each place; it keeps its own lightness.

    Args:
        pastiche: (height, width, 3), sRGB in [0, 1].
        photo: of the same shape and range.

    Returns:
        (height, width, 3), sRGB in [0, 1]. Chroma is less than the photo's only where sRGB has no such
        color at the pastiche's lightness.

    Raises:
        ImageError: the two are no color pictures of one size.
    """
    _check(pastiche, photo)
    if pastiche.shape != photo.shape:
        raise ImageError(
            "the photo must have the pastiche's shape, {expected}, not {found}: resize it first",
            expected=pastiche.shape,
            found=photo.shape,
        )

    def exchange(pastiche_band: Array, photo_band: Array) -> Array:
        lab = _band_to_oklab(photo_band)
        lab[:, 0] = _band_to_oklab(pastiche_band)[:, 0]
        return _band_from_oklab(lab)

    return _in_bands(exchange, pastiche, photo)


def lightness_of(photo: Array) -> Array:
    """Return a picture without color.

    Args:
        photo: (height, width, 3), sRGB in [0, 1].

    Returns:
        Its lightness in Oklab, (height, width, 3) of three equal channels in sRGB.

    Raises:
        ImageError: it is no color picture.
    """
    _check(photo)
    return _in_bands(lambda band: _gray(_band_to_oklab(band)[:, 0]), photo)


def is_achromatic(picture: Array, alpha: Array | None = None) -> bool:
    """Return whether a picture has no colors: all visible pixels are gray but for what JPEG leaves.

    Channels are at most ``GRAY_MEAN`` apart in the mean and ``GRAY_MOST`` anywhere. A toned print (sepia,
    cyanotype) has a color, and so has a gray photo with one red balloon.

    Args:
        picture: (height, width, 3), sRGB in [0, 1].
        alpha: (height, width) in [0, 1]; None if all is visible.

    Raises:
        ImageError: it is no color picture.
    """
    _check(picture)
    few = picture[::16, ::16], None if alpha is None else alpha[::16, ::16]
    for part, weights in (few, (picture, alpha)):  # a few pixels tell most pictures
        red, green, blue = part[..., 0], part[..., 1], part[..., 2]
        spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
        if weights is not None:
            spread = spread * (weights > 0)
        if spread.max() > GRAY_MOST or spread.mean() > GRAY_MEAN:
            return False
    return True


def match_lightness(
    style: Array, photo: Array, style_alpha: Array | None = None, photo_alpha: Array | None = None
) -> Array:
    """Return a style image without color, its lightness matched to the photo's.

    L' = (sigma_photo / sigma_style) (L - mu_style) + mu_photo, so that painting does not darken or
    flatten the photo; the paper's L is YIQ's. Where L' would pass black or white it bends towards them.

    Args:
        style: (height, width, 3), sRGB in [0, 1].
        photo: (height, width, 3), sRGB in [0, 1], of any size.
        style_alpha: (height, width) in [0, 1]; None if all of the style is visible.
        photo_alpha: the same of the photo.

    Returns:
        The style's lightness, (height, width, 3) of three equal channels in sRGB.

    Raises:
        ImageError: one of them is no color picture.

    Reference: Gatys et al. 2016 ("Preserving Color"), on luminance-only transfer.
    """
    _check(style, photo)
    of_photo, of_style = color_samples(photo, photo_alpha)[:, 0], color_samples(style, style_alpha)[:, 0]
    mean = float(of_style.mean())
    gain = float(of_photo.std()) / max(float(of_style.std()), NOISE)
    target = float(of_photo.mean())
    low, high = (gain * (float(end) - mean) + target for end in (of_style.min(), of_style.max()))

    def matched(band: Array) -> Array:
        return _gray(_roll_off(gain * (_band_to_oklab(band)[:, 0] - mean) + target, low, high))

    return _in_bands(matched, style)


def match_moments(
    style: Array, photo: Array, style_alpha: Array | None = None, photo_alpha: Array | None = None
) -> Array:
    """Map a style image's colors linearly, so that they get the photo's mean and covariance in Oklab.

    Of all maps x -> A (x - mu_style) + mu_photo with A S A^T = P (S, P: the two covariances) this is the
    one that moves colors least, A = S^-1/2 (S^1/2 P S^1/2)^1/2 S^-1/2, optimal transport between
    Gaussians; the paper's are others. A gray style is toned as the photo's colors go with lightness.

    Args:
        style: (height, width, 3), sRGB in [0, 1].
        photo: (height, width, 3), sRGB in [0, 1], of any size.
        style_alpha: (height, width) in [0, 1]; None if all of the style is visible.
        photo_alpha: the same of the photo.

    Returns:
        The style image, recolored. Mean and covariance are the photo's but for what the gamut
        refuses: lightness bends towards black and white, and too much chroma is reduced.

    Raises:
        ImageError: one of them is no color picture.

    Reference: Pitié and Kokaram, "The linear Monge-Kantorovitch linear color mapping" (2007); Gatys
    et al. 2016 ("Preserving Color"), on color histogram matching.
    """
    _check(style, photo)
    samples = color_samples(style, style_alpha)
    move = _moment_map(samples, color_samples(photo, photo_alpha))
    lightness = _in_bands(move, samples)[:, 0]
    low, high = float(lightness.min()), float(lightness.max())

    def recolor(band: Array) -> Array:
        lab = move(_band_to_oklab(band))
        lab[:, 0] = _roll_off(lab[:, 0], low, high)
        return _band_from_oklab(lab)

    return _in_bands(recolor, style)


def match_histogram(
    style: Array, photo: Array, style_alpha: Array | None = None, photo_alpha: Array | None = None
) -> Array:
    """Recolor a style image so that its colors are distributed like the photo's, jointly.

    `match_moments` begins; monotone curves along six sets of axes in Oklab follow, each fitted to what
    the ones before it left. Matching each sRGB channel by itself would ignore which values go together
    (it painted violet over a golden Klimt). On seven pairs the mean distance from the photo's
    distribution (sliced Wasserstein, in Oklab) was 0.105 before, 0.040 after `match_moments`, 0.013 after
    sRGB channels, 0.008 after this, and 0.005 with curves of any steepness; but those tore a painting's
    even red into all the photo's colors, hence ``STEEPEST``.

    Args:
        style: (height, width, 3), sRGB in [0, 1].
        photo: (height, width, 3), sRGB in [0, 1], of any size.
        style_alpha: (height, width) in [0, 1]; None if all of the style is visible.
        photo_alpha: the same of the photo.

    Returns:
        The style image, recolored; equal colors stay equal.

    Raises:
        ImageError: one of them is no color picture.

    Reference: Pitié et al. 2007 (iterative distribution transfer).
    """
    _check(style, photo)
    move = histogram_map(color_samples(style, style_alpha), color_samples(photo, photo_alpha))
    return _in_bands(lambda band: _band_from_oklab(move(_band_to_oklab(band))), style)


def histogram_map(source: Array, target: Array) -> Map:
    """Return the map of colors by which `match_histogram` recolors.

    Args:
        source: colors in Oklab, float32 (pixels, 3).
        target: those whose distribution they are to have, the same.
    """
    steps = [_moment_map(source, target)]
    for axes in _FRAMES:
        source = _in_bands(steps[-1], source)
        steps.append(_curve_map(axes, source, target))

    def move(colors: Array) -> Array:
        for step in steps:
            colors = step(colors)
        return colors

    return move


def histogram_distance(first: Array, second: Array) -> float:
    """Return how far apart the distributions of two sets of colors are, in Oklab.

    The sliced Wasserstein distance (Bonneel et al. 2015): the root mean square difference of quantiles along
    the axes of `match_histogram`.

    Args:
        first: colors in Oklab, float32 (pixels, 3).
        second: the same, of any number.
    """
    axes = _FRAMES.reshape(-1, 3)
    quantiles = [_quantiles(np.sort(axes @ colors.T)) for colors in (first, second)]
    return float(np.sqrt(np.mean(np.square(quantiles[0] - quantiles[1]))))


def _moment_map(source: Array, target: Array) -> Map:
    """Return the linear map of `match_moments`; the source's spread counts as ``NOISE`` at least."""
    means, covariances = [], []
    for colors in (source.astype(np.float64), target.astype(np.float64)):
        means.append(colors.mean(axis=0))
        centered = colors - means[-1]
        covariances.append(centered.T @ centered / len(colors))
    values, vectors = np.linalg.eigh(covariances[0])
    deviations = np.sqrt(np.maximum(values, NOISE**2))
    root = (vectors * deviations) @ vectors.T
    inverse_root = (vectors / deviations) @ vectors.T
    values, vectors = np.linalg.eigh(root @ covariances[1] @ root)
    middle = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    matrix = (inverse_root @ middle @ inverse_root).T.astype(np.float32)
    origin, destination = (mean.astype(np.float32) for mean in means)
    return lambda colors: (colors - origin) @ matrix + destination


def _curve_map(axes: Array, source: Array, target: Array) -> Map:
    """Return the map that gives the source the target's histogram along each axis (row), one by one."""
    along_axes = [_in_bands(lambda band: band @ axes.T, colors).T for colors in (source, target)]
    curves = list(map(_fit_curve, *along_axes))

    def bend(colors: Array) -> Array:
        along = axes @ colors.T
        for values, (low, step, table) in zip(along, curves, strict=True):
            position = np.clip((values - low) / step, 0, CURVE_STEPS)
            index = np.minimum(position.astype(np.int32), CURVE_STEPS - 1)
            below = table[index]
            values[:] = below + (table[index + 1] - below) * (position - index.astype(np.float32))
        return np.asarray((axes.T @ along).T, np.float32)

    return bend


def _fit_curve(source: Array, target: Array) -> tuple[float, float, Array]:
    """Return a monotone curve's lowest source value, its step and ``CURVE_STEPS`` + 1 target values."""
    quantiles = [_quantiles(np.sort(values)).astype(np.float64) for values in (source, target)]
    knots, which, counts = np.unique(quantiles[0], return_inverse=True, return_counts=True)
    wanted = np.bincount(which, quantiles[1]) / counts  # one value of a flat color: its quantiles' mean
    rises = np.minimum(np.diff(wanted), STEEPEST * np.diff(knots))
    curve = np.concatenate([[0.0], np.cumsum(rises)])
    curve += np.average(wanted - curve, weights=counts)
    places, step = np.linspace(knots[0], max(knots[-1], knots[0] + NOISE), CURVE_STEPS + 1, retstep=True)
    return float(knots[0]), float(step), np.interp(places, knots, curve).astype(np.float32)


def _quantiles(values: Array) -> Array:
    """Return ``QUANTILES`` of what is sorted along its last axis."""
    return values[..., np.linspace(0, values.shape[-1] - 1, QUANTILES).round().astype(np.intp)]


def _roll_off(lightness: Array, low: float, high: float) -> Array:
    """Bend lightness that reaches from ``low`` to ``high`` into [0, 1]; what lies inside stays.

    Beyond the knee k, y = k + (1 - k) s u / (1 + (s - 1) u) with u = (x - k) / (high - k) and
    s = (high - k) / (1 - k): smooth at the knee (slope 1), y(high) = 1, and no bend if high <= 1.
    """
    bent = lightness
    if high > 1:
        bent = _bend(bent, high)
    if low < 0:
        bent = 1 - _bend(1 - bent, 1 - low)
    return np.asarray(bent, np.float32)


def _bend(lightness: Array, high: float) -> Array:
    knee = 1 - KNEE
    steepness = (high - knee) / KNEE
    part = np.clip((lightness - knee) / (high - knee), 0, 1)
    bent = knee + KNEE * steepness * part / (1 + (steepness - 1) * part)
    return np.where(lightness > knee, bent, lightness)


def color_samples(picture: Array, alpha: Array | None = None) -> Array:
    """Return up to ``SAMPLES`` visible colors of a picture, float32 (pixels, 3) in Oklab, always the same.

    Args:
        picture: float32 (height, width, 3), sRGB in [0, 1].
        alpha: float32 (height, width) in [0, 1]; None if all is visible.
    """
    pixels = _visible(picture, alpha)
    return to_oklab(pixels if len(pixels) <= SAMPLES else evenly(pixels, range(SAMPLES)))


def evenly(values: Array, which: range) -> Array:
    """Return some of the values (n, ...), whatever their number, evenly spread over all of them.

    Steps of the golden ratio around a picture hit no row, column or pattern more than others, and parts of a
    range together what the whole of it does.
    """
    golden = (np.sqrt(5) - 1) / 2
    chosen: Array = values[(np.arange(which.start, which.stop) * golden % 1 * len(values)).astype(np.intp)]
    return chosen


def _visible(picture: Array, alpha: Array | None) -> Array:
    """Return the colors (pixels, 3) that are at least half as visible as the most visible one."""
    pixels = picture.reshape(-1, 3)
    return pixels if alpha is None else pixels[alpha.reshape(-1) >= 0.5 * alpha.max()]
