"""One pass over a picture: tiles equal the whole, blends and regions mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from conftest import modulating, picture
from impasto.engine.gradients import to_host
from impasto.errors import ImageError, SettingError
from impasto.networks.catalogue import load_network
from impasto.onepass.network import OnePassNetwork, encoder_widths, new_onepass_network
from impasto.onepass.painter import OnePass
from impasto.onepass.transfer import STATISTICS_LAYERS
from impasto.prepared import StyledRegion, StyleImage
from impasto.workshop import Workshop


@pytest.fixture(scope="module")
def network():
    encoder = load_network("compact")
    weights = modulating(new_onepass_network(3, encoder_widths(encoder)))
    features = encoder.features(ops.convert_to_tensor(picture(64, 64, 2)[None]), STATISTICS_LAYERS)
    for layer, found in features.items():  # as training scales them
        weights[f"scale/{layer}"] = weights[f"scale/{layer}"] / np.sqrt(np.mean(np.square(to_host(found))))
    tensors = {k: ops.convert_to_tensor(v) for k, v in weights.items()}
    return OnePassNetwork(name="random", encoder=encoder, weights=tensors)


def everywhere(*styles):
    return [StyledRegion(styles=tuple(styles))]


WORKSHOP = Workshop()
ONE, TWO = StyleImage(pixels=picture(64, 48, 7)), StyleImage(pixels=picture(50, 70, 8) ** 2)


@pytest.mark.parametrize("shape", [(401, 259), (272, 530)])
def test_tiles_equal_the_whole(network, shape):
    photo = picture(*shape, 1)
    mask = np.zeros(shape, np.float32)
    mask[:, : shape[1] // 3] = 1
    regions = [StyledRegion(styles=(ONE,), mask=mask), StyledRegion(styles=(TWO,), mask=1 - mask)]
    whole = OnePass(network, regions, shape, WORKSHOP).paint(photo)
    tiled = OnePass(network, regions, shape, WORKSHOP, side=304).paint(photo)
    assert np.abs(whole - tiled).max() < 1 / 255
    assert whole.std() > 0.02


def test_strength_is_continuous_and_0_is_the_photo(network):
    photo = picture(64, 56, 1)
    painter = OnePass(network, everywhere(ONE), (64, 56), WORKSHOP)
    found = [painter.paint(photo, strength) for strength in (0, 1, 2, 10, 11, 50, 51, 100)]
    np.testing.assert_array_equal(found[0], photo)
    for one, two in ((0, 1), (1, 2), (3, 4), (5, 6)):
        assert 0 < np.abs(found[one] - found[two]).mean() < 0.1
    assert np.abs(found[5] - found[7]).mean() > 1e-3


def test_a_blend_of_one_style_with_itself_is_that_style(network):
    photo = picture(64, 56, 1)
    alone, twice, both = (
        OnePass(network, everywhere(*styles), (64, 56), WORKSHOP).paint(photo)
        for styles in ((ONE,), (ONE, ONE), (ONE, TWO))
    )
    np.testing.assert_allclose(twice, alone, atol=1e-4)
    assert np.abs(both - alone).mean() > 1e-3


def test_far_from_its_border_a_region_is_as_its_style_alone(network):
    photo = picture(64, 400, 1)
    mask = np.zeros((64, 400), np.float32)
    mask[:, :200] = 1
    regions = [StyledRegion(styles=(ONE,), mask=mask), StyledRegion(styles=(TWO,), mask=1 - mask)]
    mixed = OnePass(network, regions, (64, 400), WORKSHOP).paint_over(photo, 50)
    for style, part in ((ONE, np.s_[:, :100]), (TWO, np.s_[:, -100:])):
        alone = OnePass(network, everywhere(style), (64, 400), WORKSHOP).paint_over(photo, 50)
        np.testing.assert_allclose(mixed[part], alone[part], atol=1e-3)


def test_what_cannot_be_painted(network):
    with pytest.raises(ImageError, match="sides of at least 32 px, not 40 x 31"):
        OnePass(network, everywhere(ONE), (31, 40), WORKSHOP)
    with pytest.raises(SettingError, match="at least one region"):
        OnePass(network, [], (64, 64), WORKSHOP)
    with pytest.raises(SettingError, match="at least one style with a weight above 0"):
        OnePass(network, everywhere(StyleImage(pixels=ONE.pixels, weight=0.0)), (64, 64), WORKSHOP)
    painter = OnePass(network, everywhere(ONE), (64, 64), WORKSHOP)
    with pytest.raises(ImageError, match="must have the shape"):
        painter.paint(picture(64, 65, 1))
    with pytest.raises(SettingError, match="strength must be a number from 0 to 100"):
        painter.paint(picture(64, 64, 1), 101)
    mask = np.ones((10, 10), np.float32)
    with pytest.raises(ImageError, match="mask must have the shape"):
        OnePass(network, [StyledRegion(styles=(ONE,), mask=mask)], (64, 64), WORKSHOP)
