"""Signals that ask a run to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that ask a run to end, where the system has them: Ctrl-C, a stop, a terminal that was closed."""


class Interruption:
    """The first signal asks for an end after the current iteration; the second does not wait."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, number: int, frame: Any) -> None:
        """Note the signal; at the second one, interrupt."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def ask(self) -> None:
        """Ask for an end as Ctrl-C does, from within the program."""
        self.signal = signal.SIGINT

    @contextmanager
    def heard(self) -> Iterator[Interruption]:
        """Listen to the signals; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
        numbers = [number for number in numbers if not _is_nohup(number)]
        before = [signal.signal(number, self) for number in numbers]
        try:
            yield self
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def _is_nohup(number: int) -> bool:
    """Return whether the signal is SIGHUP and the program was started to outlive its terminal (nohup)."""
    return number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) is signal.SIG_IGN
