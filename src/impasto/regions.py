"""Masks: where in the picture which style goes.

A mask is float32 (height, width) in [0, 1]; painted white says where. It comes from a file, an
array or, for a photo's main subject, from the photo itself, without any learned weights. This file
also brings masks to the sizes of a network's layers.

Reference: Gatys, Ecker, Bethge, Hertzmann and Shechtman, "Controlling Perceptual Factors in Neural
Style Transfer" (CVPR 2017), section 4; for the subject see `subject_mask`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import csgraph, linalg

from impasto.errors import ImageError, SettingError, did_you_mean
from impasto.images import Picture, fit, read_picture, resize

Array = NDArray[Any]
Mask = NDArray[np.float32]

MAX_REGIONS = 16
ROUNDINGS = ("floor", "ceil")
ASPECT_TOLERANCE = 0.05
LUMINANCE = (0.2126, 0.7152, 0.0722)
BLACK = 0.02  # a mask that is nowhere brighter is empty; JPEG leaves a little noise in black

ANALYSIS_SIZE = 400  # long side in pixels at which the subject is looked for
SUPERPIXELS = 700
COLOR_SCALE = 10.0  # CIELAB distance at which two colours start to be different ones
LOWER_BORDER = 0.2  # its weight as background: people and things often stand on it
BACKGROUND_WEIGHT = 0.4  # against contrast; 1 in the reference, which loses more of the subject
SUBJECT_CONTRAST = 6.0  # CIELAB distance of the two mean colours below which nothing stands out


@dataclass(frozen=True)
class RegionSpec:
    """One region as a person writes it.

    Attributes:
        mask: the mask's file; white says where.
        style: the style image's file or name.
        style_mask: the file that says which part of the style is meant, or None for all of it.
    """

    mask: str
    style: str
    style_mask: str | None = None


def parse_region(text: str) -> RegionSpec:
    """Return the region written as ``mask.png=style.jpg`` or ``mask.png=style.jpg#stylemask.png``.

    A file's name may hold ``=`` or ``#``: of all ways to cut the text, the one that names the most
    files that are there is meant; if no way stands out, the first ``=`` and the last ``#`` cut.

    Raises:
        SettingError: the text has another form.
    """
    cuts = [place for place, letter in enumerate(text) if letter == "="]
    readings = [(text[:cut].strip(), *_style_and_mask(text[cut + 1 :].strip())) for cut in cuts]
    mask, style, style_mask = max(readings, key=_count_files, default=("", "", None))
    if not mask or not style or style_mask == "":
        raise SettingError(
            "a region must be written mask.png=style.jpg or mask.png=style.jpg#stylemask.png, "
            f"not {text!r}; for example sky.png=starry-night.jpg"
        )
    return RegionSpec(mask, style, style_mask)


def check_regions(specs: Sequence[RegionSpec]) -> None:
    """Check the number of regions.

    Raises:
        SettingError: there are more than ``MAX_REGIONS``.
    """
    if len(specs) > MAX_REGIONS:
        raise SettingError(f"at most {MAX_REGIONS} regions are allowed, not {len(specs)}")


def _style_and_mask(text: str) -> tuple[str, str | None]:
    if "#" not in text or _count_files([text]):
        return text, None
    cuts = [place for place, letter in enumerate(text) if letter == "#"]
    readings = [(text[:cut].strip(), text[cut + 1 :].strip()) for cut in reversed(cuts)]
    return max(readings, key=_count_files)


def _count_files(names: Sequence[str | None]) -> int:
    found = 0
    for name in filter(None, names):
        with suppress(OSError, ValueError):  # too long, or with a null character
            found += Path(name).is_file()
    return found


def read_mask(source: Any, shape: tuple[int, int]) -> Mask:
    """Return a mask from anything that `read_picture` reads, in the picture's size.

    Grey is the luminance, Rec. 709 weights on sRGB values. Where there is an alpha channel, what is
    transparent is not in the region, and if all that is opaque has one colour, whichever it is,
    alpha alone is the mask: a painted layer.

    Args:
        source: a path, a Pillow image or an array of bool, uint8, uint16 or floats in [0, 1].
        shape: (height, width) of the picture in pixels.

    Returns:
        float32 (height, width) in [0, 1].

    Raises:
        MissingFileError: there is no such file.
        ImageError: it is no picture, is black everywhere or has another aspect ratio.
    """
    if isinstance(source, np.ndarray) and source.dtype == bool:
        source = source.astype(np.float32)
    picture = read_picture(source)
    name, (height, width) = picture.name, picture.pixels.shape[:2]
    if abs(height * shape[1] / width - shape[0]) > max(1, ASPECT_TOLERANCE * shape[0]):
        raise ImageError(
            f"the mask {name} has {width} x {height} px, the picture {shape[1]} x {shape[0]}; "
            f"their aspect ratios may differ by at most {ASPECT_TOLERANCE:.0%}"
        )
    mask = resize(_whiteness(picture), shape)
    if mask.max() < BLACK:
        raise ImageError(
            f"the mask {name} is black everywhere: nothing would be styled; paint the region white"
        )
    return mask


def _whiteness(picture: Picture) -> Mask:
    grey = np.clip(picture.pixels @ np.array(LUMINANCE, np.float32), 0, 1)
    if picture.alpha is None:
        return grey
    visible = picture.pixels[picture.alpha > 0.5]
    if not len(visible) or np.ptp(visible, axis=0).max() <= BLACK:
        return picture.alpha
    return grey * picture.alpha


def partition(masks: Sequence[Array]) -> tuple[list[Mask], Mask]:
    """Return the masks so that they share each pixel, and the background, which is what they leave.

    m_k' = m_k / max(1, sum over j of m_j); background = 1 - sum over k of m_k'.

    Args:
        masks: one or more of (height, width) in [0, 1].

    Returns:
        As many masks and the background, float32 (height, width) in [0, 1]; together they are 1.

    Raises:
        SettingError: there is no mask, or their shapes differ.
    """
    if not masks:
        raise SettingError("at least one mask is needed, none was given")
    shapes = {np.shape(mask) for mask in masks}
    if len(shapes) > 1:
        raise SettingError(f"masks must have one shape, not {str(sorted(shapes))[1:-1]}")
    stack = np.stack([np.asarray(mask, np.float32) for mask in masks])
    stack /= np.maximum(1, stack.sum(axis=0))
    return list(stack), np.clip(1 - stack.sum(axis=0), 0, 1)


def mask_pyramid(mask: Array, levels: int = 5, rounding: str = "floor") -> list[Mask]:
    """Return the mask at the sizes of a network's blocks, by 2 x 2 average pooling.

    Args:
        mask: (height, width) in [0, 1].
        levels: how many; level 0 is the mask, each further one has half the size.
        rounding: of odd sides: ``floor`` drops the last row as VGG's pooling does, ``ceil``
            averages what there is of it.

    Returns:
        float32 (height / 2^k, width / 2^k) in [0, 1] for k = 0 ... levels - 1.

    Raises:
        SettingError: the rounding is unknown, or the mask is too small for so many levels.
    """
    if rounding not in ROUNDINGS:
        hint = did_you_mean(rounding, ROUNDINGS)
        raise SettingError(f"rounding must be floor or ceil, not {rounding!r}{hint}")
    most = min(mask.shape).bit_length()
    if not 1 <= levels <= most:
        raise SettingError(f"a mask of shape {mask.shape} has 1 to {most} levels, not {levels}")
    pyramid = [np.asarray(mask, np.float32)]
    while len(pyramid) < levels:
        pyramid.append(_pool(pyramid[-1], rounding))
    return pyramid


def _pool(mask: Mask, rounding: str) -> Mask:
    for axis in (0, 1):
        side = mask.shape[axis]
        if rounding == "floor":
            side -= side % 2
            mask = mask.take(range(side), axis)
        starts = np.arange(0, side, 2)
        counts = np.minimum(2, side - starts).astype(np.float32)
        mask = np.add.reduceat(mask, starts, axis) / (counts[:, None] if axis == 0 else counts)
    return mask


def erode_to_receptive_field(mask: Array, radius: int) -> Mask:
    """Return the mask without the positions whose features also see what lies outside the region.

    Grey erosion with a square: out(p) = min of mask(q) over |q - p| <= radius in rows and columns.
    Beyond the borders the mask goes on as it ends. If no position would keep half of its maximum,
    as in a region smaller than the receptive field, the mask comes back as it is.

    Args:
        mask: (height, width) in [0, 1], at the layer's size.
        radius: of the receptive field, in positions of the layer; for VGG-19's relu1_1, relu2_1,
            ... relu5_1 it is 1, 2, 3, 4, 5.

    Raises:
        SettingError: the radius is negative.

    Reference: Gatys et al. (CVPR 2017), section 4.
    """
    if radius < 0:
        raise SettingError(f"a receptive field's radius must be at least 0, not {radius}")
    mask = np.asarray(mask, np.float32)
    eroded = np.asarray(ndimage.minimum_filter(mask, 2 * radius + 1, mode="nearest"))
    return eroded if eroded.max() >= 0.5 * mask.max() else mask


def subject_mask(pixels: Array) -> Mask:
    """Return a soft mask of a photo's main subject: what differs from the photo's borders.

    Superpixels that hang together with the borders are background; those that differ from it, near
    the middle, are the subject; a graph cut with colours learned from both draws the line, and a
    guided filter takes it to the edges in the full picture. It looks at colour alone: a subject
    that fills the picture, or has the colours of what surrounds it, is found in part or not at all.

    Args:
        pixels: float32 (height, width, 3), sRGB in [0, 1].

    Returns:
        float32 (height, width) in [0, 1]; the same for the same photo, always.

    Raises:
        ImageError: nothing stands out.

    References: Zhu, Liang, Wei and Sun, "Saliency Optimization from Robust Background Detection"
    (CVPR 2014), equations 3 to 9; Rother, Kolmogorov and Blake, "GrabCut" (2004); He, Sun and Tang,
    "Guided Image Filtering" (2010).
    """
    small = resize(pixels, fit((pixels.shape[0], pixels.shape[1]), ANALYSIS_SIZE))
    margin = max(1, min(small.shape[:2]) // 50)  # scans often have a thin dark frame
    parts = _superpixels(small[margin:-margin, margin:-margin])
    chosen = _graph_cut(parts, _saliency(parts))
    sides = parts.areas * np.stack([chosen, ~chosen])
    means = sides @ parts.colors / np.maximum(1, sides.sum(axis=1, keepdims=True))
    if chosen.all() or not chosen.any() or np.linalg.norm(means[0] - means[1]) < SUBJECT_CONTRAST:
        raise ImageError("nothing in the photo stands out; paint a mask and name it with --region")
    return _guided_upsample(np.pad(_tidy(chosen[parts.labels]), margin, mode="edge"), small, pixels)


@dataclass(frozen=True)
class _Superpixels:
    labels: Array  # int (height, width): which superpixel
    colors: Array  # (n, 3) mean CIELAB
    positions: Array  # (n, 2) mean row and column, both in [0, 1]
    areas: Array  # (n,) pixels
    pairs: Array  # int (2, edges): neighbours
    lengths: Array  # (edges,) pixels of common border
    distances: Array  # (n, n) between colours


def _superpixels(pixels: Array) -> _Superpixels:
    from skimage.color import rgb2lab
    from skimage.segmentation import slic

    height, width = pixels.shape[:2]
    count = max(4, min(SUPERPIXELS, height * width // 60))
    labels = slic(pixels, count, compactness=12, sigma=1, start_label=0)
    areas = np.bincount(labels.ravel()).astype(float)
    rows, columns = np.indices(labels.shape)
    planes = (*np.moveaxis(rgb2lab(pixels), 2, 0), rows / height, columns / width)
    means = np.stack([np.bincount(labels.ravel(), plane.ravel()) / areas for plane in planes], 1)
    first = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    second = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    touching = np.sort([first, second], axis=0)
    pairs, lengths = np.unique(touching[:, touching[0] != touching[1]], axis=1, return_counts=True)
    distances = np.linalg.norm(means[:, None, :3] - means[:, :3], axis=2)
    return _Superpixels(labels, means[:, :3], means[:, 3:], areas, pairs, lengths, distances)


def _saliency(parts: _Superpixels) -> Array:
    """Return (n,) in [0, 1]: contrast with the background, made smooth (Zhu, equations 6 to 9)."""
    background = _background_probability(parts)
    offsets = ((parts.positions[:, None] - parts.positions) ** 2).sum(axis=2)
    central = np.exp(-((parts.positions - 0.5) ** 2).sum(axis=1) / (2 * 0.35**2))
    near = np.exp(-offsets / (2 * 0.25**2))
    contrast = _stretch(central * ((parts.distances * near) @ background))
    pairs = tuple(parts.pairs)
    alike = np.exp(-(parts.distances[pairs] ** 2) / (2 * COLOR_SCALE**2)) + 0.1
    links = sparse.coo_array((alike, pairs), shape=parts.distances.shape)
    links = (links + links.T).tocsr()
    pulls = links.sum(axis=1) + BACKGROUND_WEIGHT * background + contrast + 1e-6
    return _stretch(linalg.spsolve((sparse.diags_array(pulls) - links).tocsc(), contrast))


def _background_probability(parts: _Superpixels) -> Array:
    """Return (n,) in [0, 1]: how much a superpixel's surroundings run along the photo's borders."""
    weights = np.zeros(len(parts.areas))
    weights[parts.labels[-1]] = LOWER_BORDER
    upper = parts.labels[: len(parts.labels) * 49 // 50]  # a superpixel in a lower corner is lower
    weights[np.concatenate([upper[0], upper[:, 0], upper[:, -1]])] = 1
    border = np.flatnonzero(weights)
    one, other = np.triu_indices(len(border), 1)  # the borders count as neighbours of each other
    ends = np.concatenate([parts.pairs, np.stack([border[one], border[other]])], 1)
    first, second = np.unique(np.sort(ends, axis=0), axis=1)
    steps = parts.distances[first, second]
    nearest = np.full(len(weights), np.inf)
    for end in (first, second):
        np.minimum.at(nearest, end, steps)
    steps = np.maximum(steps - nearest[np.isfinite(nearest)].mean(), 0) + 1e-6
    graph = sparse.coo_array((steps, (first, second)), shape=parts.distances.shape).tocsr()
    paths = csgraph.dijkstra(graph, directed=False)
    span = np.exp(-(paths**2) / (2 * COLOR_SCALE**2))
    connectivity = span @ weights / np.sqrt(span.sum(axis=1))
    return np.asarray(1 - np.exp(-(connectivity**2) / 2))


def _stretch(values: Array) -> Array:
    low, high = values.min(), values.max()
    return np.asarray((values - low) / max(high - low, 1e-9))


def _graph_cut(parts: _Superpixels, saliency: Array) -> Array:
    """Return (n,) bool: the subject, by minimum cuts, each with the colours of the one before."""
    from skimage.filters import threshold_otsu

    middle = 0.75 * threshold_otsu(saliency)
    prior = (saliency - middle) / 0.12
    kernel = np.exp(-(parts.distances**2) / (2 * (1.2 * COLOR_SCALE) ** 2)) * parts.areas
    steps = parts.distances[tuple(parts.pairs)] ** 2
    smoothness = 0.7 * parts.lengths * np.exp(-steps / (2 * steps.mean() + 1e-9))
    chosen = np.asarray(saliency > middle)
    for _ in range(4):
        if chosen.all() or not chosen.any():
            break
        inside = kernel @ chosen / (parts.areas @ chosen) + 1e-6
        outside = kernel @ ~chosen / (parts.areas @ ~chosen) + 1e-6
        evidence = prior + 0.7 * np.clip(np.log(inside / outside), -2, 2)
        evidence *= np.sqrt(parts.areas)
        chosen = _minimum_cut(parts.pairs, smoothness, evidence)
    return chosen


def _minimum_cut(pairs: Array, smoothness: Array, evidence: Array) -> Array:
    """Return (n,) bool: the side of the source, which positive evidence is tied to."""
    count = len(evidence)
    nodes, source = np.arange(count), np.full(count, count)
    begins = np.concatenate([*pairs, source, nodes])
    ends = np.concatenate([*pairs[::-1], nodes, source + 1])
    ties = [smoothness, smoothness, np.maximum(evidence, 0), np.maximum(-evidence, 0)]
    capacities = np.rint(1000 * np.concatenate(ties)).astype(np.int32)
    graph = sparse.coo_array((capacities, (begins, ends)), shape=(count + 2, count + 2)).tocsr()
    left = graph - csgraph.maximum_flow(graph, count, count + 1).flow
    left.eliminate_zeros()
    reached = csgraph.breadth_first_order(left, count, return_predecessors=False)
    return np.asarray(np.isin(nodes, reached))


def _tidy(chosen: Array) -> Mask:
    """Return the mask without holes and without islands below 15% of the largest."""
    islands, _ = ndimage.label(ndimage.binary_fill_holes(chosen))
    areas = np.bincount(islands.ravel())
    areas[0] = 0
    kept = areas >= max(1, 0.15 * areas.max())
    return np.asarray(kept[islands], np.float32)


def _guided_upsample(mask: Array, guide: Array, pixels: Array) -> Mask:
    """Return the mask as a locally linear function of the photo's colours, in the photo's size."""
    blur = partial(ndimage.uniform_filter, size=13, mode="nearest", axes=(0, 1))
    color, value = blur(guide), blur(mask)
    covariance = blur(guide * mask[..., None]) - color * value[..., None]
    spread = blur(guide[..., None] * guide[..., None, :]) - color[..., None] * color[..., None, :]
    slope = np.linalg.solve(spread + 1e-4 * np.eye(3), covariance[..., None])[..., 0]
    offset = value - (slope * color).sum(axis=2)
    shape = pixels.shape[:2]
    full = resize(blur(offset), shape)
    for channel in range(3):
        full += resize(blur(slope[..., channel]), shape) * pixels[..., channel]
    return np.clip(full, 0, 1).astype(np.float32)
