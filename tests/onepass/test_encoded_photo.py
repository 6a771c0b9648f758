"""A photo is encoded once for all styles and strengths, and nobody sees it in the picture."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from conftest import modulating, picture
from impasto.networks.catalogue import load_network
from impasto.onepass import encoded_photo as room
from impasto.onepass.network import OnePassNetwork, encoder_widths, new_onepass_network
from impasto.onepass.painter import OnePass, shining_through
from impasto.onepass.transfer import amount_at, moments_of, transfer_maps
from impasto.prepared import StyleImage, everywhere
from impasto.workshop import Workshop

SHAPE = (64, 56)


@pytest.fixture(scope="module")
def network():
    encoder = load_network("compact")
    weights = modulating(new_onepass_network(3, encoder_widths(encoder)))
    tensors = {name: ops.convert_to_tensor(value) for name, value in weights.items()}
    return OnePassNetwork(name="random", encoder=encoder, weights=tensors)


@pytest.fixture
def encodings(monkeypatch):
    """Count how often a photo goes through the encoder."""
    calls = []
    compiled = room._compiled

    def counted(encoder):
        encode = compiled(encoder)

        def call(*arguments):
            calls.append(arguments[0].shape)
            return encode(*arguments)

        return call

    monkeypatch.setattr(room, "_compiled", counted)
    return calls


def paint(network, style, workshop, photo, strength=50, visible=None):
    painter = OnePass(network, everywhere(style), photo.shape[:2], workshop)
    return shining_through(photo, painter.paint_over(photo, strength, visible), strength)


def test_a_photo_is_encoded_once_for_all_styles_and_strengths(network, encodings):
    photo, styles, shop = picture(*SHAPE, 1), [picture(48, 48, 7), picture(40, 60, 8) ** 2], Workshop()
    wanted = [(style, strength) for style in styles for strength in (5, 50, 100)]
    together = [paint(network, style, shop, photo.copy(), strength) for style, strength in wanted]
    assert len(encodings) == 1
    for number in (2, 5):  # the last ones of each style; in a new workshop everything is compiled anew
        alone = paint(network, wanted[number][0], Workshop(), photo, wanted[number][1])
        np.testing.assert_array_equal(alone, together[number])
    assert len(encodings) == 3
    assert np.abs(together[1] - together[4]).mean() > 1e-3


def test_a_picture_is_what_the_formulas_say(network):
    photo, style = picture(*SHAPE, 1), picture(48, 48, 7)
    features = network.encode(ops.convert_to_tensor(photo[None]))
    of_style = moments_of(network.encode(ops.convert_to_tensor(style[None])))
    maps = transfer_maps(moments_of(features), of_style)
    amount = ops.convert_to_tensor(np.full(1, amount_at(0.7), np.float32))
    expected = np.clip(np.asarray(network.paint(features, maps, amount))[0], 0, 1)
    np.testing.assert_allclose(paint(network, style, Workshop(), photo, 70), expected, atol=1e-4)


def test_another_photo_size_or_alpha_is_encoded_anew(network, encodings):
    photo, style, shop = picture(*SHAPE, 1), picture(48, 48, 7), Workshop()
    visible = np.ones(SHAPE, np.float32)
    visible[:20] = 0
    other = photo.copy()
    other[3, 3, 0] += 0.01
    found = [
        paint(network, style, shop, photo),
        paint(network, style, shop, other),
        paint(network, style, shop, photo, visible=visible),
        paint(network, style, shop, photo[:48].copy()),
    ]
    assert len(encodings) == 4
    assert np.abs(found[0] - found[2]).mean() > 1e-4
    paint(network, style, shop, photo, visible=visible.copy())
    assert len(encodings) == 4


def test_photos_that_take_much_memory_are_not_kept(network, encodings, monkeypatch):
    monkeypatch.setattr(room, "MOST_PIXELS", SHAPE[0] * SHAPE[1] - 1)
    photo, shop = picture(*SHAPE, 1), Workshop()
    first = paint(network, picture(48, 48, 7), shop, photo)
    np.testing.assert_array_equal(paint(network, picture(48, 48, 7), shop, photo), first)
    assert len(encodings) == 2


def test_decoders_of_one_encoder_share_a_photo_and_a_style(network, encodings):
    other = OnePassNetwork(name="other", encoder=network.encoder, weights=network.weights, folds=False)
    photo, style, shop = picture(*SHAPE, 1), StyleImage(pixels=picture(48, 48, 7)), Workshop()
    one, two = (paint(n, style.pixels, shop, photo) for n in (network, other))
    assert len(encodings) == 1
    np.testing.assert_allclose(one, two, atol=1e-3)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other engines compile for each size")
def test_photos_of_many_sizes_are_compiled_once_in_any_order(network):
    """A batch of photos of many shapes would be compiled for longer than it is painted."""
    shapes, style, shop = [(64, 56), (57, 80), (48, 49), (64, 57)], picture(48, 48, 7), Workshop()
    photos = [picture(*shape, number) for number, shape in enumerate(shapes)]
    masks = [None, None, (picture(48, 49, 9)[..., 0] > 0.4).astype(np.float32), None]
    found = [paint(network, style, shop, photo, 60, mask) for photo, mask in zip(photos, masks, strict=True)]
    kept = [key[0] for shelf, key in shop._entries if shelf == "functions" and isinstance(key, tuple)]
    assert sorted(kept) == ["encode", "encode", "paint"]  # one of them for photos with transparent parts
    for number in (3, 2):
        alone = paint(network, style, Workshop(), photos[number], 60, masks[number])
        np.testing.assert_array_equal(alone, found[number])
        assert alone.std() > 0.01
