"""Files as PyTorch writes them, written by hand, in the layout before version 1.6 (old) and since (new)."""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import pytest

from impasto.networks.torch_file import MAGIC, STORAGES

KINDS = {np.dtype(code).str: kind for kind, code in STORAGES.items() if kind != "BFloat16Storage"}


class Tensor:
    """Pickled as PyTorch pickles a tensor: a storage, an offset, a shape and strides."""

    def __init__(self, key: str, array: np.ndarray, kind: str = "") -> None:
        self.key, self.array = key, array
        self.kind = kind or KINDS[array.dtype.str]
        self.shape, self.offset = array.shape, 0
        self.strides = tuple(step // array.itemsize for step in array.copy().strides)


class Storage:
    """What a tensor's elements lie in: pickled by its key only."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def _rebuild_tensor_v2() -> None: ...


class Pickler(pickle.Pickler):
    """Pickles tensors by PyTorch's names and remembers their arrays."""

    def __init__(self, file: io.BytesIO, layout: str) -> None:
        super().__init__(file, 2)
        self.layout, self.storages = layout, {}

    def persistent_id(self, value: object) -> object:
        if not isinstance(value, Storage):
            return None
        tensor = value.tensor
        self.storages[tensor.key] = tensor.array
        view = (None,) if self.layout == "old" else ()
        kind = getattr(sys.modules["torch"], tensor.kind)
        return ("storage", kind, tensor.key, "cpu", tensor.array.size, *view)

    def reducer_override(self, value: object) -> object:
        if not isinstance(value, Tensor):
            return NotImplemented
        words = (Storage(value), value.offset, value.shape, value.strides, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, words


def write_torch_file(path: Path, state: object, layout: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a file as torch.save does; modules of PyTorch's names exist only while it is written."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for kind in STORAGES:
        setattr(torch, kind, type(kind, (), {"__module__": "torch", "__qualname__": kind}))
    rebuild = FunctionType(_rebuild_tensor_v2.__code__, {}, "_rebuild_tensor_v2")
    rebuild.__module__ = "torch._utils"
    torch._utils, utils._rebuild_tensor_v2 = utils, rebuild
    told = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", torch)
        patch.setitem(sys.modules, "torch._utils", utils)
        pickler = Pickler(told, layout)
        pickler.dump(state)
    if layout == "new":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", told.getvalue())
            for key, array in pickler.storages.items():
                archive.writestr(f"x/data/{key}", array.tobytes())
        return path
    with path.open("wb") as file:
        for value in (MAGIC, 1001, {"protocol_version": 1001, "little_endian": True}):
            pickle.dump(value, file, 2)
        file.write(told.getvalue())
        pickle.dump(list(pickler.storages), file, 2)
        for array in pickler.storages.values():
            file.write(array.size.to_bytes(8, "little") + array.tobytes())
    return path
