"""What is published works: the wheel has all of the package and makes a picture outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built without network: hatchling is a part of the dev extra."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    (built,) = folder.glob("impasto-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with nothing but what the wheel installs, its command in bin."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


@pytest.fixture
def outside(installed, tmp_path) -> dict[str, object]:
    """How to run something that sees the installed package and not the checkout."""
    rng = np.random.default_rng(4)
    photo = np.kron(rng.integers(0, 256, (8, 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    Image.fromarray(photo).save(tmp_path / "photo.png")
    return {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(installed)}}


def test_the_wheel_has_every_file_of_the_package(wheel):
    tracked = run("git", "ls-files", "-z", "src/impasto", cwd=ROOT).split("\0")
    here = {name.removeprefix("src/") for name in tracked if (ROOT / name).is_file()}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert "impasto/data/compact.npz" in here
    assert here <= held, sorted(here - held)
    assert not [name for name in held if not name.startswith("impasto/") or name.endswith(".pyc")]


def test_its_command_makes_a_picture(installed, outside, tmp_path):
    words = ("stylize", "photo.png", "swirls", "-o", "out.png", "--iterations", "3")
    run(sys.executable, installed / "bin" / "impasto", *words, **outside)
    assert Image.open(tmp_path / "out.png").size == (64, 64)
    assert np.ptp(np.asarray(Image.open(tmp_path / "out.png"))) > 50


def test_python_makes_pictures_of_both_methods(installed, outside, tmp_path):
    code = (
        "import impasto; print(impasto.__file__); "
        "impasto.stylize('photo.png', 'swirls', iterations=(3,)).save('optimized.png'); "
        "impasto.stylize('photo.png', 'swirls', method='onepass', preset='fast').save('painted.png')"
    )
    assert run(sys.executable, "-c", code, **outside).splitlines()[0].startswith(str(installed))
    optimized, painted = (np.asarray(Image.open(tmp_path / f"{n}.png")) for n in ("optimized", "painted"))
    assert optimized.shape == painted.shape == (64, 64, 3)
    assert np.ptp(optimized) > 50
    assert np.ptp(painted) > 50
    assert np.any(optimized != painted)
