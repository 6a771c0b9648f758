"""Fields over the picture: noise, flows, distances, light; arrays (height, width), smooth and size-free."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

Array = np.ndarray
POINTS = 768
"""Points along a picture's short side."""


def palette(*colors: str) -> Array:
    """Return (n, 3) sRGB in [0, 1] from six hexadecimal digits each."""
    return np.array([list(bytes.fromhex(c.lstrip("#"))) for c in colors]) / 255


def ramp(colors: Array, position: Array, stops: Array | None = None) -> Array:
    """Return (..., 3): the color at each position in [0, 1] along the palette."""
    stops = np.linspace(0, 1, len(colors)) if stops is None else stops
    return np.stack([np.interp(position, stops, c) for c in np.asarray(colors).T], -1)


def step(value: Array, low: float, high: float) -> Array:
    """Return 0 below low, 1 above high, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(below: Array, above: Array, cover: Array) -> Array:
    """Return the colors below, covered by those above as far as the cover, in [0, 1], says."""
    return below + np.asarray(cover)[..., None] * (above - below)


def multiply(below: Array, ink: Array, cover: Array) -> Array:
    """Return the colors below seen through a transparent ink, as in watercolor and printing."""
    return below * (1 - np.asarray(cover)[..., None] * (1 - ink))


def luminance(picture: Array) -> Array:
    return picture @ np.array([0.2126, 0.7152, 0.0722])


def grid(shape: tuple[int, int]) -> tuple[Array, Array]:
    """Return x (1, width) and y (height, 1) of the pixels' centers, in points."""
    scale = POINTS / min(shape)
    return (np.arange(shape[1]) + 0.5)[None] * scale, (np.arange(shape[0]) + 0.5)[:, None] * scale


def noise(rng: np.random.Generator, wavelength: float, shape: tuple[int, int], octaves: int = 1) -> Array:
    """Return smooth noise of mean 0 and deviation about 1; the longest wavelength is in points.

    The same generator state gives the same noise at every size.
    """
    total, weight = np.zeros(shape), 0.0
    for octave in range(octaves):
        cell = wavelength / 2**octave * min(shape) / POINTS  # pixels
        points = np.array(shape) * POINTS / min(shape)
        cells = np.maximum(np.ceil(points / (wavelength / 2**octave)).astype(int) + 3, 4)
        lattice = rng.standard_normal(cells)
        at = [np.arange(n) / cell + 1 for n in shape]
        rows = ndimage.map_coordinates  # separable cubic interpolation, rows first
        i, j = np.meshgrid(at[0], np.arange(cells[1]), indexing="ij")
        tall = rows(lattice, [i, j], order=3, mode="nearest")
        i, j = np.meshgrid(np.arange(shape[0]), at[1], indexing="ij")
        total += rows(tall, [i, j], order=3, mode="nearest") * 0.5**octave * 1.5
        weight += 0.25**octave
    return total / np.sqrt(weight)


def sample(field: Array, points: Array) -> Array:
    """Return the field's values at points (n, 2) (x, y in points), bilinear; field (h, w) or (h, w, c)."""
    scale = min(field.shape[:2]) / POINTS
    at = [points[..., 1] * scale - 0.5, points[..., 0] * scale - 0.5]
    if field.ndim == 2:
        return ndimage.map_coordinates(field, at, order=1, mode="nearest")
    return np.stack(
        [ndimage.map_coordinates(c, at, order=1, mode="nearest") for c in np.moveaxis(field, -1, 0)], -1
    )


def blur(field: Array, points: float) -> Array:
    """Return the field smoothed by a Gaussian of that deviation in points."""
    sigma = points * min(field.shape[:2]) / POINTS
    return ndimage.gaussian_filter(field, (sigma, sigma, 0)[: field.ndim])


def warp(field: Array, dx: Array, dy: Array) -> Array:
    """Return the field looked up dx, dy points away from each pixel."""
    scale = min(field.shape[:2]) / POINTS
    i, j = np.indices(field.shape[:2])
    at = [i + dy * scale, j + dx * scale]
    if field.ndim == 2:
        return ndimage.map_coordinates(field, at, order=1, mode="reflect")
    return np.stack(
        [ndimage.map_coordinates(c, at, order=1, mode="reflect") for c in np.moveaxis(field, -1, 0)], -1
    )


def distance(mask: Array) -> Array:
    """Return each pixel's signed distance to the mask's edge in points, positive inside."""
    scale = POINTS / min(mask.shape)
    mask = mask > 0.5
    return (ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)) * scale


def edges(label: Array) -> Array:
    """Return each pixel's distance in points to the nearest border between labels."""
    border = ndimage.morphological_gradient(label, size=2) > 0
    return ndimage.distance_transform_edt(~border) * POINTS / min(label.shape)


def relief(height: Array, strength: float = 1.0) -> Array:
    """Return the light on a relief (height in points), -1 to 1, that falls from the upper left."""
    down, right = np.gradient(height * min(height.shape) / POINTS)
    return np.tanh(strength * (right + down) / np.sqrt(2))


def orientation(picture: Array, points: float) -> Array:
    """Return the angle along the picture's forms (radians), from its structure tensor smoothed so far."""
    gray = blur(luminance(picture) if picture.ndim == 3 else picture, points / 3)
    gy, gx = np.gradient(gray)
    xx, yy, xy = blur(gx * gx, points), blur(gy * gy, points), blur(gx * gy, points)
    return 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2


def trace(angle: Array, start: Array, length: Array | float, gap: float = 4.0) -> Array:
    """Return streamlines (n, steps, 2) of a direction field from starts (n, 2), all lengths in points.

    A streamline that is to be shorter than the longest stands still at its end.
    """
    length = np.broadcast_to(length, len(start))
    c, s = np.cos(angle), np.sin(angle)
    lines, at, heading = [start], start.astype(float), None
    for index in range(max(1, int(length.max() / gap))):
        way = np.stack([sample(c, at), sample(s, at)], -1)
        way /= np.linalg.norm(way, axis=-1, keepdims=True) + 1e-9
        if heading is not None:  # a direction has no sign: go on as before
            way *= np.where((way * heading).sum(-1, keepdims=True) < 0, -1, 1)
        heading = way
        at = at + way * gap * (length > index * gap)[:, None]
        lines.append(at)
    return np.stack(lines, 1)


def lic(texture: Array, angle: Array, length: float, steps: int = 24) -> Array:
    """Return the line integral convolution of a texture along a direction field (Cabral, Leedom 1993)."""
    scale = min(texture.shape[:2]) / POINTS
    i, j = np.indices(texture.shape[:2]).astype(float)
    total, gap = texture.astype(float).copy(), length * scale / steps / 2
    for sign in (-1, 1):
        y, x = i.copy(), j.copy()
        for _ in range(steps):
            near = (
                np.clip(np.rint(y).astype(int), 0, i.shape[0] - 1),
                np.clip(np.rint(x).astype(int), 0, i.shape[1] - 1),
            )
            a = angle[near]
            y, x = y + sign * gap * np.sin(a), x + sign * gap * np.cos(a)
            at = [y, x]
            if texture.ndim == 2:
                total += ndimage.map_coordinates(texture, at, order=1, mode="reflect")
            else:
                for k in range(texture.shape[2]):
                    total[..., k] += ndimage.map_coordinates(texture[..., k], at, order=1, mode="reflect")
    return total / (2 * steps + 1)


def scatter(rng: np.random.Generator, gap: float, shape: tuple[int, int], margin: float = 0.0) -> Array:
    """Return points (n, 2) about one ``gap`` apart over the picture, in random order."""
    h, w = np.array(shape) * POINTS / min(shape)
    x, y = np.meshgrid(np.arange(-margin, w + margin, gap), np.arange(-margin, h + margin, gap))
    at = np.stack([x.ravel(), y.ravel()], -1) + rng.uniform(-0.6, 0.6, (x.size, 2)) * gap + gap / 2
    return rng.permutation(at)


def centroidal(rng: np.random.Generator, count: int, density: Array, rounds: int = 12) -> Array:
    """Return points (n, 2) whose Voronoi cells balance: weighted Lloyd iterations over a density (h, w)."""
    scale = POINTS / min(density.shape)
    i, j = np.indices(density.shape)
    pixels = np.stack([j.ravel() + 0.5, i.ravel() + 0.5], -1) * scale
    weight = np.maximum(density.ravel(), 1e-6)
    at = pixels[rng.choice(len(pixels), count, p=weight / weight.sum())] + rng.uniform(-0.5, 0.5, (count, 2))
    for _ in range(rounds):
        owner = cKDTree(at).query(pixels)[1]
        total = np.bincount(owner, weight, count)
        sums = np.stack([np.bincount(owner, weight * p, count) for p in pixels.T], -1)
        at = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-9)[:, None], at)
    return at


def cells(points: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Return each pixel's nearest of the points, and its distance in points to its cell's border."""
    x, y = grid(shape)
    at = np.stack(np.broadcast_arrays(x, y), -1).reshape(-1, 2)
    away, owner = cKDTree(points).query(at, k=2)
    between = np.linalg.norm(points[owner[:, 0]] - points[owner[:, 1]], axis=-1)
    inside = (away[:, 1] ** 2 - away[:, 0] ** 2) / (2 * np.maximum(between, 1e-9))
    return owner[:, 0].reshape(shape), inside.reshape(shape)


def paper(rng: np.random.Generator, shape: tuple[int, int], grain: float = 3.0) -> Array:
    """Return a sheet's height, mean 0 and deviation about 1: tooth, fibers and slow waves."""
    tooth = noise(rng, grain, shape, 2)
    fibers = lic(rng.standard_normal(shape), noise(rng, 60, shape) * 2, 14, 6) * 2.5
    return 0.75 * tooth + 0.45 * fibers + 0.25 * noise(rng, 120, shape, 2)
