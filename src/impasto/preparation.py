"""The inputs of a pastiche: pictures read and brought to size, colors fitted, regions and network ready.

What a person names (files, built-in styles, arrays, weights of a blend, masks) becomes a `Prepared`: what
the methods need, and what is done to their result (colors given back, the photo where no style is).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto import gallery
from impasto.engine import runtime
from impasto.errors import Argument, ImageError, Message, SettingError
from impasto.files import version_of
from impasto.names import check_names
from impasto.photos import Source, large_photo, read_photo
from impasto.pictures import color_transfer
from impasto.pictures.frames.sequence import digest_of, is_pattern
from impasto.pictures.masks import mask_text, read_mask
from impasto.pictures.reading import Picture, read_picture
from impasto.pictures.resizing import resize, scale_to
from impasto.pictures.windows import LargePhoto
from impasto.places import Marks, places_in_frame, places_of
from impasto.prepared import NamedNetwork, Prepared, StyledRegion, StyleImage
from impasto.settings import Settings
from impasto.styles import (
    PHOTO,
    RegionSpec,
    StyleSpec,
    check_regions,
    is_mask_text,
    parse_region,
    parse_style,
)
from impasto.workshop import Workshop, process_workshop

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork
    from impasto.onepass.style_file import StyleFile

Array = NDArray[np.float32]
LEAST_STYLE_SIDE = 128
"""Long side in pixels in which a style image is read at least; the smallest strokes are reduced from it."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a person names.

    Attributes:
        content: the photo.
        styles: the style images of the whole picture, blended by their weights.
        regions: parts of the picture with styles of their own.
    """

    content: Source
    styles: tuple[StyleSpec, ...]
    regions: tuple[RegionSpec, ...] = ()

    @classmethod
    def of(cls, content: Source, style: Source | Sequence[Source], regions: Sequence[Any] = ()) -> Inputs:
        """Return the inputs from what `stylize` takes.

        Raises:
            SettingError: there is no style, there are too many regions, or one is written wrongly.
            ImageError: an array cannot be a mask.
        """
        several = style if isinstance(style, list | tuple) else [style]
        styles = tuple(parse_style(one) for one in several)
        if not styles:
            raise SettingError("at least one style must be given")
        if not sum(one.weight for one in styles):
            raise SettingError("the weights of the styles must not all be 0")
        if isinstance(regions, str | RegionSpec) or not isinstance(regions, Iterable):
            regions = [regions]
        specs = tuple(_without_arrays(r if isinstance(r, RegionSpec) else parse_region(r)) for r in regions)
        check_regions(specs)
        return cls(content=content, styles=styles, regions=specs)

    @property
    def files(self) -> list[Source]:
        """Everything that may be a file and must not be overwritten."""
        parts = [part for r in self.regions for part in (r.mask, r.style, r.style_mask) if part is not None]
        masks = [part for part in parts if not is_mask_text(part)]
        return [self.content, *(style.source for style in self.styles), *masks]


def _without_arrays(region: RegionSpec) -> RegionSpec:
    """Return a region whose masks are files or texts, which a recipe can hold."""
    masks = {"mask": region.mask, "style_mask": region.style_mask}
    painted = {k: mask_text(v) for k, v in masks.items() if not (v is None or isinstance(v, str | Path))}
    return replace(region, **painted)


def prepare(
    inputs: Inputs,
    settings: Settings,
    network: FeatureNetwork | None = None,
    workshop: Workshop | None = None,
    marks: Marks | None = None,
) -> Prepared:
    """Read the pictures, bring them to size and load the networks.

    Args:
        inputs: photo, styles and regions.
        settings: of which those of the stages ``reading`` and ``network`` are used.
        network: used instead of the one that the settings name.
        workshop: keeps what pictures can share; the process' own if None.
        marks: where regions and subject are, in a film's frame; read from the masks and found if None.

    Raises:
        ImageError: a picture or a mask cannot be used.
        WeightsError: the network's weights cannot be used.
        EngineError: no engine is installed.
        ClosedError: the workshop is closed.
    """
    began, workshop = time.monotonic(), workshop or process_workshop()
    settings = _started(inputs, settings, named=network is None)
    large, picture, shape = _photo(inputs.content, settings)
    reader = StyleReader(picture, settings, workshop, max(shape))
    main_styles = tuple(reader.read(style) for style in inputs.styles)
    regions, cover = _regions(inputs.regions, marks, reader, main_styles, settings, shape)
    network, *others = load_networks_for(settings, workshop, network)
    content, achromatic = _content(picture, regions, settings)
    onepass, style_moments = _for_one_pass(settings, reader.own, workshop)
    return Prepared(
        content=content,
        regions=regions,
        initial=initial_image(content, settings, network, achromatic),
        settings=settings,
        network=network,
        workshop=workshop,
        picture=picture,
        photo=picture.pixels,
        achromatic=achromatic,
        cover=cover,
        record={"styles": reader.record[: len(main_styles)], "regions": _region_record(inputs)},
        onepass=onepass,
        style_moments=style_moments,
        refine_network=others[0] if others else None,
        notes=_notes(picture, reader, network, *others),
        began=began,
        large=large,
    )


def with_photo(
    prepared: Prepared, picture: Picture, regions: Sequence[RegionSpec] = (), marks: Marks | None = None
) -> Prepared:
    """Return the inputs with another photo of the same size in place of theirs, as a film's next frame.

    Styles and what was fitted to the first photo stay as they are; where regions and subject are, too, unless
    there are marks, as there were for the first photo.
    """
    gray = prepared.achromatic or prepared.settings.colors == "luminance"
    content = color_transfer.lightness_of(picture.pixels) if gray else picture.pixels
    framed = replace(prepared, content=content, initial=content, picture=picture, photo=picture.pixels)
    if marks is None:
        return framed
    places, cover = places_in_frame(regions, marks, prepared.settings)
    placed = zip(prepared.regions, places, strict=True)
    return replace(framed, regions=tuple(replace(r, mask=place.mask) for r, place in placed), cover=cover)


def _photo(content: Source, settings: Settings) -> tuple[LargePhoto | None, Picture, tuple[int, int]]:
    """Return a photo that is painted in windows, or None; it, in a small size if so; the result's shape."""
    large = large_photo(content, settings)
    if large:
        return large, large.small, large.shape
    picture = read_photo(content, settings)
    return None, picture, picture.shape


def _started(inputs: Inputs, settings: Settings, named: bool) -> Settings:
    """Start the engine, unless a name is wrong, which is told before; return the settings for the styles."""
    check_names(inputs.content, inputs.styles, inputs.regions, [settings] if named else [])
    runtime.start_engine()
    return _for_own_style(inputs, settings)


def _content(photo: Picture, regions: Sequence[StyledRegion], settings: Settings) -> tuple[Array, bool]:
    """Return the photo as the method sees it, and whether the result must be gray.

    It must if photo and styles have no colors, nor has the noise that a publication starts from.
    """
    styles = (style for region in regions for style in region.styles)
    achromatic = (
        settings.initial != "noise"
        and color_transfer.is_achromatic(photo.pixels, photo.visible)
        and all(color_transfer.is_achromatic(style.pixels, style.visible) for style in styles)
    )
    gray = achromatic or settings.colors == "luminance"
    return color_transfer.lightness_of(photo.pixels) if gray else photo.pixels, achromatic


def _notes(picture: Picture, reader: StyleReader, *networks: FeatureNetwork) -> tuple[str, ...]:
    notes = [*picture.notes, *reader.notes, *(note for network in networks for note in network.notes)]
    if picture.sha256 in reader.digests:
        notes.append(Message("the style is the content image itself; the result will look like it"))
    return tuple(dict.fromkeys(notes))


def _for_one_pass(
    settings: Settings, own: StyleFile | None, workshop: Workshop
) -> tuple[NamedNetwork | None, Any]:
    """Return the network that paints in one pass and the style's moments, where they are known already."""
    if settings.method != "onepass":
        return None, None
    from impasto.onepass.painter import warm_network, warm_style

    dtype = runtime.resolve_precision(settings.precision)
    return warm_style(workshop, own, dtype) if own else (warm_network(workshop, dtype), None)


def is_own_style(source: Source) -> bool:
    """Return whether a style is named by its .style file."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() == ".style"


def _for_own_style(inputs: Inputs, settings: Settings) -> Settings:
    """Return the settings, for a .style file those of one pass, in which it paints alone."""
    if not any(is_own_style(style.source) for style in inputs.styles):
        return settings
    if len(inputs.styles) > 1 or inputs.regions or settings.refine:
        raise SettingError("a .style file must be the only style, without regions and refine")
    return replace(settings, method="onepass")


def _regions(
    specs: Sequence[RegionSpec],
    marks: Marks | None,
    reader: StyleReader,
    main_styles: tuple[StyleImage, ...],
    settings: Settings,
    shape: tuple[int, int],
) -> tuple[tuple[StyledRegion, ...], Array | None]:
    """Return the regions with their styles, and where the pastiche is seen."""
    if marks is None:
        places, cover = places_of(specs, reader.photo, settings, shape)
    else:
        places, cover = places_in_frame(specs, marks, settings)
    styles = [main_styles if place.style is None else (reader.read(place.style),) for place in places]
    placed = zip(styles, places, strict=True)
    return tuple(StyledRegion(styles=images, mask=place.mask) for images, place in placed), cover


def _region_record(inputs: Inputs) -> list[dict[str, Any]]:
    record = []
    for region in inputs.regions:
        parts = {"mask": region.mask, "style": region.style, "style_mask": region.style_mask}
        names = {name: _name(part) for name, part in parts.items()}
        names["style"] = names["style"] or PHOTO
        record.append(names | {f"{name}_sha256": source_digest(part) for name, part in parts.items()})
    return record


def _name(source: Source) -> str | None:
    if source is None:
        return None
    if is_mask_text(source):
        return str(source)
    return Path(source).name if isinstance(source, str | Path) else "array"


def source_digest(source: Source) -> str | None:
    """Return the sha256 of a file, a built-in style's picture or an array; None of a mask's text."""
    if source is None or is_mask_text(source):
        return None
    if not isinstance(source, str | Path):
        return hashlib.sha256(np.asarray(source).tobytes()).hexdigest()
    path = Path(source)
    return digest_of(path) if is_pattern(path) or os.path.isfile(path) else gallery.card(str(source)).sha256


class StyleReader:
    """Reads style images in the size and the colors that a photo's pastiche needs.

    Args:
        photo: in the result's size, or in a small one.
        settings: how.
        workshop: keeps built-in styles.
        side: the result's long side in pixels; the photo's if None.

    Attributes:
        photo: whose colors count.
        record: what was read, for the recipe.
        notes: sentences about what the reader had to decide.
        digests: sha256 of each file.
        own: the .style file among them, or None.
    """

    def __init__(
        self, photo: Picture, settings: Settings, workshop: Workshop, side: int | None = None
    ) -> None:
        self.photo, self._settings, self._workshop = photo, settings, workshop
        self._side = round((side or max(photo.pixels.shape[:2])) * settings.stroke_size)
        self.record: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.digests: list[str] = []
        self.own: StyleFile | None = None

    def read(self, spec: StyleSpec) -> StyleImage:
        """Return a style image; its size relative to the photo's sets the size of its strokes."""
        stretch = self._settings.fit == "stretch"
        picture = self._read(spec.source, None if stretch else max(self._side, LEAST_STYLE_SIDE))
        shape = (self._side, self._side) if stretch else scale_to(picture.pixels.shape[:2], self._side)
        if picture.alpha is not None and picture.visible is None:
            raise ImageError(
                "the style {name} is transparent everywhere; choose one that shows something",
                name=picture.name,
            )
        fitted = picture if max(picture.pixels.shape) < max(shape) else picture.resized(shape)
        self.notes += picture.notes
        self.digests.append(picture.sha256)
        known = {"name": picture.name, "sha256": picture.sha256}
        self.record.append(known | {"weight": spec.weight, "part": spec.part})
        mask = None if spec.mask is None else read_mask(spec.mask, shape, picture.full_shape)
        visible = fitted.visible
        if visible is not None:
            mask = visible if mask is None else mask * resize(visible, mask.shape[:2])
        pixels = self._recolored(fitted.pixels, visible)
        return StyleImage(
            pixels=pixels,
            shape=shape,
            weight=spec.weight,
            part=spec.part,
            mask=mask,
            visible=visible,
            built_in=gallery.built_in_id(picture.sha256) if pixels is fitted.pixels else "",
        )

    def _read(self, source: Source, size: int | None) -> Picture:
        if not is_own_style(source):
            return read_style(source, size, self._workshop)
        from impasto.onepass.style_file import read_style_file

        self.own = own = read_style_file(Path(source))
        thumbnail = own.thumbnail.astype(np.float32) / np.float32(255)
        return Picture(pixels=thumbnail, name=Path(source).name, sha256=own.sha256)

    def _recolored(self, pixels: Array, visible: Array | None) -> Array:
        match = {
            "luminance": color_transfer.match_lightness,
            "histogram": color_transfer.match_histogram,
            "moments": color_transfer.match_moments,
        }.get(self._settings.colors)
        return pixels if match is None else match(pixels, self.photo.pixels, visible, self.photo.visible)


def read_style(style: Source, size: int | None, workshop: Workshop) -> Picture:
    """Return a style picture: the gallery's if no file has that name, else what `read_picture` reads.

    The workshop keeps what is read from a file until the file is another one.
    """
    if not isinstance(style, str | Path):
        return read_picture(style, max_size=size)
    path, key = Path(style), (str(style), version_of(style), size)
    built_in = isinstance(style, str) and style in gallery.style_names() and not os.path.exists(style)
    if built_in:
        card = gallery.card(str(style))
        path, key = card.path, (card.sha256, None, size)
    read = partial(read_picture, path, max_size=size)
    picture = workshop.get("styles", key, read, lambda picture: picture.pixels.nbytes)
    return replace(picture, name=str(style)) if built_in else picture


def load_network_for(settings: Settings, workshop: Workshop | None = None) -> FeatureNetwork:
    """Start the engine and return the network that the settings name, as they want it.

    Args:
        settings: of which those are used whose stage is ``network``.
        workshop: where it is kept; the process' own if None.
    """
    runtime.start_engine()
    dtype = runtime.resolve_precision(settings.precision)

    def load() -> FeatureNetwork:
        from impasto.networks.catalogue import load_network

        network = load_network(
            settings.network,
            pooling=settings.pooling,
            padding=None if settings.padding == "auto" else settings.padding,
            dtype=dtype,
        )
        return replace(network, pool_rounding=settings.pool_rounding).with_cast_weights()

    key = *settings.of_stage("network"), dtype, version_of(settings.network)
    return (workshop or process_workshop()).get("networks", key, load, _network_bytes)


def load_networks_for(
    settings: Settings, workshop: Workshop | None = None, network: FeatureNetwork | None = None
) -> tuple[FeatureNetwork, ...]:
    """Return the network of `load_network_for`, and that of refine's iterations if it is another.

    Args:
        settings: of which those are used whose stage is ``network``.
        workshop: where they are kept; the process' own if None.
        network: the first one, used instead of the one that the settings name.
    """
    workshop = workshop or process_workshop()
    first = load_network_for(settings, workshop) if network is None else _cast(network, workshop)
    if settings.refine_network is None:
        return (first,)
    return first, load_network_for(settings.of_refinement(), workshop)


def _cast(network: FeatureNetwork, workshop: Workshop) -> FeatureNetwork:
    """Return a network with its weights in its dtype, the same one every time."""
    return workshop.get("networks", network, network.with_cast_weights, _network_bytes)


def _network_bytes(network: FeatureNetwork) -> int:
    return sum(int(np.prod(value.shape)) * 4 for value in network.weights.values())


def initial_image(
    content: Array, settings: Settings, network: FeatureNetwork, achromatic: bool = False
) -> Array:
    """Return where the optimization starts, float32, of the content's shape or of the first scale's.

    Noise is drawn at the first scale, normally distributed about the color that is zero in the
    network's input units, with the standard deviation ``noise_scale``; it may leave [0, 1] slightly,
    as its sources have it.
    """
    if settings.initial == "content":
        return content
    if settings.initial == "noise":
        from impasto.engine.gradients import to_host
        from impasto.optimization.scales import plan_scales

        shape = (*plan_scales(content.shape[:2], settings)[0].shape, 3)
        noise = runtime.random_generator(settings.seed).standard_normal(shape)
        return (to_host(network.mean_color()) + settings.noise_scale * noise).astype(np.float32)
    try:
        picture = read_picture(settings.initial)
    except FileNotFoundError as error:
        raise SettingError(
            "{name} must be content, noise or a picture's file name, not {value!r}",
            name=Argument("initial"),
            value=settings.initial,
        ) from error
    pixels = picture.resized((content.shape[0], content.shape[1])).pixels
    return color_transfer.lightness_of(pixels) if achromatic else pixels
