"""Every error that Impasto raises on purpose.

    ImpastoError
    ├── SettingError (ValueError)       a value, name or combination that is not allowed
    ├── ImageError (ValueError)         a picture that cannot be read, understood or used
    │   └── MissingFileError (FileNotFoundError)   an input that is not there
    ├── OutputError (OSError)           a result that cannot be written where it was asked for
    ├── CheckpointError (ValueError)    a checkpoint that is damaged or of another run
    ├── WeightsError (ValueError)       a weights file that is missing, damaged or of another network
    ├── EngineError (RuntimeError)      no engine, or a broken one
    │   └── OutOfMemoryError (MemoryError)         an engine that ran out of memory
    └── DivergenceError (ArithmeticError)   an optimisation that left the finite numbers

A message says, in one sentence, what is allowed, what was received and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ImpastoError(Exception):
    """The base of every error that Impasto raises on purpose."""


class SettingError(ImpastoError, ValueError):
    """A setting's value, name or combination is not allowed."""


class ImageError(ImpastoError, ValueError):
    """A picture cannot be read, understood or used."""


class MissingFileError(ImageError, FileNotFoundError):
    """An input file is not there."""


class OutputError(ImpastoError, OSError):
    """A result cannot be written where it was asked for."""


class CheckpointError(ImpastoError, ValueError):
    """A checkpoint is damaged, or belongs to a run that cannot go on here."""


class WeightsError(ImpastoError, ValueError):
    """A weights file is missing, damaged or belongs to another network."""


class EngineError(ImpastoError, RuntimeError):
    """No engine is installed, or it is broken."""


class OutOfMemoryError(EngineError, MemoryError):
    """The engine ran out of memory, or would."""


class DivergenceError(ImpastoError, ArithmeticError):
    """The optimisation left the finite numbers."""


def did_you_mean(received: str, allowed: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest allowed name, or an empty string."""
    nearest = difflib.get_close_matches(received.lower(), list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
