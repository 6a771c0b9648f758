"""What another process needs to measure and paint windows of a large photo.

It is small whatever the photo is: settings, masks, the photo in a small size, the network's weights and the
styles' moments. Windows of the photo are read from its file where the process sees it, else they are sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from keras import ops

from impasto.engine.gradients import to_host
from impasto.errors import ImageError
from impasto.files import version_of
from impasto.onepass.network import OnePassNetwork
from impasto.onepass.painter import network_of
from impasto.onepass.transfer import Moments
from impasto.onepass.window_painter import WindowPainter
from impasto.pictures.reading import Picture
from impasto.pictures.resizing import Window
from impasto.pictures.windows import LargePhoto
from impasto.prepared import Prepared
from impasto.workshop import Workshop


@dataclass(kw_only=True)
class SentPhoto:
    """A photo whose file is not seen here: what its windows show is sent.

    Attributes:
        shape: (height, width) of the photo.
        small: it in a small size.
        sent: the window that is to be looked at next.
    """

    shape: tuple[int, int]
    small: Picture
    sent: Picture | None = None

    def window(self, place: Window) -> Picture:
        """Return what was sent."""
        if self.sent is None:
            raise RuntimeError("what a window of a photo shows is sent before it is looked at")
        return self.sent


@dataclass(frozen=True, kw_only=True, eq=False)
class Errand:
    """A large photo's windows to be measured and painted, by whichever process.

    Attributes:
        prepared: without workshop and photo, and its networks with NumPy's arrays.
        style: the regions' moments.
        path, version: the photo's file, and its bytes and time, by which it is known.
        shape: (height, width) in which it is read.
    """

    prepared: Prepared
    style: Moments
    path: str
    version: tuple[int, int] | None
    shape: tuple[int, int]

    @classmethod
    def of(cls, painter: WindowPainter) -> Errand:
        """Return the errand of a painter's windows."""
        prepared, large = painter.prepared, painter.prepared.large
        if large is None:
            raise ImageError("only a photo that is read in windows has windows")
        network = network_of(prepared)
        encoder = replace(network.encoder, weights=_on_host(network.encoder.weights))
        nothing: Any = None
        bare = replace(
            prepared,
            regions=tuple(replace(region, styles=()) for region in prepared.regions),
            network=nothing,
            refine_network=None,
            workshop=nothing,
            onepass=replace(network, encoder=encoder, weights=_on_host(network.weights)),
            style_moments=None,
            large=None,
        )
        path = str(large.path.absolute())
        style = {layer: (to_host(mean), to_host(spread)) for layer, (mean, spread) in painter.style.items()}
        return cls(prepared=bare, style=style, path=path, version=version_of(path), shape=large.shape)

    def painter(self, workshop: Workshop) -> WindowPainter:
        """Return what measures and paints windows here; its photo is a `SentPhoto` if its file is not seen.

        Args:
            workshop: where what is compiled is kept.
        """
        bare, small = self.prepared, self.prepared.picture
        network = bare.onepass
        if not isinstance(network, OnePassNetwork):
            raise TypeError("an errand is made by a painter of windows")
        encoder = replace(network.encoder, weights=_on_engine(network.encoder.weights))
        network = replace(network, encoder=encoder, weights=_on_engine(network.weights)).with_cast_weights()
        photo: Any = SentPhoto(shape=self.shape, small=small)
        if version_of(self.path) == self.version:
            photo = LargePhoto(self.path).resized(self.shape)
            photo.__dict__["small"] = small  # so that it is not read once more
        prepared = replace(bare, workshop=workshop, onepass=network, large=photo)
        return WindowPainter(prepared, self.style)


def _on_host(weights: Any) -> dict[str, Any]:
    return {name: to_host(value) for name, value in weights.items()}


def _on_engine(weights: Any) -> dict[str, Any]:
    return {name: ops.convert_to_tensor(value) for name, value in weights.items()}
