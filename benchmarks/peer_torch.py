"""The loop as PyTorch peers write it: NCHW, nn.Sequential, autograd, float32. Prints its seconds.

Run by ``benchmarks.iteration`` in an environment that has PyTorch. The weights are random: only the time
counts, and that does not depend on them.
"""

import json
import sys
import time

import torch
from torch import nn

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 1))
STYLE = {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"}


class Gram(nn.Module):
    def forward(self, x):
        flat = x.view(x.shape[1], -1)
        return flat @ flat.t() / flat.numel()


def build():
    layers, channels = [], 3
    for block, (width, count) in enumerate(BLOCKS, 1):
        if block > 1:
            layers.append(("pool", nn.AvgPool2d(2, 2)))
        for index in range(1, count + 1):
            layers.append((f"conv{block}_{index}", nn.Conv2d(channels, width, 3, padding=1)))
            layers.append((f"relu{block}_{index}", nn.ReLU(inplace=False)))
            channels = width
    network = nn.Sequential(*(layer for _, layer in layers)).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network, [name for name, _ in layers]


def main():
    side = int(sys.argv[1])
    network, names = build()
    gram = Gram()

    def features(image):
        found, x = {}, image
        for name, layer in zip(names, network, strict=True):
            x = layer(x)
            if name in STYLE or name == "relu4_2":
                found[name] = x
        return found

    with torch.no_grad():
        content = features(torch.rand(1, 3, side, side))["relu4_2"]
        style = {k: gram(v) for k, v in features(torch.rand(1, 3, side, side)).items() if k in STYLE}
    image = torch.rand(1, 3, side, side, requires_grad=True)
    times = []
    for _ in range(6):
        start = time.perf_counter()
        image.grad = None
        found = features(image)
        loss = nn.functional.mse_loss(found["relu4_2"], content)
        for name, target in style.items():
            loss = loss + nn.functional.mse_loss(gram(found[name]), target)
        loss.backward()
        times.append(time.perf_counter() - start)
    print(json.dumps({"seconds": min(times[1:]), "torch": torch.__version__}))


main()
