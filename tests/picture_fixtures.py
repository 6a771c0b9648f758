"""Generated pictures, color profiles and files for the tests of reading and writing; no binary files."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

# Primaries (x, y) of red, green, blue, and the white they are seen under, from the spaces' definitions.
PRIMARIES = {
    "srgb": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "display-p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "adobe-rgb": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)),
    "prophoto": ((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105)),
}
D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
WHITES = {"srgb": D65, "display-p3": D65, "adobe-rgb": D65, "prophoto": D50}
GAMMAS = {"adobe-rgb": 563 / 256, "prophoto": 1.8}
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
ICC_D50 = np.array([0.9642, 1.0, 0.8249])


def xyz(point: tuple[float, float]) -> np.ndarray:
    x, y = point
    return np.array([x / y, 1, (1 - x - y) / y])


def matrix(space: str) -> np.ndarray:
    """Linear RGB of a space to XYZ under D50 (Lindbloom's derivation, Bradford adaptation)."""
    columns = np.stack([xyz(p) for p in PRIMARIES[space]], axis=1)
    white = xyz(WHITES[space])
    to_xyz = columns * np.linalg.solve(columns, white)
    gains = (BRADFORD @ ICC_D50) / (BRADFORD @ white)
    return np.linalg.inv(BRADFORD) @ np.diag(gains) @ BRADFORD @ to_xyz


def to_linear(values: np.ndarray, space: str) -> np.ndarray:
    if space in GAMMAS:
        return values ** GAMMAS[space]
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def expected_srgb(values: np.ndarray, space: str) -> np.ndarray:
    """Values (..., 3) in [0, 1] of a space as sRGB, computed without any color management library."""
    linear = to_linear(values, space) @ (np.linalg.inv(matrix("srgb")) @ matrix(space)).T
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)


def _profile(space: bytes, pcs: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC version 2 profile (ICC.1:2001-04, section 6)."""
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + _fixed(*ICC_D50),
        **tags,
    }
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI", offset + len(body), b"lcms", 0x02400000) + kind + space + pcs
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*ICC_D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _curve(space: str) -> bytes:
    steps = to_linear(np.linspace(0, 1, 1024), space)
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + (steps * 65535).round().astype(">u2").tobytes()


def rgb_profile(space: str) -> bytes:
    """A matrix profile of one of the RGB spaces above."""
    colors = {
        name: b"XYZ " + bytes(4) + _fixed(*column)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix(space).T, strict=True)
    }
    curves = {name: _curve(space) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"RGB ", b"XYZ ", b"mntr", {**colors, **curves})


def gray_profile(gamma: float) -> bytes:
    """A gray profile with a pure power curve."""
    steps = np.linspace(0, 1, 1024) ** gamma
    curve = b"curv" + bytes(4) + struct.pack(">I", 1024) + (steps * 65535).round().astype(">u2").tobytes()
    return _profile(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": curve})


def cmyk_profile() -> bytes:
    """A printer whose lightness is (1 - K)(1 - mean of C, M, Y) and which has no color: all grays."""
    identity = bytes(range(256))
    grid = np.indices((2, 2, 2, 2)).reshape(4, -1).T
    light = (1 - grid[:, 3]) * (1 - grid[:, :3].mean(axis=1))
    lab = np.stack([(light * 255).round(), np.full(16, 128), np.full(16, 128)], axis=1).astype(np.uint8)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += identity * 4 + lab.tobytes() + identity * 3
    return _profile(b"CMYK", b"Lab ", b"prtr", {b"A2B0": table, b"A2B1": table})


def patches(count: int = 24, seed: int = 1) -> np.ndarray:
    """uint8 (16, 16 count, 3): squares of random colors, so that lossy formats keep their middles."""
    colors = np.random.default_rng(seed).integers(30, 226, (1, count, 3), dtype=np.uint8)
    return np.repeat(np.repeat(colors, 16, axis=0), 16, axis=1)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def tiff(values: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, metadata=None, **options)
    return file.getvalue()


def png(values: np.ndarray, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG of uint8 or uint16 (height, width, 1 to 4 channels), with more chunks before the pixels."""
    height, width, channels = values.shape
    bits, kind = 8 * values.itemsize, {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def exif_block(orientation: int = 1, *, gps: bool = True) -> bytes:
    """A camera's EXIF block: make, orientation, exposure, maker note, and a place."""
    exif = Image.Exif()
    exif[271], exif[274] = "Camera & Co", orientation
    exif[34665] = {
        33434: IFDRational(1, 125),
        36864: b"0232",
        37500: b"secret maker note",
        37510: b"ASCII\0\0\0a fine day",
    }
    if gps:
        exif[34853] = {1: "N", 2: (52.0, 31.0, 12.0)}
    return exif.tobytes()


def samples() -> dict[str, bytes]:
    """Small good files of every format and of the rarer modes, by name."""
    rng = np.random.default_rng(5)
    smooth = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((48, 36))
    alpha = smooth.copy()
    alpha.putalpha(smooth.convert("L"))
    palette = smooth.quantize(32)
    deep = rng.integers(0, 65536, (20, 24, 4), dtype=np.uint16)
    frames = {"save_all": True, "append_images": [palette.rotate(90), palette.rotate(180)]}
    icc, exif = rgb_profile("display-p3"), exif_block(6)
    return {
        "rgb.jpg": encoded(smooth, "JPEG", icc_profile=icc, exif=exif),
        "progressive.jpg": encoded(smooth, "JPEG", progressive=True),
        "cmyk.jpg": encoded(smooth.convert("CMYK"), "JPEG"),
        "rgb.png": encoded(smooth, "PNG", icc_profile=icc, exif=exif),
        "alpha.png": encoded(alpha, "PNG"),
        "palette.png": encoded(palette, "PNG", transparency=3),
        "one-bit.png": encoded(smooth.convert("1"), "PNG"),
        "deep.png": png(deep[..., :3]),
        "deep-alpha.png": png(deep),
        "deep-gray-alpha.png": png(deep[..., :2]),
        "rgb.webp": encoded(smooth, "WEBP", exif=exif, icc_profile=icc),
        "lossless.webp": encoded(alpha, "WEBP", lossless=True),
        "rgb.avif": encoded(smooth, "AVIF", exif=exif),
        "alpha.avif": encoded(alpha, "AVIF"),
        "rgb.tif": encoded(smooth, "TIFF", exif=exif, icc_profile=icc),
        "deflate.tif": encoded(alpha, "TIFF", compression="tiff_deflate"),
        "lzw.tif": encoded(palette, "TIFF", compression="tiff_lzw"),
        "planes.tif": tiff(np.moveaxis(deep[..., :3], 2, 0), photometric="rgb", planarconfig="separate"),
        "half-alpha.tif": tiff(
            (deep[..., :2] / 65535).astype(np.float16),
            photometric="minisblack",
            planarconfig="contig",
            extrasamples=["unassalpha"],
            compression="deflate",
        ),
        "numbers.png": png(deep[..., :3], (b"cICP", bytes([12, 13, 0, 1]))),
        "rgb.bmp": encoded(smooth, "BMP"),
        "palette.bmp": encoded(palette, "BMP"),
        "frames.gif": encoded(palette, "GIF", **frames),
        "rgb.jp2": encoded(smooth, "JPEG2000"),
        "alpha.j2k": encoded(alpha, "JPEG2000", no_jp2=True),
    }


def write_file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
