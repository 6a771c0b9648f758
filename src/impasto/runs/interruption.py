"""Signals that ask a run to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interruption:
    """Ctrl-C and SIGTERM ask for an end after the current iteration; Ctrl-C twice does not wait."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, number: int, frame: Any) -> None:
        """Note the signal; at the second one, interrupt."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    @contextmanager
    def heard(self) -> Iterator[Interruption]:
        """Listen to the signals; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self) for number in numbers]
        try:
            yield self
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
