"""The palette's loss: what it is of known colors, and that it moves a picture's colors to its style's."""

import numpy as np
import pytest
from keras import ops

from impasto.engine.gradients import to_host
from impasto.training.losses import palette_losses


def plain(*color):
    return np.broadcast_to(np.float32(color), (1, 12, 12, 3)).copy()


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        # lightness differs by 0.3 and nothing else: the three axes and their four pairs have 1, and 1/2 each
        ((0.2, 0.2, 0.2), (0.5, 0.5, 0.5), 0.09 * (1 + 4 * 0.5) / 9),
        # red against green by 0.4, yellow against blue by 0
        ((0.5, 0.3, 0.4), (0.3, 0.5, 0.4), 0.16 * (1 + 4 * 0.5) / 9),
        ((0.1, 0.6, 0.3), (0.1, 0.6, 0.3), 0.0),
    ],
)
def test_plain_pictures_are_as_far_apart_as_their_colors(first, second, wanted):
    found = to_host(
        palette_losses(ops.convert_to_tensor(plain(*first)), ops.convert_to_tensor(plain(*second)))
    )
    assert found == pytest.approx([wanted / (1 + wanted / 0.1)], abs=1e-6)  # bounded


def test_where_a_color_lies_does_not_matter_but_how_much_of_it_there_is():
    rng = np.random.default_rng(0)
    picture = rng.random((1, 12, 12, 3), np.float32)
    seen = picture[:, 1::3, 1::3].reshape(-1, 3)
    moved = picture.copy()
    moved[:, 1::3, 1::3] = rng.permutation(seen).reshape(1, 4, 4, 3)
    same, other = (
        float(to_host(palette_losses(ops.convert_to_tensor(picture), ops.convert_to_tensor(x)))[0])
        for x in (moved, np.clip(picture * [1, 0.5, 1], 0, 1).astype(np.float32))
    )
    assert same == pytest.approx(0, abs=1e-9)
    assert other > 1e-3
