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

engine() { # name, more tests: all of an engine's tests; the trainings are on tiny networks
  local pytest="env KERAS_BACKEND=$1 .venv-$1/bin/python -m pytest -p no:cacheprovider"
  $pytest -m engines tests/engines &&
    $pytest tests/optimization/test_optimizers.py "${@:2}" &&
    $pytest -m slow -k it_learns tests/training/test_any_style.py tests/training/test_own_style.py
}

KERAS_BACKEND=tensorflow .venv/bin/python -m pytest -m engines tests/engines
# JAX compiles on one core most of the time, while PyTorch, which compiles nothing, computes on the other.
engine jax > "$reference/jax.log" 2>&1 &
jax=$!
engine torch tests/networks/test_formats.py || failed=1 # .pth files need torch
wait "$jax" || failed=1
cat "$reference/jax.log"
exit "${failed:-0}"
