"""Every figure of the README, measured by a command that anyone can run: ``python -m benchmarks``.

Each benchmark is a module with a ``measure()`` that returns plain values; they are printed and written to
``benchmarks/results/NAME.json`` with the machine and the versions they were measured on.
"""
