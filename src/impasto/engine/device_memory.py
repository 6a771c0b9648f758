"""What is free in a GPU's memory, as each engine tells it.

Written after the engines' documentation and tested with stand-ins for them; not run on a GPU yet.
"""

from __future__ import annotations

from typing import Any


def free_device_memory(engine: str) -> int | None:
    """Return the bytes that an engine may still take on its first GPU, or None if it does not tell.

    Args:
        engine: ``tensorflow``, ``jax`` or ``torch``.
    """
    if engine == "tensorflow":
        import tensorflow as tf
        from tensorflow.python.client import device_lib

        return tensorflow_memory(tf, device_lib)
    if engine == "jax":
        import jax

        return jax_memory(jax)
    import torch

    return torch_memory(torch)


def tensorflow_memory(tf: Any, device_lib: Any) -> int | None:
    """Return what TensorFlow's allocator may hold less what is in use.

    The allocator takes almost all of the GPU's memory when it starts: what the system calls free is less.
    """
    gpus = [device for device in device_lib.list_local_devices() if device.device_type == "GPU"]
    if not gpus:
        return None
    used = tf.config.experimental.get_memory_info("GPU:0")["current"]
    return max(0, int(gpus[0].memory_limit) - int(used))


def jax_memory(jax: Any) -> int | None:
    """Return the limit of JAX' allocator less what is in use; None where the platform keeps no count."""
    statistics = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" not in statistics:
        return None
    return max(0, int(statistics["bytes_limit"]) - int(statistics.get("bytes_in_use", 0)))


def torch_memory(torch: Any) -> int | None:
    """Return what the GPU has free and what PyTorch's allocator has taken and not given out."""
    free, _ = torch.cuda.mem_get_info()
    return int(free) + int(torch.cuda.memory_reserved()) - int(torch.cuda.memory_allocated())
