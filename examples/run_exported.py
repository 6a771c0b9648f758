"""Paint a photo with an exported style and onnxruntime alone.

    impasto export my.style -o my.onnx
    python examples/run_exported.py my.onnx photo.jpg pastiche.png [strength 0..100]

Needs numpy, pillow and onnxruntime; Impasto itself is not used.
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def main(model: str, photo: str, output: str, strength: str = "50") -> None:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    pixels = np.asarray(image, np.float32)[None] / 255
    amount = np.array([float(strength) / 100], np.float32)
    (pastiche,) = session.run(None, {"photo": pixels, "strength": amount})
    Image.fromarray(np.rint(pastiche[0] * 255).astype(np.uint8)).save(output)
    print(f"{output} is written ({image.width} x {image.height} px)")


if __name__ == "__main__":
    main(*sys.argv[1:])
