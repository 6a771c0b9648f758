"""What a request's JSON must be: each value is taken with its type and limits, or refused in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from impasto.errors import Message
from impasto.studio.refusals import RefusalError

MOST_SHOWN = 80


def wrong(name: str, allowed: Message, value: Any) -> RefusalError:
    """Return the error of a value that is not allowed."""
    shown = repr(value)
    shown = shown if len(shown) <= MOST_SHOWN else shown[: MOST_SHOWN - 3] + "..."
    return RefusalError(
        "{name} must be {allowed}, not {value}", 422, "value", name=name, allowed=allowed, value=shown
    )


class Values:
    """A JSON object of a request.

    Args:
        table: the object.
        name: what messages call it.

    Raises:
        RefusalError: it is something else than an object.
    """

    def __init__(self, table: Any, name: str = "the request") -> None:
        if not isinstance(table, Mapping):
            raise wrong(name, Message("an object of JSON"), table)
        self._table = table

    def raw(self, name: str) -> Any:
        """Return a value as it came; None if it is not there."""
        return self._table.get(name)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return all names and values."""
        return self._table.items()

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text that is not empty."""
        value = self._table.get(name, default)
        if not isinstance(value, str) or not value:
            raise wrong(name, Message("a text"), value)
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Return one of the allowed texts."""
        value = self._table.get(name, default)
        if not isinstance(value, str) or value not in allowed:
            raise wrong(name, Message("one of {allowed}", allowed=", ".join(allowed)), value)
        return value

    def number(self, name: str, least: float, most: float, default: float | None = None) -> float:
        """Return a finite number within limits."""
        return number(name, self._table.get(name, default), least, most)

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number within limits."""
        return whole(name, self._table.get(name, default), least, most)

    def listed(self, name: str, most: int) -> list[Any]:
        """Return a list of at most so many things; an empty one where there is none."""
        value = self._table.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise wrong(name, Message("a list of at most {most}", most=most), value)
        return value

    def points(self, name: str, most: int) -> list[tuple[float, float]]:
        """Return a list of points, (x, y) in [0, 1]."""
        points = self.listed(name, most)
        if not all(isinstance(point, list) and len(point) == 2 for point in points):
            raise wrong(name, Message("a list of points, [x, y]"), points)
        return [(number(name, x, 0, 1), number(name, y, 0, 1)) for x, y in points]


def number(name: str, value: Any, least: float, most: float) -> float:
    """Return a finite number within limits.

    Raises:
        RefusalError: it is something else.
    """
    kind = isinstance(value, int | float) and not isinstance(value, bool)
    if not kind or not least <= value <= most or not math.isfinite(value):
        raise wrong(name, Message("a number from {least} to {most}", least=least, most=most), value)
    return float(value)


def whole(name: str, value: Any, least: int, most: int) -> int:
    """Return a whole number within limits; errors are `number`'s."""
    chosen = number(name, value, least, most)
    if chosen != int(chosen):
        raise wrong(name, Message("a whole number"), value)
    return int(chosen)
