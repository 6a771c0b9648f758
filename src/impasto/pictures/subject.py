"""The photo's subject, found without a network: superpixels, contrast, a graph cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import csgraph, linalg

from impasto.errors import Argument, ImageError, SettingError
from impasto.pictures.masks import feathered
from impasto.pictures.resizing import fit, resize

Array = NDArray[Any]
Mask = NDArray[np.float32]
Point = Sequence[float]
ANALYSIS_SIZE = 400  # long side in pixels at which the subject is looked for
SUPERPIXELS = 700
COLOR_SCALE = 10.0  # CIELAB distance at which two colors start to be different ones
LOWER_BORDER = 0.2  # its weight as background: people and things often stand on it
BACKGROUND_WEIGHT = 0.4  # against contrast; 1 in the reference, which loses more of the subject
POINT_REACH = 10.0  # CIELAB distance along a path at which a point's pull has fallen to 0.6
POINT_STEP = 0.8  # added to each superpixel's step on such a path, so that it ends in even surroundings, too
POINT_PULL = 6.0  # in units of the saliency's evidence, which is about 4 at most, and gives way to it
BEFORE_PULL = 2.0  # in the same units: of what was the subject in a film's frame before
CERTAIN = 1000.0  # evidence of the superpixels that points are on
SUBJECT_CONTRAST = 6.0  # CIELAB distance of the two mean colors below which nothing stands out


def subject_mask(pixels: Array) -> Mask:
    """Return a soft mask of a photo's main subject, as `Subject` finds it.

    Args:
        pixels: float32 (height, width, 3), sRGB in [0, 1].

    Raises:
        ImageError: nothing stands out.
    """
    return Subject(pixels).mask()


class Subject:
    """A photo's main subject, what differs from the photo's borders, and what points make of it.

    Superpixels that hang together with the borders are background; those that differ from it, near
    the middle, are the subject; a graph cut with colors learned from both draws the line, and a
    guided filter takes it to the edges in the full picture. It looks at color alone: a subject
    that fills the picture, or has the colors of what surrounds it, is found in part or not at all.
    Points correct it: what they are on belongs to the subject or does not, and what a path of like
    colors joins to them is drawn the same way.

    Args:
        pixels: float32 (height, width, 3), sRGB in [0, 1].

    Raises:
        ImageError: they have another shape, or are no array.

    References: Zhu, Liang, Wei and Sun, "Saliency Optimization from Robust Background Detection"
    (CVPR 2014), equations 3 to 9; Rother, Kolmogorov and Blake, "GrabCut" (2004); Bai and Sapiro, "A
    Geodesic Framework for Fast Interactive Image and Video Segmentation and Matting" (2007), for the
    points; He, Sun and Tang, "Guided Image Filtering" (2010).
    """

    def __init__(self, pixels: Array) -> None:
        shape: tuple[int, ...] = getattr(pixels, "shape", ())
        if len(shape) != 3 or shape[2] != 3 or not shape[0] or not shape[1]:
            raise ImageError(
                "{name} must be an array (height, width, 3), such as {example}, not {kind}",
                name=Argument("pixels"),
                example='read_picture("photo.jpg").pixels',
                kind=shape or type(pixels).__name__,
            )
        self._pixels = pixels
        self._small = resize(pixels, fit((pixels.shape[0], pixels.shape[1]), ANALYSIS_SIZE))
        self._margin = max(1, min(self._small.shape[:2]) // 50)  # scans often have a thin dark frame
        margin = self._margin
        self._parts = _superpixels(self._small[margin:-margin, margin:-margin])
        self._saliency = _saliency(self._parts)

    def mask(
        self,
        add: Sequence[Point] = (),
        remove: Sequence[Point] = (),
        feather: float = 0,
        before: Mask | None = None,
    ) -> Mask:
        """Return a soft mask, float32 (height, width) in [0, 1]; the same for the same points, always.

        Args:
            add: points (x, y) in [0, 1] of the subject, from the upper left corner.
            remove: points of what is not.
            feather: 0 to 100, how far its edge is softened; see `feathered`.
            before: (height, width) in [0, 1]: what was the subject in a film's frame before, moved along; 0.5
                where that is not known.

        Raises:
            ImageError: nothing stands out, and no point says what does.
            SettingError: a point or the feather is out of its range.
        """
        wanted, unwanted = self._places(add), self._places(remove)
        parts = self._parts
        prior = _prior(self._saliency, 0 if before is None else self._known(before))
        chosen = _graph_cut(parts, prior, *(parts.labels[p] for p in (wanted, unwanted)))
        sides = parts.areas * np.stack([chosen, ~chosen])
        means = sides @ parts.colors / np.maximum(1, sides.sum(axis=1, keepdims=True))
        alike = chosen.all() or np.linalg.norm(means[0] - means[1]) < SUBJECT_CONTRAST
        if not chosen.any() or (alike and not len(add)):
            raise ImageError("nothing in the photo stands out; paint a mask and name it with --region")
        tidy = np.pad(_tidy(chosen[parts.labels], wanted, unwanted), self._margin, mode="edge")
        return feathered(_guided_upsample(tidy, self._small, self._pixels), feather)

    def _known(self, before: Mask) -> Array:
        """Return (n,) in [-1, 1]: how much superpixels belonged to the subject before."""
        margin, labels = self._margin, self._parts.labels
        small = resize(before, self._small.shape[:2])[margin:-margin, margin:-margin]
        return 2 * np.bincount(labels.ravel(), small.ravel()) / self._parts.areas - 1

    def _places(self, points: Sequence[Point]) -> tuple[Array, Array]:
        """Return the rows and columns of points within the superpixels' borders."""
        fractions = np.array([_checked(point) for point in points], float).reshape(-1, 2)[:, ::-1]
        places = (fractions * self._small.shape[:2]).astype(int) - self._margin
        rows, columns = np.clip(places, 0, np.array(self._parts.labels.shape) - 1).T
        return rows, columns


def _checked(point: Point) -> tuple[float, float]:
    try:
        x, y = point
        if 0 <= x <= 1 and 0 <= y <= 1:
            return float(x), float(y)
    except (TypeError, ValueError):
        pass
    raise SettingError("a point must be two numbers from 0 to 1, x and y, not {point!r}", point=point)


@dataclass(frozen=True)
class _Superpixels:
    labels: Array  # int (height, width): which superpixel
    colors: Array  # (n, 3) mean CIELAB
    positions: Array  # (n, 2) mean row and column, both in [0, 1]
    areas: Array  # (n,) pixels
    pairs: Array  # int (2, edges): neighbors
    lengths: Array  # (edges,) pixels of common border
    distances: Array  # (n, n) between colors


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
    one, other = np.triu_indices(len(border), 1)  # the borders count as neighbors of each other
    ends = np.concatenate([parts.pairs, np.stack([border[one], border[other]])], 1)
    first, second = np.unique(np.sort(ends, axis=0), axis=1)
    steps = _beyond_texture(parts.distances[first, second], first, second) + 1e-6
    graph = sparse.coo_array((steps, (first, second)), shape=parts.distances.shape).tocsr()
    paths = csgraph.dijkstra(graph, directed=False)
    span = np.exp(-(paths**2) / (2 * COLOR_SCALE**2))
    connectivity = span @ weights / np.sqrt(span.sum(axis=1))
    return np.asarray(1 - np.exp(-(connectivity**2) / 2))


def _beyond_texture(steps: Array, first: Array, second: Array) -> Array:
    """Return steps between neighbors, without what the nearest ones differ by on average (Zhu et al.)."""
    nearest = np.full(max(first.max(), second.max()) + 1, np.inf)
    for end in (first, second):
        np.minimum.at(nearest, end, steps)
    return np.asarray(np.maximum(steps - nearest[np.isfinite(nearest)].mean(), 0))


def _stretch(values: Array) -> Array:
    low, high = values.min(), values.max()
    return np.asarray((values - low) / max(high - low, 1e-9))


def _pull(parts: _Superpixels, seeds: Array) -> Array:
    """Return (n,) in [0, 1]: how near superpixels are to any of some, along paths of like colors."""
    if not len(seeds):
        return np.zeros(len(parts.areas))
    first, second = parts.pairs
    steps = _beyond_texture(parts.distances[first, second], first, second) + POINT_STEP
    graph = sparse.coo_array((steps, tuple(parts.pairs)), shape=parts.distances.shape).tocsr()
    paths = csgraph.dijkstra(graph, directed=False, indices=np.unique(seeds), min_only=True)
    return np.asarray(np.exp(-(paths**2) / (2 * POINT_REACH**2)))


def _prior(saliency: Array, before: Array | float) -> Array:
    """Return (n,) evidence of the subject: of contrast, and of what it was in a film's frame before."""
    from skimage.filters import threshold_otsu

    return np.asarray((saliency - 0.75 * threshold_otsu(saliency)) / 0.12 + BEFORE_PULL * before)


def _graph_cut(parts: _Superpixels, prior: Array, wanted: Array, unwanted: Array) -> Array:
    """Return (n,) bool: the subject, by minimum cuts, each with the colors of the one before.

    Superpixels that are wanted belong to it, those that are unwanted do not; their like follow.
    """
    if len(wanted) or len(unwanted):
        toward, away = _pull(parts, wanted), _pull(parts, unwanted)
        prior = prior * (1 - np.maximum(toward, away)) + POINT_PULL * (toward - away)
    kernel = np.exp(-(parts.distances**2) / (2 * (1.2 * COLOR_SCALE) ** 2)) * parts.areas
    steps = parts.distances[tuple(parts.pairs)] ** 2
    smoothness = 0.7 * parts.lengths * np.exp(-steps / (2 * steps.mean() + 1e-9))
    chosen = np.asarray(prior > 0)
    for _ in range(4):
        if chosen.all() or not chosen.any():
            break
        inside = kernel @ chosen / (parts.areas @ chosen) + 1e-6
        outside = kernel @ ~chosen / (parts.areas @ ~chosen) + 1e-6
        evidence = prior + 0.7 * np.clip(np.log(inside / outside), -2, 2)
        evidence *= np.sqrt(parts.areas)
        evidence[wanted], evidence[unwanted] = CERTAIN, -CERTAIN
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


def _tidy(chosen: Array, wanted: tuple[Array, Array], unwanted: tuple[Array, Array]) -> Mask:
    """Return the mask without holes and without islands below 15% of the largest, unless points are there."""
    holes, _ = ndimage.label(ndimage.binary_fill_holes(chosen) & ~chosen)
    filled = chosen | ((holes > 0) & ~np.isin(holes, holes[unwanted]))
    islands, _ = ndimage.label(filled)
    areas = np.bincount(islands.ravel())
    areas[0] = 0
    staying = areas >= max(1, 0.15 * areas.max())
    staying[islands[wanted]] = True
    staying[0] = False
    return np.asarray(staying[islands], np.float32)


def _guided_upsample(mask: Array, guide: Array, pixels: Array) -> Mask:
    """Return the mask as a locally linear function of the photo's colors, in the photo's size."""
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
