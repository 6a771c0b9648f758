"""A style of one's own in one file: the weights of its one-pass network and a card that describes it.

A .style file is a NumPy .npz archive without pickles: ``weights/NAME`` of the decoder (kernels in
float16), the painting's ``moments/LAYER/mean`` and ``.../covariance``, its ``thumbnail``, and
``style_card``, JSON in bytes, with the sha256 of the other arrays. With the feature network that it was
trained with it is a `OnePassNetwork` that does best in one style.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto import __version__
from impasto.errors import MissingFileError, SettingError, WeightsError
from impasto.files import digest, write_whole
from impasto.networks.feature_network import FeatureNetwork
from impasto.onepass.network import OnePassNetwork, new_onepass_network
from impasto.onepass.transfer import STATISTICS_LAYERS, Moments

SUFFIX = ".style"
FORMAT = 2
"""Raised when the network changes: 2 has residual blocks at 1/4 and 1/2 of the picture's size, too."""

KINDS = ("mean", "covariance")
THUMBNAIL_SIZE = 256
LARGEST_BYTES = 64 * 2**20
"""No style holds more; what claims to is not unpacked."""
UNREADABLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, zipfile.BadZipFile,
    zlib.error, struct.error, RuntimeError, MemoryError, OverflowError, SyntaxError,
)  # fmt: skip
"""What NumPy, zipfile and json raise on files that are damaged or something else."""


@dataclass(frozen=True, kw_only=True)
class StyleCard:
    """What a style file says of itself.

    Attributes:
        name: of the style.
        licence: of the weights, as their maker gives it; may be empty.
        settings: of the training.
        figures: what was measured on photos that the training did not see.
        style_sha256: of the painting's file.
        encoder_sha256: of the feature network that the style was trained with.
        version: of Impasto.
    """

    name: str
    licence: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    style_sha256: str = ""
    encoder_sha256: str = ""
    version: str = __version__


@dataclass(frozen=True, kw_only=True)
class StyleFile:
    """A style file as read.

    Attributes:
        card: what it says of itself.
        thumbnail: of the painting, uint8 (height, width, 3), sRGB, long side at most 256 px.
        moments: of the painting's features, without the batch: by layer float32 (c,) and (c, c).
        weights: float32, as of `new_onepass_network`.
        sha256: of the file.
    """

    card: StyleCard
    thumbnail: NDArray[np.uint8]
    moments: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    weights: Mapping[str, NDArray[np.float32]]
    sha256: str = ""

    def network(self, encoder: FeatureNetwork) -> OnePassNetwork:
        """Return the style's network.

        Args:
            encoder: the feature network that it was trained with; its dtype is used.

        Raises:
            WeightsError: it was another feature network.
        """
        if self.card.encoder_sha256 != encoder.sha256:
            raise WeightsError(
                "the style {name!r} was trained with another feature network than {encoder}; train it "
                "again, or use the version of Impasto that wrote it ({version})",
                name=self.card.name,
                encoder=encoder.name,
                version=self.card.version,
            )
        weights = {name: ops.convert_to_tensor(value) for name, value in self.weights.items()}
        return OnePassNetwork(name=self.card.name, encoder=encoder, weights=weights, sha256=self.sha256)

    def statistics(self) -> Moments:
        """Return the painting's moments as `transfer_maps` takes them."""
        statistics = {}
        for layer, (mean, covariance) in self.moments.items():
            statistics[layer] = ops.convert_to_tensor(mean[None]), ops.convert_to_tensor(covariance[None])
        return statistics


def write_style_file(path: Path, style: StyleFile) -> str:
    """Write a style, all of it or nothing, and return the file's sha256.

    Args:
        path: the file to write; its folder is made.
        style: what to write; its ``sha256`` is not used.

    Raises:
        SettingError: the weights are not those of a style network or not finite.
        OutputError: the file cannot be written there.
    """
    if problem := _problem(style.weights, style.moments):
        raise SettingError(
            "a style's weights must be finite and of a style network: {problem}", problem=problem
        )
    arrays: dict[str, NDArray[Any]] = {"thumbnail": np.asarray(style.thumbnail, np.uint8)}
    for layer, values in style.moments.items():
        for kind, value in zip(KINDS, values, strict=True):
            arrays[f"moments/{layer}/{kind}"] = np.asarray(value, np.float32)
    for name, value in style.weights.items():
        dtype = np.float16 if name.endswith("/kernel") else np.float32
        arrays[f"weights/{name}"] = np.asarray(value).astype(dtype)
    card = asdict(style.card) | {"format": FORMAT, "sha256": _digest(arrays)}
    words = np.frombuffer(json.dumps(card, sort_keys=True).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, style_card=words, **arrays))
    return digest(path)


def read_style_file(path: str | Path) -> StyleFile:
    """Read a style after comparing it with its own sha256.

    Raises:
        MissingFileError: it is not there.
        WeightsError: it is damaged, of another version's network or no style file.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise MissingFileError("there is no style file at {path}", path=path)
    try:
        words, arrays = _load(path)
        written_by, form, recorded = words.get("version"), words.pop("format"), words.pop("sha256")
        if form != FORMAT:
            raise _of_another_version(path, written_by, newer=form > FORMAT)
        intact = recorded == _digest(arrays)
        card = StyleCard(**{f.name: words[f.name] for f in fields(StyleCard)})
        thumbnail = arrays.pop("thumbnail")
        mean, covariance = KINDS
        moments = {
            k: (arrays.pop(f"moments/{k}/{mean}"), arrays.pop(f"moments/{k}/{covariance}"))
            for k in STATISTICS_LAYERS
        }
    except WeightsError:
        raise
    except UNREADABLE as error:
        raise WeightsError(
            "{path} is not a whole style file; copy it again or train it again", path=path
        ) from error
    if not intact:
        raise WeightsError(
            "{path} is damaged: its sha256 is not the recorded one; copy or train it again", path=path
        )
    weights = {name.removeprefix("weights/"): value.astype(np.float32) for name, value in arrays.items()}
    if problem := _problem(weights, moments):
        raise WeightsError(
            "{path} is not a style that this version of Impasto can paint with: {problem}",
            path=path,
            problem=problem,
        )
    sha256 = digest(path)
    return StyleFile(card=card, thumbnail=thumbnail, moments=moments, weights=weights, sha256=sha256)


def is_style_file(path: str | Path) -> bool:
    """Return whether a path is meant as a style file: by its ending, or by what an archive holds."""
    path = Path(path)
    if path.suffix.lower() == SUFFIX:
        return True
    try:
        if not (os.path.isfile(path) and zipfile.is_zipfile(path)):
            return False
        with zipfile.ZipFile(path) as archive:
            return "style_card.npy" in archive.namelist()
    except UNREADABLE:
        return False


def _of_another_version(path: Path, version: Any, *, newer: bool) -> WeightsError:
    if newer:
        return WeightsError(
            "{path} was written by Impasto {version}, which is newer; update Impasto",
            path=path,
            version=version,
        )
    return WeightsError(
        "{path} was written by Impasto {version}, which is older and had another network; train it again",
        path=path,
        version=version,
    )


def _load(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the card's words and the other arrays."""
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST_BYTES:
            raise ValueError("larger than any style")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(arrays.pop("style_card").tobytes()), arrays


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the sha256 of arrays: of their names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(arrays.items()):
        digest.update(f"{name} {value.dtype.str} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _problem(weights: Mapping[str, NDArray[Any]], moments: Mapping[str, tuple[Any, ...]]) -> str:
    """Return what is wrong with a style network's weights and a painting's moments, or nothing."""
    missing = [
        layer for layer in STATISTICS_LAYERS if f"scale/{layer}" not in weights or layer not in moments
    ]
    if missing:
        return f"the layer {missing[0]} is missing"
    widths = {layer: weights[f"scale/{layer}"].size for layer in STATISTICS_LAYERS}
    wanted = {name: value.shape for name, value in new_onepass_network(0, widths).items()}
    for name in sorted(set(wanted) ^ set(weights)):
        return f"{name} is {'missing' if name in wanted else 'unknown'}"
    arrays = dict(weights)
    for layer, width in widths.items():
        for kind, shape, value in zip(KINDS, ((width,), (width, width)), moments[layer], strict=True):
            wanted[f"{kind} of {layer}"], arrays[f"{kind} of {layer}"] = shape, value
    for name, value in arrays.items():
        if value.shape != wanted[name]:
            return f"{name} has the shape {value.shape} instead of {wanted[name]}"
        if not np.isfinite(value).all():
            return f"{name} holds values that are not finite"
    return ""
