"""What the server answers: each route takes a request apart and hands it to a plain function.

`openapi.json` documents them; a test holds one against the other.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from impasto import __version__, gallery
from impasto.pictures.reading import read_picture
from impasto.pictures.writing import picture_to_pil
from impasto.settings import LARGEST_SIZE
from impasto.studio import clips, exporting, painting, refining, uploads
from impasto.studio.controls import control_records
from impasto.studio.exporting import FORMATS, Wish
from impasto.studio.filming import film_record
from impasto.studio.guard import cookie_of, session_of
from impasto.studio.limits import MOST_BYTES, MOST_PIXELS, MOST_VIDEO_BYTES
from impasto.studio.looks import (
    Look,
    mask_record,
    own_style_record,
    photo_record,
    read_look,
    style_records,
    style_source,
)
from impasto.studio.painting import Desk
from impasto.studio.requests import (
    feather_of,
    flag_of,
    language_of,
    name_of,
    page_of,
    save_body,
    sequence_of,
    side_of,
    values_of,
)
from impasto.studio.samples import sample_path, sample_records
from impasto.studio.sessions import Photo, Result, Session, by_time, missing
from impasto.studio.streams import EventStream
from impasto.studio.studio import Studio
from impasto.studio.turns import Event, Job, Kind, Work
from impasto.studio.values import Values, number

PAGE = Path(__file__).parent / "page"
DOCUMENT = Path(__file__).parent / "openapi.json"
TOKEN_PLACE = "{{token}}"
MOST_STRENGTHS, MOST_POINTS = 8, 200
THUMBNAIL_SIDES, PASTICHE_SIDES = (32, 512), (32, 4096)
MOST_ITERATIONS = 2000
THUMBNAILS, PASTICHES = Kind("thumbnails"), Kind("pastiches")
REFINEMENTS, EXPORTS = Kind("refinements", long=True, keeps=True), Kind("exports", long=True)
FOREVER = {"cache-control": "private, max-age=86400, immutable"}


def studio_of(request: Request) -> Studio:
    """Return the studio that a request came to."""
    studio: Studio = request.app.state.studio
    return studio


def session_for(request: Request, *, changes: bool = False) -> Session:
    """Return the session of a request; see `guard.session_of`."""
    session = session_of(request, studio_of(request).sessions, changes=changes)
    session.language = language_of(request)
    return session


async def page(request: Request) -> Response:
    """The page, with a session's cookie and token."""
    studio = studio_of(request)
    session = studio.sessions.find(request.cookies.get(cookie_of(request)))
    if session is None:
        studio.guard.check_password(request)
        session = studio.sessions.begin()
        await studio.read(uploads.take_first_style, session, studio.first_style)
    text = (PAGE / "index.html").read_text("utf-8").replace(TOKEN_PLACE, session.token)
    answer = HTMLResponse(text, headers={"cache-control": "no-store"})
    secure = request.url.scheme == "https"
    answer.set_cookie(cookie_of(request), session.id, httponly=True, samesite="lax", secure=secure)
    return answer


async def health(request: Request) -> Response:
    """Whether the engine is ready; a page that asks is open, and keeps its session."""
    studio = studio_of(request)
    studio.sessions.find(request.cookies.get(cookie_of(request)))
    return JSONResponse({"status": "ok", "engine": studio.turns.engine, "version": __version__})


async def document(request: Request) -> Response:
    """The interface's own description."""
    return FileResponse(DOCUMENT, media_type="application/json")


async def state(request: Request) -> Response:
    """Everything that the page needs to begin."""
    session = session_for(request)
    return JSONResponse(
        {
            "version": __version__,
            "engine": studio_of(request).turns.engine,
            "limits": {"bytes": MOST_BYTES, "pixels": MOST_PIXELS, "video_bytes": MOST_VIDEO_BYTES},
            "styles": style_records(session),
            "samples": sample_records(),
            "controls": control_records(),
            "camera": {"style": session.first_style},
            "formats": list(FORMATS),
            "photos": [photo_record(photo, session) for photo in session.photos.everything()],
            "results": [painting.result_record(one, session) for one in by_time(session.results)],
            "films": [film_record(film, session) for film in by_time(session.films)],
        }
    )


async def sample_picture(request: Request) -> Response:
    """A sample photo."""
    session_for(request)
    path = sample_path(request.path_params["id"])
    return await _picture(request, path)


async def style_picture(request: Request) -> Response:
    """A style."""
    session, id = session_for(request), request.path_params["id"]
    if own := session.styles.get(id):
        return await _picture(request, own.shown or own.path)
    source = style_source(id, session)
    card, studio, side = gallery.card(source), studio_of(request), side_of(request)
    encode = partial(_encoded, card.path, side)
    key = "shown", card.sha256, side
    data, kind = await studio.show(studio.workshop.get, "styles", key, encode, lambda shown: len(shown[0]))
    return Response(data, media_type=kind, headers=FOREVER)


async def add_style(request: Request) -> Response:
    """A style of one's own, for the session or for the gallery."""
    session, studio = session_for(request, changes=True), studio_of(request)
    keep = flag_of(request, "keep")
    name = request.query_params.get("name", "") or Path(name_of(request, "style")).stem
    id, path = session.new_file(uploads.as_picture_name(name_of(request, "style")))
    await save_body(request, path)
    if keep:
        card = await studio.read(uploads.add_to_gallery, path, name)
        return JSONResponse(next(s for s in style_records(session) if s["id"] == card.id), 201)
    return JSONResponse(own_style_record(await studio.read(uploads.keep_style, session, id, path, name)), 201)


async def remove_style(request: Request) -> Response:
    """A style of one's own goes."""
    session, id = session_for(request, changes=True), request.path_params["id"]
    if id in session.styles:
        session.styles.remove(id)
    else:
        gallery.remove_style(id)
    return Response(status_code=204)


async def add_photo(request: Request) -> Response:
    """A photo, sent or a sample."""
    session, studio = session_for(request, changes=True), studio_of(request)
    sample = request.query_params.get("sample")
    if sample is not None:
        source = sample_path(sample)
        id, path = session.new_file(source.name)
        shutil.copyfile(source, path)
    else:
        id, path = session.new_file(name_of(request, "photo"))
        await save_body(request, path)
    photo = await studio.read(clips.keep_picture, session, id, path)
    return JSONResponse(photo_record(photo, session), 201)


async def photo_picture(request: Request) -> Response:
    """A photo as it was sent, upright, small."""
    photo = session_for(request).photos.find(request.path_params["photo"])
    return await _picture(request, photo.path)


async def remove_photo(request: Request) -> Response:
    """A photo goes, and its results with it."""
    session_for(request, changes=True).photos.remove(request.path_params["photo"])
    return Response(status_code=204)


async def thumbnails(request: Request) -> Response:
    """The photo in every style, small."""
    session = session_for(request, changes=True)
    desk = _desk(request, session, request.path_params["photo"])
    values = await values_of(request)
    ids = values.listed("styles", 500) or list(gallery.style_names()) + list(session.styles)
    styles = [(str(id), style_source(id, session) if isinstance(id, str) else "") for id in ids]
    if not all(source for _, source in styles):
        raise missing("styles")
    side = values.whole("side", *THUMBNAIL_SIDES, 192)
    strength = values.number("strength", 0, 100, 50)
    ahead = None if values.raw("ahead") is None else values.whole("ahead", *PASTICHE_SIDES)

    def work(job: Job) -> Iterator[Event]:
        return painting.thumbnails(desk, styles, side, strength, ahead)

    return begin(request, session, THUMBNAILS, work)


async def pastiches(request: Request) -> Response:
    """One picture, at one strength or several."""
    values, desk, look = await _asked(request)
    side = values.whole("side", *PASTICHE_SIDES, 512)
    strengths = [number("strengths", one, 0, 100) for one in values.listed("strengths", MOST_STRENGTHS)]
    before = _result(desk, values.raw("result"))

    def work(job: Job) -> Iterator[Event]:
        if strengths:
            return painting.frames(desk, look, side, strengths, job)
        if before is not None and before.iterations:
            return refining.refinished(desk, look, side, before, job)
        return painting.pastiche(desk, look, side, job)

    return begin(request, desk.session, PASTICHES, work)


async def refinements(request: Request) -> Response:
    """A picture that is improved by the optimization."""
    values, desk, look = await _asked(request)
    side = values.whole("side", *PASTICHE_SIDES, 512)
    iterations = values.whole("iterations", 1, MOST_ITERATIONS, 60)
    before = _result(desk, values.raw("from"))
    work = partial(refining.refinement, desk, look, side, iterations, before)
    return begin(request, desk.session, REFINEMENTS, work)


async def exports(request: Request) -> Response:
    """A picture as a file for downloading."""
    values, desk, look = await _asked(request)
    result = _result(desk, values.raw("result"))
    own = max(desk.photo.width, desk.photo.height)
    side = own if values.raw("size") in (None, "own") else values.whole("size", 16, LARGEST_SIZE)
    wish = Wish(
        form=values.choice("format", tuple(FORMATS), "png"),
        side=min(side, own, LARGEST_SIZE),
        quality=values.whole("quality", 1, 100, 95),
    )
    return begin(request, desk.session, EXPORTS, partial(exporting.export, desk, look, result, wish))


async def stop(request: Request) -> Response:
    """Work ends after its step, and what is there is kept."""
    session = session_for(request, changes=True)
    run = (await values_of(request)).text("run")
    job = studio_of(request).turns.find(session.id, run)
    if job is not None:
        job.stopping.set()
    return JSONResponse({"stopping": job is not None})


async def masks(request: Request) -> Response:
    """A mask that was painted."""
    session = session_for(request, changes=True)
    session.photos.find(request.path_params["photo"])
    feather, before = feather_of(request), request.query_params.get("from")
    drawn_over = None if before is None else session.masks.find(before)
    id, path = session.new_file("painted.png")
    await save_body(request, path)
    mask = await studio_of(request).read(uploads.keep_mask, session, id, path, feather, drawn_over)
    return JSONResponse(mask_record(mask), 201)


async def subject(request: Request) -> Response:
    """A mask of the photo's subject, corrected by points."""
    session = session_for(request, changes=True)
    photo = session.photos.find(request.path_params["photo"])
    values = await values_of(request)
    add, remove = values.points("add", MOST_POINTS), values.points("remove", MOST_POINTS)
    feather = values.number("feather", 0, 100, 0)
    studio = studio_of(request)
    mask = await studio.read(uploads.keep_subject, session, photo, (add, remove), feather, studio.workshop)
    return JSONResponse(mask_record(mask), 201)


async def mask_drawing(request: Request) -> Response:
    """How a mask was drawn."""
    return JSONResponse(mask_record(session_for(request).masks.find(request.path_params["mask"])))


async def mask_ink(request: Request) -> Response:
    """A mask before its edge was softened."""
    return FileResponse(session_for(request).masks.find(request.path_params["mask"]).ink, headers=FOREVER)


async def mask_picture(request: Request) -> Response:
    """A mask."""
    return FileResponse(session_for(request).masks.find(request.path_params["mask"]).path, headers=FOREVER)


async def result_picture(request: Request) -> Response:
    """A finished picture, as it is or small."""
    result = session_for(request).results.find(request.path_params["result"])
    if "side" not in request.query_params:
        return FileResponse(result.path, headers=FOREVER)
    return await _picture(request, result.path)


async def remove_result(request: Request) -> Response:
    """A finished picture goes."""
    session_for(request, changes=True).results.remove(request.path_params["result"])
    return Response(status_code=204)


async def preview(request: Request) -> Response:
    """A picture on its way, or at another strength."""
    picture = session_for(request).previews.find(request.path_params["preview"])
    return FileResponse(picture.path, headers=FOREVER)


async def file(request: Request) -> Response:
    """A file that was made for downloading."""
    session, id = session_for(request), request.path_params["file"]
    file = session.films.get(id) or session.files.find(id)
    return FileResponse(file.path, filename=file.path.name)


def _desk(request: Request, session: Session, photo: Any) -> Desk:
    picture: Photo = session.photos.find(photo)
    return Desk(session=session, photo=picture, workshop=studio_of(request).workshop)


async def _asked(request: Request) -> tuple[Values, Desk, Look]:
    """Return what a picture is asked for with: all values, where it is made, and how it is to look."""
    session = session_for(request, changes=True)
    values = await values_of(request)
    desk = _desk(request, session, values.raw("photo"))
    return values, desk, read_look(values.raw("look"), session)


def _result(desk: Desk, id: Any) -> Result | None:
    """Return a result of the session; None if none is named."""
    result: Result | None = None if id is None else desk.session.results.find(id)
    return result


def begin(request: Request, session: Session, kind: Kind, work: Work) -> Response:
    """Put work in line, and answer with its events."""
    job = Job(work, session=session.id, page=page_of(request), kind=kind, sequence=sequence_of(request))
    studio_of(request).submit(job)
    return EventStream(job)


async def _picture(request: Request, path: Path) -> Response:
    side = side_of(request)
    data, kind = await studio_of(request).show(_encoded, path, side)
    return Response(data, media_type=kind, headers=FOREVER)


def _encoded(path: Path, side: int) -> tuple[bytes, str]:
    """Return a picture for the page: JPEG, or WebP where it has alpha."""
    picture = read_picture(path, max_size=side)
    buffer = io.BytesIO()
    kind = "JPEG" if picture.alpha is None else "WEBP"
    picture_to_pil(picture.pixels, picture.alpha).save(buffer, kind, quality=88)
    return buffer.getvalue(), f"image/{kind.lower()}"


ROUTES = [
    Route("/", page, middleware=[Middleware(GZipMiddleware)]),
    Route("/health", health),
    Route("/api/openapi.json", document),
    Route("/api/state", state, middleware=[Middleware(GZipMiddleware)]),
    Route("/api/samples/{id}/picture", sample_picture),
    Route("/api/styles", add_style, methods=["POST"]),
    Route("/api/styles/{id}", remove_style, methods=["DELETE"]),
    Route("/api/styles/{id}/picture", style_picture),
    Route("/api/photos", add_photo, methods=["POST"]),
    Route("/api/photos/{photo}", remove_photo, methods=["DELETE"]),
    Route("/api/photos/{photo}/picture", photo_picture),
    Route("/api/photos/{photo}/thumbnails", thumbnails, methods=["POST"]),
    Route("/api/photos/{photo}/masks", masks, methods=["POST"]),
    Route("/api/photos/{photo}/subject", subject, methods=["POST"]),
    Route("/api/masks/{mask}", mask_picture),
    Route("/api/masks/{mask}/drawing", mask_drawing),
    Route("/api/masks/{mask}/ink", mask_ink),
    Route("/api/pastiches", pastiches, methods=["POST"]),
    Route("/api/refinements", refinements, methods=["POST"]),
    Route("/api/stop", stop, methods=["POST"]),
    Route("/api/results/{result}", remove_result, methods=["DELETE"]),
    Route("/api/results/{result}/picture", result_picture),
    Route("/api/previews/{preview}", preview),
    Route("/api/exports", exports, methods=["POST"]),
    Route("/api/files/{file}", file),
    Mount("/page", GZipMiddleware(StaticFiles(directory=PAGE))),
]
