"""What was asked for is looked at before anything is loaded: wrong names, and options that change nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from impasto.cli.console import note
from impasto.cli.places import STREAM
from impasto.errors import Argument, Message, SettingError
from impasto.settings import Settings

if TYPE_CHECKING:
    from impasto.preparation import Inputs

OF_OPTIMIZATION = (
    "network", "iterations", "optimizer", "learning_rate", "initial", "noise_scale", "formulas", "style_loss",
    "grain", "content_weight", "style_weight", "tv_weight", "content_layers", "style_layer_weights",
    "pooling", "pool_rounding", "padding",
)  # fmt: skip
"""What one pass does not read; the optimization that stands in for it, where it collapses, does."""


def check_asked(inputs: Inputs, settings: Settings, typed: Collection[str], *, quiet: bool) -> None:
    """Refuse what was named wrongly, and print a remark about options that change nothing.

    Args:
        inputs: photo, styles and regions; the photo may be ``-`` or None.
        settings: how the picture is made.
        typed: those that were given as options: of recipes and presets nobody expects that all counts.
        quiet: whether no remarks are wanted.

    Raises:
        ImpastoError: a name is wrong, as `check_names` says.
        SettingError: a network would be downloaded for nothing.
    """
    from impasto.names import check_names

    for remark in () if quiet else _unread(typed, settings, regions=bool(inputs.regions)):
        note(remark)
    check_names(
        None if inputs.content == STREAM else inputs.content, inputs.styles, inputs.regions, [settings]
    )
    if "network" in typed and _in_one_pass(settings):
        _refuse_download(settings.network)


def _in_one_pass(settings: Settings) -> bool:
    return settings.method == "onepass" and not settings.refine


def _unread(typed: Collection[str], settings: Settings, *, regions: bool) -> Iterator[Message]:
    if _in_one_pass(settings):
        names = [Argument(name).option for name in OF_OPTIMIZATION if name in typed]
        if names:
            yield Message("one pass does not read {names}: the optimization does", names=", ".join(names))
        typed = set(typed).difference(OF_OPTIMIZATION)
    for name, is_read, needed in (
        ("noise_scale", settings.initial == "noise", "initial=noise"),
        ("learning_rate", settings.optimizer == "adam", "optimizer=adam"),
        ("background", regions, "region"),
        ("region_edges", regions, "region"),
    ):
        if name in typed and not is_read:
            yield Message("{name} is read with {needed} only", name=Argument(name), needed=Argument(needed))


def _refuse_download(network: str) -> None:
    from impasto.networks.catalogue import needs_vgg19

    if needs_vgg19(network):
        raise SettingError(
            "one pass does not read {option}, so {network} would be downloaded for nothing; leave it out, or "
            "choose {method}",
            option=Argument("network"),
            network=network,
            method=Argument("method=optimize"),
        )
