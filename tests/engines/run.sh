#!/usr/bin/env bash
# The parity tests on every engine: TensorFlow writes the reference, JAX and PyTorch must agree with it.
# Each engine lives in a virtual environment of its own; the product needs only one of them.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
reference=$(mktemp -d)
trap 'rm -rf "$reference"' EXIT
base="keras numpy scipy pillow scikit-image safetensors typer rich pytest"

environment() { # name, packages
  local done=".venv-$1/installed-${2// /-}"
  if [ ! -f "$done" ]; then
    "$python" -m venv ".venv-$1"
    # shellcheck disable=SC2086
    ".venv-$1/bin/pip" install --quiet --constraint constraints.txt $base $2
    ".venv-$1/bin/pip" install --quiet --no-deps --editable .
    touch "$done"
  fi
}

environment jax "jax onnx onnxruntime"
environment torch torch==2.13.0
export IMPASTO_PARITY="$reference"
KERAS_BACKEND=tensorflow .venv/bin/python -m pytest -m engines tests/engines
KERAS_BACKEND=jax .venv-jax/bin/python -m pytest -m engines tests/engines
KERAS_BACKEND=torch .venv-torch/bin/python -m pytest -m engines tests/engines
KERAS_BACKEND=jax .venv-jax/bin/python -m pytest tests/optimization/test_optimizers.py
KERAS_BACKEND=torch .venv-torch/bin/python -m pytest tests/optimization/test_optimizers.py tests/networks/test_formats.py  # .pth files need torch
KERAS_BACKEND=jax .venv-jax/bin/python -m pytest -k onnx tests/export  # the only environment that has onnxruntime
for engine in jax torch; do # both trainings, on tiny networks
  KERAS_BACKEND=$engine ".venv-$engine/bin/python" -m pytest -m slow -k it_learns tests/training/test_any_style.py tests/training/test_own_style.py
done
