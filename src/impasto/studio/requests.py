"""What comes in: numbers of addresses, JSON, and pictures, which are read to a file as they come."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request

from impasto.language import LANGUAGES
from impasto.studio.limits import MOST_BYTES, MOST_TEXT
from impasto.studio.refusals import RefusalError
from impasto.studio.values import Values, number, whole

LARGEST_SIDE = 1024
"""Of the pictures that the page shows small; in pixels."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk that takes no more."""
LONGEST = 10**6
"""Seconds of a video."""
MOST_DIGITS = 16
"""Of a number in an address or a header."""


def side_of(request: Request, most: int = LARGEST_SIDE) -> int:
    """Return the parameter ``side`` of an address."""
    return _whole("side", request.query_params.get("side", str(most)), 16, most)


def second_of(request: Request) -> float:
    """Return the parameter ``second`` of an address."""
    return _number_of(request, "second", LONGEST)


def feather_of(request: Request) -> float:
    """Return the parameter ``feather`` of an address."""
    return _number_of(request, "feather", 100)


def _number_of(request: Request, name: str, most: float) -> float:
    """Return a parameter from 0 to something; 0 where it is not there."""
    text = request.query_params.get(name, "0")
    digits = text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= MOST_DIGITS
    return number(name, float(text) if digits else text, 0, most)


def _whole(name: str, text: str, least: int, most: int) -> int:
    """Return the whole number that a text is."""
    digits = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return whole(name, int(text) if digits else text, least, most)


def flag_of(request: Request, name: str) -> bool:
    """Return a parameter that is ``true`` or ``false``, or is not there."""
    return Values(request.query_params).choice(name, ("true", "false"), "false") == "true"


def language_of(request: Request) -> str:
    """Return the first language of ``Accept-Language`` that sentences are said in, or English."""
    asked = [one.strip()[:2].lower() for one in request.headers.get("accept-language", "").split(",")]
    return next((one for one in asked if one in LANGUAGES), "en")


def page_of(request: Request) -> str:
    """Return the header ``X-Page``, by which one of a browser's several pages is known; empty without it."""
    return request.headers.get("x-page", "")[:MOST_DIGITS]


def sequence_of(request: Request) -> int | None:
    """Return the number by which requests that overtake each other are put in order, if there is one."""
    text = request.headers.get("x-sequence")
    return None if text is None else _whole("X-Sequence", text, 0, 2**53)


def name_of(request: Request, default: str) -> str:
    """Return the file's name that a picture came with."""
    return unquote(request.headers.get("x-filename", ""), errors="replace") or default


async def values_of(request: Request) -> Values:
    """Return the JSON of a request.

    Raises:
        RefusalError: it is too long or is not JSON.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_TEXT:
            raise too_large(MOST_TEXT)
    try:
        fields: Mapping[str, Any] = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RefusalError("the request must be JSON", 400, "not-json") from error
    return Values(fields)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


async def save_body(request: Request, path: Path, most: int | None = None) -> int:
    """Write what comes to a file; return its bytes, at most as many as are allowed, `MOST_BYTES` if None.

    Raises:
        RefusalError: it is empty or too large, or the disk is full; nothing stays of it.
    """
    most = MOST_BYTES if most is None else most
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > most:
        path.parent.rmdir()
        raise too_large(most)
    size = 0
    try:
        with path.open("wb") as file:
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise too_large(most)
                file.write(part)
        if not size:
            raise RefusalError("{name} is empty", 400, "empty", name=path.name)
    except BaseException as error:
        path.unlink(missing_ok=True)
        path.parent.rmdir()
        if isinstance(error, OSError) and error.errno in FULL:
            raise RefusalError(
                "the disk of the machine on which the studio runs is full; free some of it", 507, "disk-full"
            ) from error
        raise
    return size


def too_large(most: int) -> RefusalError:
    """Return the error of a request that is too long."""
    return RefusalError("at most {most} MiB can be sent", 413, "too-large", most=most // 2**20)
