"""A cluster's options of the commands that optimize a picture."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from conftest import make_desk


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(make_desk(tmp_path, ("photo.png", "style.png")))


def test_workers_need_a_cluster(desk, impasto):
    code, out, err = impasto("stylize", "photo.png", "style.png", "--workers", 2)
    assert (code, out) == (2, "")
    assert "--workers needs a cluster; add --ray or --address" in err


def test_without_ray_it_is_one_sentence(desk, impasto, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = impasto("stylize", "photo.png", "style.png", "--ray", "--network", "tiny.npz")
    assert code == 1
    assert "a cluster needs Ray; install it with pip install 'impasto[ray]'" in err


def test_where_no_cluster_answers(desk, impasto):
    arguments = "stylize", "photo.png", "style.png", "--address", "127.0.0.1:9", "--network", "tiny.npz"
    code, _, err = impasto(*arguments)
    assert code == 1
    assert "no cluster answers at 127.0.0.1:9" in err


@pytest.mark.ray
def test_workers_on_this_machine_make_the_picture_and_say_nothing_else(desk):
    common = ("--network", "tiny.npz", "--content-layers", "relu1_2", "--style-layer-weights", "relu1_1=1")
    for more in (("--ray", "--workers", "2", "-o", "shared.png"), ("-o", "alone.png")):
        line = (sys.executable, "-m", "impasto.cli", "stylize", "photo.png", "style.png", *common, *more)
        made = subprocess.run([*line, "--iterations", "3"], capture_output=True, text=True, timeout=120)
        assert made.returncode == 0, made.stderr
        (said,) = filter(None, made.stderr.splitlines())
        assert "64 x 48 px in" in said
    shared, alone = (np.asarray(Image.open(f"{name}.png"), int) for name in ("shared", "alone"))
    assert np.abs(shared - alone).max() <= 2
