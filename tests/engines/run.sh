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

tests() { # engine, arguments
  KERAS_BACKEND=$1 ".venv-$1/bin/python" -m pytest -p no:cacheprovider "${@:2}"
}

others() { # engine, files: an engine's other tests; the trainings are on tiny networks
  tests "$1" tests/optimization/test_optimizers.py "${@:2}" &&
    tests "$1" -m slow -k it_learns tests/training/test_any_style.py tests/training/test_own_style.py
}

KERAS_BACKEND=tensorflow .venv/bin/python -m pytest -m engines tests/engines
# XLA compiles in half the time what it does not optimize. It has a core of its own with that, so that PyTorch's
# threads beside it must be one: two would wait for each other, which takes ten times as long.
export OMP_NUM_THREADS=1 XLA_FLAGS="${XLA_FLAGS-} --xla_backend_optimization_level=0"
tests jax -m engines tests/engines > "$reference/jax.log" 2>&1 &
jax=$!
tests torch -m engines tests/engines || failed=1
others torch tests/networks/test_formats.py || failed=1 # .pth files need torch
others jax || failed=1
wait "$jax" || failed=1
cat "$reference/jax.log"
exit "${failed:-0}"
