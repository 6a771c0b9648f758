"""Every method on every engine: what TensorFlow makes, JAX and PyTorch make, too; run by run.sh."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import skimage.data
from parity import ENGINE, agree

import impasto
from conftest import picture, tensor
from impasto.engine import runtime
from impasto.engine.gradients import to_host
from impasto.onepass.painter import load_onepass_network
from impasto.onepass.style_file import StyleCard, StyleFile, write_style_file
from impasto.onepass.transfer import moments_of
from impasto.pictures.resizing import resize
from impasto.styles import RegionSpec, StyleSpec

pytestmark = pytest.mark.engines
PHOTO = resize(skimage.data.astronaut() / np.float32(255), (96, 96))
STYLE, OTHER = picture(80, 96, 7), picture(96, 72, 8) ** 2
MASK = np.clip(np.linspace(-1, 2, 96, dtype=np.float32), 0, 1)[None].repeat(96, axis=0)
FLOAT = {"precision": "float32"}
ONE_PASS = {"method": "onepass", **FLOAT}
FEW = {"iterations": (3,), "optimizer": "adam", **FLOAT}
TWO_SCALES = {**FEW, "iterations": (3, 2)}
REGION = [RegionSpec(mask=MASK, style=OTHER)]
BLEND = [StyleSpec(source=STYLE, weight=2.0), StyleSpec(source=OTHER, part="fine")]
MASKED = [RegionSpec(mask=MASK, style=OTHER, style_mask=np.tri(96, 72, dtype=np.float32))]
WAYS = {
    "optimize": (STYLE, TWO_SCALES),
    "optimize-blend": (BLEND, FEW),
    "optimize-regions": (STYLE, {**FEW, "regions": REGION, "colors": "luminance"}),
    "optimize-style-mask": (STYLE, {**FEW, "regions": MASKED, "background": "photo"}),
    "optimize-moments": (STYLE, {**FEW, "style_loss": "moments", "grain": 1.0, "tv_weight": 0.1}),
    "optimize-neighbors": (STYLE, {**FEW, "style_loss": "neighbors"}),
    "optimize-sliced": (STYLE, {**FEW, "style_loss": "sliced"}),
    "optimize-gatys": (
        STYLE,
        {**TWO_SCALES, "formulas": "gatys2016", "style_weight": 1e-3, "content_weight": 1e-6},
    ),
    "onepass": (STYLE, ONE_PASS),
    "onepass-strong": (STYLE, {**ONE_PASS, "strength": 90}),
    "onepass-blend": (BLEND, ONE_PASS),
    "onepass-regions": (STYLE, {**ONE_PASS, "regions": REGION}),
    "onepass-style-mask": (STYLE, {**ONE_PASS, "regions": MASKED}),
    "onepass-refined": (STYLE, {**ONE_PASS, "refine": 2, "optimizer": "adam"}),
}
"""What is compared: styles and settings, by name."""


def rms(one, other):
    return float(np.sqrt(np.mean(np.square(one - other))))


@pytest.mark.parametrize("way", WAYS)
def test_the_same_picture(way):
    """Adam's steps have one size whatever the gradient's, so that single pixels may part by some of them; the
    quantiles from which tones are found part by their rounding (half an 8-bit step is 2e-3).
    """
    style, settings = WAYS[way]
    found = impasto.stylize(PHOTO, style, **settings).pixels
    expected = agree(f"way-{way}", found)
    assert rms(found, expected) < (6e-3 if "optimize" in way or "refined" in way else 2e-3)
    assert rms(found, PHOTO) > 0.01


@pytest.mark.parametrize("method", ["optimize", "onepass"])
def test_bfloat16(method):
    """Where the processor has it not it is emulated: the same rounding, more time."""
    settings = {"precision": "bfloat16", "method": method}
    if method == "optimize":
        settings |= {"iterations": (3,), "optimizer": "adam"}
    found = impasto.stylize(PHOTO, STYLE, **settings).pixels
    assert rms(found, agree(f"bfloat16-{method}", found)) < 0.02


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", ["optimize", "onepass"])
def test_tiles(method, precision):
    photo = np.tile(PHOTO, (1, 7, 1))[:48]
    settings = {"precision": precision, "method": method, "max_size": 660, "tile_size": 640}
    if method == "optimize":
        settings |= {"iterations": (2,), "optimizer": "adam"}
    found = impasto.stylize(photo, STYLE, **settings).pixels
    bound = 5e-3 if precision == "float32" else 0.03
    assert rms(found, agree(f"tiles-{method}-{precision}", found)) < bound


def test_a_stylizer():
    paint = impasto.Stylizer(STYLE, max_size=80, **FLOAT)
    for index, photo in enumerate((PHOTO, PHOTO[::-1].copy())):
        found = paint(photo).pixels
        assert rms(found, agree(f"stylizer-{index}", found)) < 2e-3


def test_a_style_of_one_s_own(tmp_path):
    """A style file of the embedded network's weights, a little noise upon them."""
    network = load_onepass_network("float32")
    rng, weights = np.random.default_rng(3), {k: to_host(v) for k, v in network.weights.items()}
    weights = {k: v * (1 + 0.05 * rng.normal(size=v.shape).astype("f4")) for k, v in weights.items()}
    code = moments_of(network.encode(tensor(STYLE[None])))
    path = tmp_path / "mine.style"
    style = StyleFile(
        card=StyleCard(name="mine", encoder_sha256=network.encoder.sha256),
        thumbnail=(STYLE * 255).astype(np.uint8),
        moments={k: (to_host(mean)[0], to_host(covariance)[0]) for k, (mean, covariance) in code.items()},
        weights=weights,
    )
    write_style_file(path, style)
    for index, photo in enumerate((PHOTO, PHOTO[:, 8:])):
        found = impasto.stylize(photo, str(path), **FLOAT).pixels
        assert rms(found, agree(f"own-{index}", found)) < 1e-3


@pytest.mark.skipif(ENGINE != "torch", reason="PyTorch's modes")
def test_every_mode_of_the_caller():
    import torch

    modes = [torch.inference_mode, torch.no_grad, torch.enable_grad, contextlib.nullcontext]
    for settings in ({"iterations": (2,), **FLOAT}, ONE_PASS, {**ONE_PASS, "refine": 1}):
        found = []
        for mode in modes:  # inference first, so that what it leaves behind is used by the others
            with mode():
                found.append(impasto.stylize(PHOTO[:64, :64], STYLE, **settings).pixels)
        for one in found[1:]:
            np.testing.assert_allclose(one, found[0], atol=2e-3)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


@pytest.mark.skipif(ENGINE == "tensorflow", reason="the other engines' own settings of dtypes")
def test_an_engine_that_was_set_to_float64():
    if ENGINE == "jax":
        import jax

        wide = jax.enable_x64
    else:
        import torch

        @contextlib.contextmanager
        def wide(value):
            torch.set_default_dtype(torch.float64)
            try:
                yield
                assert torch.get_default_dtype() == torch.float64
            finally:
                torch.set_default_dtype(torch.float32)

    for settings in (FEW, ONE_PASS):
        plain = impasto.stylize(PHOTO[:60, :60], STYLE, **settings).pixels
        with wide(True):
            found = impasto.stylize(PHOTO[:60, :60], STYLE, **settings).pixels
        assert rms(found, plain) < 2e-3
    assert runtime.start_engine() == ENGINE
