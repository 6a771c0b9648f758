"""One module per style: CARD and paint(size, rng)."""
