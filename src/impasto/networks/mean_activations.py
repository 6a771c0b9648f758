"""VGG-19's mean activations, and the network normalized by them: every filter's mean over photos is 1.

The means are a table shipped with the package, ``data/vgg19-means.npz``, measured over the development
photos (its recipe is in the manifest); one that the user measures over other photos lies in the user's data
folder and goes before it. With a table the normalized network is made of the installed VGG-19 in a moment, so
that no second file is kept.

Reference: Gatys, Ecker and Bethge (CVPR 2016), section 2: the weights are scaled so that the mean activation
of each filter over images and positions is 1, which changes no output up to a scale per filter, since the
network has only rectifying units and no normalization over its maps.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from impasto.errors import WeightsError
from impasto.files import impasto_home, write_whole
from impasto.layers import CONVOLUTION_NAMES

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork

EMBEDDED_MEANS = Path(__file__).parents[1] / "data" / "vgg19-means.npz"
LEAST_MEAN = 1e-3
"""Least mean of a filter over its layer's: it bounds the scale of a filter that hardly ever answers."""


def means_path() -> Path:
    """Return the table in use: the user's if there is one, else the package's."""
    return user_means() if os.path.isfile(user_means()) else EMBEDDED_MEANS


def user_means() -> Path:
    """Return where a table that the user measured lies."""
    return impasto_home() / "weights" / EMBEDDED_MEANS.name


def means_source() -> str:
    """Return, in a few words, over which photos the table in use was measured."""
    own = means_path() != EMBEDDED_MEANS
    return f"means over {_read(means_path())[1]} {'of your' if own else 'development'} photos"


def read_means(path: Path | None = None) -> dict[str, np.ndarray]:
    """Return ``{convolution: float32 (channels,)}``, each filter's mean activation after the ReLU.

    Raises:
        WeightsError: the table is damaged.
    """
    return _read(path or means_path())[0]


def write_means(path: Path, means: Mapping[str, np.ndarray], pictures: int) -> None:
    """Write a table of means over a number of pictures.

    Raises:
        OutputError: the file cannot be written there.
    """
    arrays = {name: np.asarray(mean, np.float32) for name, mean in means.items()}
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, pictures=np.int64(pictures), **arrays))


def measure_means(
    network: FeatureNetwork, pictures: Sequence[np.ndarray], progress: Callable[[int], None] | None = None
) -> dict[str, np.ndarray]:
    """Return the mean of each filter over pictures and positions, every picture counting the same.

    Args:
        network: VGG-19, best with its own max pooling and zero padding.
        pictures: uint8 arrays (height, width, 3), sRGB; at least one.
        progress: is told how many pictures are done.

    Returns:
        ``{convolution: float64 (channels,)}``.
    """
    from keras import ops

    sums: dict[str, np.ndarray] = {}
    for done, picture in enumerate(pictures, 1):
        batch = ops.convert_to_tensor(picture[None].astype(np.float32) / 255)
        features = network.features(batch, network.layers)
        for layer, name in zip(network.layers, CONVOLUTION_NAMES, strict=False):
            mean = np.asarray(ops.convert_to_numpy(ops.mean(features[layer], (0, 1, 2))), np.float64)
            sums[name] = sums.get(name, 0) + mean
        if progress:
            progress(done)
    return {name: total / len(pictures) for name, total in sums.items()}


def normalized(weights: Mapping[str, np.ndarray], means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights scaled so that each filter's mean activation is 1: kernel' = kernel m_before / m.

    Args:
        weights: the common form of VGG-19.
        means: of each of its convolutions.
    """
    divided, before = dict(weights), np.ones(3)
    for name in CONVOLUTION_NAMES:
        if f"{name}/kernel" not in weights:
            break
        mean = np.asarray(means[name], np.float64)
        mean = np.maximum(mean, LEAST_MEAN * mean.mean())
        kernel = weights[f"{name}/kernel"] * before[:, None] / mean
        divided |= {f"{name}/kernel": kernel.astype(np.float32)}
        divided |= {f"{name}/bias": (weights[f"{name}/bias"] / mean).astype(np.float32)}
        before = mean
    return divided


def _read(path: Path) -> tuple[dict[str, np.ndarray], int]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, int(arrays.pop("pictures"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError("{path} is damaged; delete it, or install impasto again", path=path) from error
