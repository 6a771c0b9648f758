"""PyTorch's files without PyTorch: both layouts, written here by hand, and what must be refused."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from impasto.errors import WeightsError
from impasto.networks.formats import read_weights
from impasto.networks.torch_file import read_torch_file
from torch_fixtures import Tensor, write_torch_file


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write tensors as torch.save does; modules of PyTorch's names are there only while it is written."""
    return lambda path, state, layout: write_torch_file(path, state, layout, monkeypatch)


ARRAYS = {
    "a": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "b": np.arange(5, dtype=np.uint8),
    "half": np.array([0.5, -2], np.float16),
    "one": np.array(3.0, np.float64),
}


@pytest.mark.parametrize("layout", ["old", "new"])
def test_tensors_come_back(tmp_path: Path, write: Callable[..., Path], layout: str) -> None:
    state = OrderedDict((name, Tensor(str(n), array)) for n, (name, array) in enumerate(ARRAYS.items()))
    turned = Tensor("9", np.arange(6, dtype=np.float32))
    turned.shape, turned.strides, turned.offset = (2, 2), (1, 2), 1
    bits = Tensor("10", np.array([0x3F80, 0xC000], np.uint16), "BFloat16Storage")
    state |= {"turned": turned, "brain": bits, "epoch": 3}
    found = read_torch_file(write(tmp_path / "x.pth", {"state_dict": state}, layout))
    assert set(found) == {*ARRAYS, "turned", "brain"}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    np.testing.assert_array_equal(found["turned"], [[1, 3], [2, 4]])
    np.testing.assert_array_equal(found["brain"], np.float32([1, -2]))


@pytest.mark.parametrize("layout", ["old", "new"])
@pytest.mark.parametrize(
    "change", [{"offset": 5}, {"shape": (9,)}, {"strides": (-1,)}, {"shape": (10**9,), "strides": (0,)}]
)
def test_a_tensor_beyond_its_storage_is_refused(
    tmp_path: Path, write: Callable[..., Path], layout: str, change: dict[str, object]
) -> None:
    tensor = Tensor("0", np.arange(8, dtype=np.float32))
    tensor.__dict__ |= change
    with pytest.raises(WeightsError, match="truncated or damaged"):
        read_torch_file(write(tmp_path / "x.pth", {"a": tensor}, layout))


@pytest.mark.parametrize("layout", ["old", "new"])
def test_a_cut_off_file_is_refused(tmp_path: Path, write: Callable[..., Path], layout: str) -> None:
    path = write(tmp_path / "x.pth", {"a": Tensor("0", np.arange(999, dtype=np.float32))}, layout)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(WeightsError, match="truncated or damaged"):
        read_weights(path)


class Mischief:
    """Unpickled, it would make a folder."""

    def __init__(self, call: Callable[..., object], *words: object) -> None:
        self.words = call, words

    def __reduce__(self) -> tuple[object, ...]:
        return self.words


@pytest.mark.parametrize("layout", ["old", "new"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_no_code_of_a_file_is_run(
    tmp_path: Path, write: Callable[..., Path], layout: str, wrapped: bool
) -> None:
    call = Mischief(Path.mkdir, tmp_path / "made")
    harmful = Mischief(getattr, "", "format") if wrapped else call
    path = write(tmp_path / "x.pth", {"features.0.weight": harmful}, layout)
    with pytest.raises(WeightsError, match=r"a pickle that asks for .*, which is never run"):
        read_weights(path)
    assert not (tmp_path / "made").exists()


def test_other_pickles_are_refused(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(pickle.dumps({"features.0.weight": [1.0]}))
    with pytest.raises(WeightsError, match="a pickle, but not one of PyTorch's"):
        read_weights(path)
    with pytest.raises(WeightsError, match="holds no tensors by name"):
        read_torch_file(write(path, [Tensor("0", ARRAYS["a"])], "new"))
