"""What an engine's compiled parts say on stderr while they are loaded, which nobody can act on.

TensorFlow logs that it found oneDNN before it reads ``TF_CPP_MIN_LOG_LEVEL``. Such lines go through the C
library's ``stderr``, which is a pointer; for the time of the import it points elsewhere. File descriptor 2
and `sys.stderr` stay as they are, so that no other thread loses a line of its own.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from impasto.engine import machine

UNBUFFERED = 2
"""C's ``_IONBF``, as glibc numbers it."""


@contextmanager
def loading_noise_held() -> Iterator[None]:
    """Hold back what C code writes to its stderr, and show it if an error comes; without glibc do nothing.

    Nothing is held back either where ``TF_CPP_MIN_LOG_LEVEL`` asks for it, nor on a processor without AVX:
    there TensorFlow's last words say what is wrong. For one thread at a time.
    """
    lacks = platform.machine() == "x86_64" and "avx" not in machine.processor_flags()
    wanted = os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3"
    if wanted or lacks or sys.platform != "linux" or platform.libc_ver()[0] != "glibc" or not _is_open(2):
        yield
        return
    library = ctypes.CDLL(None)
    stderr = ctypes.c_void_p.in_dll(library, "stderr")
    before, held = stderr.value, _file(library)
    stderr.value = held
    try:
        yield
    except BaseException:
        os.write(2, _text(library, held))
        raise
    finally:
        stderr.value = before
        os.dup2(2, library.fileno(held), inheritable=False)  # for whoever has kept the pointer


def _file(library: Any) -> int:
    """Return C's pointer to an unbuffered temporary file."""
    library.tmpfile.restype = ctypes.c_void_p
    library.fileno.argtypes = [ctypes.c_void_p]
    library.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    file: int | None = library.tmpfile()
    if file is None:
        raise OSError("no temporary file can be made")
    library.setvbuf(file, None, UNBUFFERED, 0)
    return file


def _text(library: Any, file: int) -> bytes:
    descriptor = library.fileno(file)
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
