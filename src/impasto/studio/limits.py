"""How much may come in: checked before it is read."""

MOST_BYTES, MOST_PIXELS = 64 * 2**20, 100_000_000
"""Of a picture that comes in."""
MOST_VIDEO_BYTES = 512 * 2**20
"""Of a video that comes in."""
MOST_TEXT = 2**20
"""Bytes of a request in JSON."""
