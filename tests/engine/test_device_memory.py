"""What is free on a GPU, from each engine's own count; stand-ins say what the engines say where one is."""

from __future__ import annotations

from types import SimpleNamespace as Stand

import pytest

from impasto.engine import device_memory, machine, runtime

GIB = 2**30


def test_tensorflow_has_its_limit_less_what_is_in_use():
    info = Stand(get_memory_info=lambda name: {"current": 3 * GIB, "peak": 9 * GIB})
    tf = Stand(config=Stand(experimental=info))
    devices = [Stand(device_type="CPU", memory_limit=1), Stand(device_type="GPU", memory_limit=70 * GIB)]
    assert device_memory.tensorflow_memory(tf, Stand(list_local_devices=lambda: devices)) == 67 * GIB
    assert device_memory.tensorflow_memory(tf, Stand(list_local_devices=lambda: devices[:1])) is None


def test_jax_has_its_limit_less_what_is_in_use():
    def engine(statistics):
        return Stand(local_devices=lambda: [Stand(memory_stats=lambda: statistics)])

    assert device_memory.jax_memory(engine({"bytes_limit": 60 * GIB, "bytes_in_use": GIB})) == 59 * GIB
    assert device_memory.jax_memory(engine(None)) is None


def test_pytorch_has_what_is_free_and_what_it_keeps():
    cuda = Stand(
        mem_get_info=lambda: (10 * GIB, 80 * GIB),
        memory_reserved=lambda: 5 * GIB,
        memory_allocated=lambda: 2 * GIB,
    )
    assert device_memory.torch_memory(Stand(cuda=cuda)) == 13 * GIB


@pytest.mark.parametrize(("device", "told", "free"), [("gpu", 5, 5), ("gpu", None, 7), ("cpu", 5, 7)])
def test_the_memory_that_counts_is_the_device_s(monkeypatch, device, told, free):
    monkeypatch.setattr(runtime, "device", lambda: device)
    monkeypatch.setattr(runtime, "free_device_memory", lambda engine: told)
    monkeypatch.setattr(machine, "free_memory", lambda: 7)
    assert runtime.free_memory() == free


@pytest.mark.gpu
def test_this_gpu():
    assert GIB // 4 < runtime.free_memory() < 1024 * GIB
