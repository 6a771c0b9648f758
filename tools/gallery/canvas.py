"""A canvas of skia's in points, and brushes on it."""

from __future__ import annotations

import numpy as np
import skia

from tools.gallery.fields import POINTS

Array = np.ndarray
BLENDS = {
    "over": skia.BlendMode.kSrcOver,
    "multiply": skia.BlendMode.kMultiply,
    "screen": skia.BlendMode.kScreen,
    "lighten": skia.BlendMode.kLighten,
    "darken": skia.BlendMode.kDarken,
    "plus": skia.BlendMode.kPlus,
    "clear": skia.BlendMode.kClear,
}


class Canvas:
    """A picture that is drawn in points, antialiased.

    Args:
        size: the short side in pixels.
        width, height: in points; the shorter is 768.
        ground: the first color, (3,) or a picture (h, w, 3), or None for a transparent layer.
    """

    def __init__(self, size: int, width: float = POINTS, height: float = POINTS, ground=(1, 1, 1)) -> None:
        self.scale = size / POINTS
        self.shape = (round(height * self.scale), round(width * self.scale))
        self.width, self.height = width, height
        self._pixels = np.zeros((*self.shape, 4), np.uint8)
        if ground is not None:
            self._pixels[..., :3] = np.rint(np.clip(np.asarray(ground), 0, 1) * 255)
            self._pixels[..., 3] = 255
        self._surface = skia.Surface(self._pixels)
        self.skia = self._surface.getCanvas()
        self.skia.scale(self.scale, self.scale)

    def picture(self) -> Array:
        """Return (h, w, 3) in [0, 1]; of a transparent layer, premultiplied colors."""
        self._surface.flushAndSubmit()
        return self._pixels[..., :3] / 255

    def cover(self) -> Array:
        """Return the alpha (h, w) in [0, 1]."""
        self._surface.flushAndSubmit()
        return self._pixels[..., 3] / 255

    def polygon(self, outline: Array, color, alpha: float = 1.0, blend: str = "over", holes=()) -> None:
        """Fill an outline (n, 2), less its holes."""
        path = skia.Path()
        for line in (outline, *holes):
            path.addPoly([skia.Point(*p) for p in np.asarray(line, float).tolist()], True)
        path.setFillType(skia.PathFillType.kEvenOdd)
        self.skia.drawPath(path, _paint(color, alpha, blend))

    def line(
        self, points: Array, width: float, color, alpha: float = 1.0, blend: str = "over", closed=False
    ) -> None:
        """Draw a polyline (n, 2) of one width with round ends."""
        path = skia.Path()
        path.addPoly([skia.Point(*p) for p in np.asarray(points, float).tolist()], closed)
        paint = _paint(color, alpha, blend)
        paint.setStyle(skia.Paint.kStroke_Style)
        paint.setStrokeWidth(width)
        paint.setStrokeCap(skia.Paint.kRound_Cap)
        paint.setStrokeJoin(skia.Paint.kRound_Join)
        self.skia.drawPath(path, paint)

    def ribbon(self, points: Array, widths, color, alpha: float = 1.0, blend: str = "over") -> None:
        """Draw a line whose width varies, as a brush under varying pressure: widths (n,) or one number."""
        self.polygon(ribbon(points, widths), color, alpha, blend)

    def dot(self, center, radius: float, color, alpha: float = 1.0, blend: str = "over") -> None:
        self.skia.drawCircle(float(center[0]), float(center[1]), float(radius), _paint(color, alpha, blend))


class Brush:
    """A brush of bristles, each a thin line with its own color, start and end.

    Args:
        bristles: how many; the strokes' width is shared among them.
        spread: how much the bristles' colors differ.
        dry: 0 to 1, how early bristles run out of paint.
    """

    def __init__(
        self, rng: np.random.Generator, bristles: int = 9, spread: float = 0.05, dry: float = 0.3
    ) -> None:
        self.rng, self.bristles, self.spread, self.dry = rng, bristles, spread, dry

    def stroke(
        self, canvas: Canvas, points: Array, width: float, color, alpha=1.0, relief: Canvas | None = None
    ):
        """Draw a stroke along points (n, 2); on ``relief``, a gray canvas, its ridges for the light."""
        rng, n = self.rng, self.bristles
        points = np.asarray(points, float)
        across = normals(points)
        ends = np.sin(np.linspace(0.12, 1, len(points)) * np.pi) ** 0.35  # narrower at both ends
        color = np.asarray(color) + rng.normal(0, self.spread / 2, 3)
        if relief is not None:
            relief.ribbon(points, width * ends, (0.42,) * 3, 0.8)
        canvas.ribbon(points, width * 0.9 * ends, color, 0.85 * alpha)
        tints = color + rng.normal(0, self.spread, (n, 3))
        offsets = (np.linspace(-0.5, 0.5, n) + rng.normal(0, 0.15 / n, n)) * width
        starts = rng.uniform(0, 0.12, n) * len(points)
        stops = len(points) - rng.exponential(0.3 * self.dry, n) * len(points)
        breadths, ridges = width / n * rng.uniform(0.8, 1.7, n), rng.uniform(0.3, 0.95, n).tolist()
        side = across * ends[:, None]
        for k in range(n):
            first, last = int(starts[k]), int(np.ceil(stops[k]))
            if last - first < 2:
                continue
            line = points[first:last] + side[first:last] * offsets[k]
            canvas.line(line, breadths[k], tints[k], alpha)
            if relief is not None:
                relief.line(line, width / n * 0.8, (ridges[k],) * 3, 0.7)


def ribbon(points: Array, widths) -> Array:
    """Return the outline of a line of varying width."""
    points = np.asarray(points, float)
    side = normals(points) * (np.broadcast_to(widths, len(points)) / 2)[:, None]
    return np.concatenate([points + side, (points - side)[::-1]])


def normals(points: Array) -> Array:
    """Return unit vectors across a polyline (n, 2)."""
    along = np.gradient(np.asarray(points, float), axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    return along[:, ::-1] * (-1, 1)


def smooth(points: Array, parts: int = 4, closed: bool = False) -> Array:
    """Return a Catmull-Rom curve through the points, each piece cut into parts."""
    points = np.asarray(points, float)
    if len(points) < 3 and not closed:
        return points
    if closed:
        p = np.concatenate([points[-1:], points, points[:2]])
    else:
        p = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.arange(parts)[None, :, None] / parts
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def _paint(color, alpha: float, blend: str) -> skia.Paint:
    r, g, b = (min(max(float(c), 0.0), 1.0) for c in color)
    return skia.Paint(Color4f=skia.Color4f(r, g, b, float(alpha)), AntiAlias=True, BlendMode=BLENDS[blend])
