"""The options by which a cluster's workers share a picture, for the commands that optimize one."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Annotated, Any

from impasto.cli.options import advanced
from impasto.errors import Argument, SettingError

Hands = Callable[[], AbstractContextManager[Any]]
"""What gives the workshop that a picture is made in, or None for the process' own."""
on_ray = partial(advanced, "--ray")
at_address = partial(advanced, "--address", metavar="HOST:PORT")
with_workers = partial(advanced, "--workers", min=1, metavar="NUMBER")
"""The options of whatever has workers; each command says what they do there."""
Ray = Annotated[bool, on_ray(help="Let workers of Ray on this machine share the picture.")]
Address = Annotated[
    str | None,
    at_address(
        help="Share the picture among the machines of the cluster of Ray that has its head here, or auto."
    ),
]
Workers = Annotated[
    int | None, with_workers(help="How many workers share the picture; one a machine by default.")
]
OPTIONS = {"ray": (Ray, False), "address": (Address, None), "workers": (Workers, None)}


def with_cluster(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a cluster; it receives what they stand for as its argument ``hands``."""
    hints = typing.get_type_hints(command, include_extras=True)
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "hands"]
    settings = [p for p in own if p.name == "settings"]
    parameters = [p.replace(annotation=hints[p.name]) for p in own if p.name != "settings"]
    keyword = inspect.Parameter.KEYWORD_ONLY
    for name, (option, default) in OPTIONS.items():
        parameters.append(inspect.Parameter(name, keyword, default=default, annotation=option))

    def wrapped(**values: Any) -> None:
        chosen = [values.pop(name, default) for name, (_, default) in OPTIONS.items()]
        command(**values, hands=hands_of(*chosen))

    signature = inspect.Signature([*parameters, *settings])
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__signature__ = signature  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return wrapped


def hands_of(ray: bool, address: str | None, workers: int | None) -> Hands:
    """Return how to come by the workshop of a picture: this process' own, or a cluster's.

    Raises:
        SettingError: workers of no cluster are asked for.
    """
    if ray or address:
        return partial(_cluster, address, workers)
    if workers:
        raise SettingError(
            "{workers} needs a cluster; add {ray} or {address}",
            workers=Argument("workers"),
            ray=Argument("ray=True"),
            address=Argument("address"),
        )
    return nullcontext


def _cluster(address: str | None, workers: int | None) -> AbstractContextManager[Any]:
    """Return a cluster's workshop; the engine is loaded here, after the command has quieted it."""
    from impasto.runs.cluster.workshop import cluster_workshop

    return cluster_workshop(address, workers=workers)
