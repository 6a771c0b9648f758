"""Feature networks by name or file: find, list, load, import and fetch their weights.

Networks live in two folders, the package's own ``data`` and the user's (`impasto_home`), each with
a ``manifest.json``: ``{name: {file, sha256, licence, source, recipe, figures}}``. ``recipe`` tells
how the file was made, in any JSON, and ``figures`` is a table of what was measured on it. A file is
compared with its sha256 each time it is loaded.

Reference: VGG-19 by Simonyan and Zisserman (ICLR 2015), published by the Visual Geometry Group,
University of Oxford, under CC BY 4.0.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.engine import runtime
from impasto.errors import WeightsError, did_you_mean
from impasto.files import digest, impasto_home, write_whole
from impasto.networks.formats import WeightFile, read_weights
from impasto.networks.vgg19_check import CheckReport, check

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork

EMBEDDED = Path(__file__).parents[1] / "data"
"""The package's own networks."""
POOLING = "average"
"""For files that name none: smoother pastiches than VGG-19's own max (Gatys et al., section 2)."""
VGG19_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
VGG19_MD5 = "253f8cb515780f3b799900260a226db6"
OXFORD = "CC BY 4.0, Visual Geometry Group, University of Oxford"
HOW_TO_GET_VGG19 = (
    "run 'impasto weights fetch vgg19' to download it, or 'impasto weights import FILE' with a "
    "copy of imagenet-vgg-verydeep-19.mat or of Keras' VGG19"
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
        licence, source: of the weights.
    """

    name: str
    status: str
    licence: str
    source: str
    path: Path | None = None
    sha256: str = ""
    parameters: int = 0


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import wrote: the network's name, its new file and sha256, and what was put right."""

    name: str
    path: Path
    sha256: str
    notes: tuple[str, ...]


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

    from impasto.networks.feature_network import FeatureNetwork

    trained_with = "reflect" if file.family == "distilled" else "zero"
    return FeatureNetwork(
        name=name,
        weights={k: ops.convert_to_tensor(v, "float32") for k, v in file.weights.items()},
        pooling=pooling or file.meta.get("pooling", POOLING),
        padding=padding or file.meta.get("padding", trained_with),
        dtype=dtype,
        sha256=file.sha256,
        notes=notes,
    )


def list_networks() -> list[NetworkCard]:
    """Return every network that has a name, the embedded ones first; vgg19 even while absent.

    Raises:
        WeightsError: a manifest is damaged.
    """
    cards = []
    for folder in (EMBEDDED, impasto_home() / "weights"):
        for name, entry in read_manifest(folder).items():
            path = folder / entry.file
            status, parameters = "verified", 0
            try:
                parameters = read_weights(path, entry.sha256).parameters
            except WeightsError:
                status = "damaged" if path.exists() else "absent"
            cards.append(
                NetworkCard(
                    name=name,
                    path=path,
                    sha256=entry.sha256,
                    status=status,
                    parameters=parameters,
                    licence=entry.licence,
                    source=entry.source,
                )
            )
    if all(card.name != "vgg19" for card in cards):
        source = "impasto weights fetch vgg19"
        cards.append(NetworkCard(name="vgg19", status="absent", licence=OXFORD, source=source))
    return cards


def check_weights(path: str | Path) -> CheckReport:
    """Test whether a weights file is VGG-19, without importing it.

    Raises:
        WeightsError: the file is missing, damaged or not as wide as VGG-19.
    """
    return check(read_weights(path))[1]


def import_weights(path: str | Path, *, force: bool = False) -> ImportReport:
    """Convert a VGG-19 weights file and keep it in the user's data folder.

    Args:
        path: a file of any kind that `read_weights` understands.
        force: import a network of VGG-19's shape that fails the self-test, as ``vgg19-unverified``.

    Returns:
        The network's name, where it lies now, and what was put right.

    Raises:
        WeightsError: the file is missing, damaged or not VGG-19.
        OutputError: the data folder cannot be written.
    """
    file, report = check(read_weights(path))
    if report.problems and not force:
        reasons = "; ".join(p[0].lower() + p[1:].rstrip(".") for p in report.problems)
        raise WeightsError(f"{path} is not VGG-19: {reasons}; add --force to import it as vgg19-unverified")
    meta = {
        "name": report.name,
        "source": file.path.name,
        "source_sha256": file.sha256,
        "family": report.family,
        "pooling": file.meta.get("pooling", POOLING),
        "padding": file.meta.get("padding", "zero"),
    }
    folder = impasto_home() / "weights"
    target = folder / f"{report.name}.npz"
    entry = ManifestEntry(
        file=target.name,
        sha256=write_weights(target, file.weights, meta),
        licence=OXFORD if report.is_vgg19 else "unknown",
        source=file.path.name,
        recipe={"source_sha256": file.sha256, "notes": list(report.notes)},
        figures={"likeness": round(report.likeness, 6)},
    )
    write_manifest(folder, {**read_manifest(folder), report.name: entry})
    told = report.notes + report.problems
    return ImportReport(name=report.name, path=target, sha256=entry.sha256, notes=told)


def fetch_vgg19(
    progress: Callable[[str], None] | None = None, *, url: str = VGG19_URL, md5: str = VGG19_MD5
) -> ImportReport:
    """Download Keras' VGG-19 (80 MB) with Keras' own downloader and import it.

    A file that already lies in Keras' cache is used without any network.

    Args:
        progress: is told, in a few words each time, what goes on; Keras' own bar goes to stderr.
        url: of the file; a mirror may serve the same one.
        md5: of the file.

    Returns:
        As `import_weights`.

    Raises:
        WeightsError: the download failed, or brought another file.
        OutputError: the data folder cannot be written.
    """
    import keras

    say = progress or (lambda words: None)
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()
    cached = home / "models" / url.rpartition("/")[2]
    say(f"Fetching {cached.name} (80 MB)")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            got = keras.utils.get_file(
                cached.name, url, cache_dir=str(home), cache_subdir="models", file_hash=md5
            )
    except Exception as error:  # Keras raises bare Exceptions for a failed download
        reason = str(error).replace("\n", " ").rstrip(".")
        raise WeightsError(
            f"VGG-19 could not be downloaded ({reason}); without a network, either put that file "
            f"at {cached} and run 'impasto weights fetch vgg19' again, or run 'impasto weights "
            "import FILE' with a copy of imagenet-vgg-verydeep-19.mat"
        ) from error
    say("Checking and converting")
    report = import_weights(got)
    say(f"Wrote {report.path}")
    return report


def read_listed(folder: Path, name: str) -> WeightFile:
    """Read a network that a folder's manifest lists, after comparing its sha256.

    Raises:
        WeightsError: the manifest does not list it, or the file is missing or damaged.
    """
    manifest = read_manifest(folder)
    if name not in manifest:
        raise WeightsError(f"{folder} has no network {name!r}{did_you_mean(name, manifest)}")
    return read_weights(folder / manifest[name].file, manifest[name].sha256)


def read_manifest(folder: Path) -> dict[str, ManifestEntry]:
    """Return what a folder's manifest lists; nothing when there is no manifest.

    Raises:
        WeightsError: the manifest is not of the described form.
    """
    path = folder / "manifest.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return {name: _read_entry(entry) for name, entry in listed.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).replace("ManifestEntry.__init__() ", "")
        raise WeightsError(f"{path} is not a manifest of networks: {reason}") from error


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
        weights: the common form.
        meta: words to keep: name, source, source_sha256, family, pooling, padding.
        dtype: of the stored kernels, ``float32`` or ``float16``; the rest is float32.

    Raises:
        OutputError: the file cannot be written there.
    """
    arrays = {
        name: array.astype(dtype if re.match(r"(conv|expand|metric).*kernel", name) else "float32")
        for name, array in weights.items()
    }
    words = np.frombuffer(json.dumps(dict(meta), sort_keys=True).encode(), np.uint8)
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, meta=words, **arrays))
    return digest(path)


def _find(name_or_path: str | Path) -> tuple[str, WeightFile, tuple[str, ...]]:
    """Return a network's name, its file and what a check of the file says, by its name or its path."""
    names: set[str] = {"compact", "vgg19"}
    if isinstance(name_or_path, str):
        for folder in (EMBEDDED, impasto_home() / "weights"):
            manifest = read_manifest(folder)
            if name_or_path in manifest:
                return name_or_path, read_listed(folder, name_or_path), ()
            names |= set(manifest)
    path = Path(name_or_path).expanduser()
    if path.is_file():
        file = read_weights(path)
        if not file.vgg19_shaped or file.family == "distilled":
            return path.stem, file, ()
        file, report = check(file)
        return report.name, file, report.notes + report.problems
    if name_or_path == "vgg19":
        raise WeightsError(f"VGG-19 is not installed: {HOW_TO_GET_VGG19}")
    if name_or_path == "compact":
        raise WeightsError(f"the embedded network is not in {EMBEDDED}: install impasto again")
    raise _unknown(name_or_path, names)


def check_name(name_or_path: str | Path) -> None:
    """Check that a network's name is known or a file; the file is not read.

    Raises:
        WeightsError: it is neither.
    """
    names = {"compact", "vgg19"}.union(*map(read_manifest, (EMBEDDED, impasto_home() / "weights")))
    if name_or_path not in names and not Path(name_or_path).expanduser().is_file():
        raise _unknown(name_or_path, names)


def _unknown(name_or_path: str | Path, names: set[str]) -> WeightsError:
    return WeightsError(
        "a network must be {names} or a weights file, not {name!r}{hint}",
        names=", ".join(sorted(names)),
        name=str(name_or_path),
        hint=did_you_mean(str(name_or_path), names),
    )


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
