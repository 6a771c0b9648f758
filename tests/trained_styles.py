"""A style of one's own as a file: the embedded encoder, and a decoder with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from conftest import picture, tensor
from impasto.engine.gradients import to_host
from impasto.onepass.network import encoder_widths, new_onepass_network
from impasto.onepass.painter import load_onepass_network
from impasto.onepass.style_file import StyleCard, StyleFile, write_style_file
from impasto.onepass.transfer import STATISTICS_LAYERS, moments_of


def trained_style(path: Path) -> str:
    """Write a style file, and return its sha256; what it paints is not to be looked at."""
    encoder, painting = load_onepass_network().encoder, picture(40, 56)
    code = moments_of(encoder.features(tensor(painting[None]), STATISTICS_LAYERS))
    made = StyleFile(
        card=StyleCard(name="waves", encoder_sha256=encoder.sha256),
        thumbnail=(painting * 255).astype(np.uint8),
        moments={k: (to_host(mean)[0], to_host(covariance)[0]) for k, (mean, covariance) in code.items()},
        weights=new_onepass_network(5, encoder_widths(encoder)),
    )
    return write_style_file(path, made)
