"""Strength that changes in the course of a video: 0:20,5s:80."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from impasto.errors import Argument, SettingError
from impasto.settings import checked

UNITS = {"": 1.0, "s": 1.0, "ms": 0.001, "min": 60.0, "h": 3600.0}
TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|ms|min|h|)")


def seconds_of(text: str) -> float:
    """Return the seconds of a time as a person writes it: 5, 5s, 250ms, 1.5min.

    Raises:
        SettingError: it is none.
    """
    match = TIME.fullmatch(text.strip())
    if match is None:
        raise SettingError("a time must be written as 5s, 250ms or 1.5min, not {text!r}", text=text)
    return float(match[1]) * UNITS[match[2]]


@dataclass(frozen=True)
class Keyframes:
    """Strengths at some seconds, and between them in equal steps.

    Attributes:
        points: (second, strength), in order; before the first and after the last it stays.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        times = [time for time, _ in self.points]
        if not times or times != sorted(set(times)):
            raise SettingError(
                "the times of {name} must follow each other, as in 0:20,5s:80", name=Argument("strength")
            )
        for _, strength in self.points:
            checked("strength", strength, float, {"low": 0, "high": 100})

    @classmethod
    def parsed(cls, text: str) -> Keyframes:
        """Return what a text such as ``0:20,5s:80`` says.

        Raises:
            SettingError: it is written wrongly.
        """
        points = []
        for part in text.split(","):
            time, _, strength = part.partition(":")
            second = seconds_of(time)
            try:
                points.append((second, float(strength.strip().removesuffix("%"))))
            except ValueError as error:
                raise SettingError(
                    "{name} must be a number or times and strengths as in 0:20,5s:80, not {text!r}",
                    name=Argument("strength"),
                    text=text,
                ) from error
        return cls(tuple(points))

    def at(self, second: float) -> float:
        """Return the strength at a second."""
        place = bisect_right([time for time, _ in self.points], second)
        if place == 0:
            return self.points[0][1]
        if place == len(self.points):
            return self.points[-1][1]
        (before, low), (after, high) = self.points[place - 1 : place + 1]
        return low + (high - low) * (second - before) / (after - before)
