"""PyTorch's files, read without PyTorch: tensors by their names, and nothing else.

Such a file is a pickle that names its tensors and says how they lie in raw storages, which follow it (before
PyTorch 1.6, and in PyTorch's own early downloads) or lie beside it in a zip archive. Unpickling can call any
function that a file names; here the names are looked up in a table of four harmless ones, every other is
refused, and what they make are descriptions of tensors, which are resolved against the storages afterwards.
"""

from __future__ import annotations

import collections
import io
import math
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from impasto.errors import WeightsError

MAGIC = 0x1950A86A20F9469CFC6C
"""The first pickled number of a file of the older layout."""
STORAGES = {
    "ByteStorage": "u1",
    "CharStorage": "i1",
    "ShortStorage": "<i2",
    "IntStorage": "<i4",
    "LongStorage": "<i8",
    "HalfStorage": "<f2",
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "BFloat16Storage": "<u2",
}
"""NumPy's types of PyTorch's storages; bfloat16, which NumPy lacks, comes as its bits."""


@dataclass(frozen=True)
class _Storage:
    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_file(path: Path, content: bytes | None = None) -> dict[str, np.ndarray]:
    """Return the tensors of a PyTorch file, those of ``state_dict`` if it holds one, by their names.

    Args:
        path: the file; messages name it.
        content: the file's bytes, where it lies within another one.

    Raises:
        WeightsError: the file holds anything but plain tensors in mappings, or is damaged.
    """
    with path.open("rb") if content is None else io.BytesIO(content) as file:
        loaded, storages = (_read_archive if zipfile.is_zipfile(file) else _read_stream)(path, file)
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping):
        raise WeightsError("{path} holds no tensors by name; save a model's state_dict()", path=path)
    tensors = {str(name): value for name, value in loaded.items() if isinstance(value, _Tensor)}
    return {name: _resolve(path, tensor, storages) for name, tensor in tensors.items()}


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that can make descriptions of tensors, mappings, sequences, texts and numbers."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in STORAGES:
            return _StorageKind(name)
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise WeightsError(
                "{path} is a pickle that asks for {module}.{name}, which is never run; save the "
                "plain tensors of a model's state_dict()",
                path=self._path,
                module=module,
                name=name,
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage, key, _, count, *view = pid
        if kind != "storage" or not isinstance(storage, _StorageKind) or any(view):
            raise WeightsError("{path} holds a storage of an unknown kind", path=self._path)
        return _Storage(str(key), storage.name, int(count))


@dataclass(frozen=True)
class _StorageKind:
    name: str


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _rebuild_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("collections", "OrderedDict"): collections.OrderedDict,
}


def _read_archive(path: Path, whole: IO[bytes]) -> tuple[Any, dict[str, bytes]]:
    """Read the newer layout: a zip archive with data.pkl and a member per storage."""
    with zipfile.ZipFile(whole) as archive:
        names = archive.namelist()
        pickled = next((name for name in names if name.rpartition("/")[2] == "data.pkl"), "")
        if not pickled:
            raise WeightsError("{path} is an archive without PyTorch's data.pkl", path=path)
        root = pickled.removesuffix("data.pkl")
        if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
            raise WeightsError(
                "{path} was written on a big-endian machine, which is not supported", path=path
            )
        with archive.open(pickled) as file:
            content = _TensorUnpickler(file, path).load()
        data = f"{root}data/"
        return content, {n.removeprefix(data): archive.read(n) for n in names if n.startswith(data)}


def _read_stream(path: Path, file: IO[bytes]) -> tuple[Any, dict[str, bytes]]:
    """Read the older layout: five pickles, then each storage's number of elements and its bytes."""
    file.seek(0)
    if _TensorUnpickler(file, path).load() != MAGIC:
        raise WeightsError(
            "{path} is a pickle, but not one of PyTorch's; save a model's state_dict()", path=path
        )
    _, system = (_TensorUnpickler(file, path).load() for _ in range(2))
    if not system.get("little_endian", True):
        raise WeightsError("{path} was written on a big-endian machine, which is not supported", path=path)
    described = _StorageCounter(file, path)
    content = described.load()
    storages = {}
    for key in _TensorUnpickler(file, path).load():
        count = int.from_bytes(file.read(8), "little")
        storages[key] = file.read(count * np.dtype(STORAGES[described.kinds[key]]).itemsize)
    return content, storages


class _StorageCounter(_TensorUnpickler):
    """Remembers each storage's type, which its bytes in the older layout do not tell."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file, path)
        self.kinds: dict[str, str] = {}

    def persistent_load(self, pid: Any) -> _Storage:
        storage = super().persistent_load(pid)
        self.kinds[storage.key] = storage.kind
        return storage


def _resolve(path: Path, tensor: _Tensor, storages: Mapping[str, bytes]) -> np.ndarray:
    """Return a tensor as an array of its own, after checking that it lies within its storage."""
    raw, dtype = storages.get(tensor.storage.key, b""), np.dtype(STORAGES[tensor.storage.kind])
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    whole = len(raw) == tensor.storage.count * dtype.itemsize
    inside = 0 <= tensor.offset <= last < tensor.storage.count and min((*tensor.strides, 0)) >= 0
    inside &= math.prod(tensor.shape) <= tensor.storage.count
    if not whole or (0 not in tensor.shape and not inside) or min((*tensor.shape, 0)) < 0:
        raise WeightsError("{path} is truncated or damaged; get it again", path=path)
    if 0 in tensor.shape:
        return np.empty(tensor.shape, dtype)
    flat = np.frombuffer(raw, dtype)[tensor.offset : last + 1]
    steps = tuple(stride * dtype.itemsize for stride in tensor.strides)
    array = np.lib.stride_tricks.as_strided(flat, tensor.shape, steps, writeable=False)
    if tensor.storage.kind == "BFloat16Storage":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.copy()
