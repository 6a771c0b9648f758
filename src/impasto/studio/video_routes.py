"""What the server answers about videos, which come in, are seen as stills and are painted, and cameras."""

from __future__ import annotations

import io
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.runs.video_job import QUALITY, STILLNESS
from impasto.settings import LARGEST_SIZE
from impasto.studio import clips, filming
from impasto.studio.camera import Shot, painted_frame
from impasto.studio.filming import FORMATS, FilmSet, FilmWish
from impasto.studio.limits import MOST_VIDEO_BYTES
from impasto.studio.looks import photo_record, read_look
from impasto.studio.requests import LONGEST, name_of, save_body, second_of, side_of, values_of
from impasto.studio.routes import FOREVER, begin, session_for, studio_of
from impasto.studio.sessions import Video
from impasto.studio.turns import Kind

FILMS = Kind("films", long=True, keeps=True)
FRAMES = Kind("frames")
USUAL_SIDE, LEAST_SIDE = 512, 32
CAMERA_SIDES = (64, 1024)


async def add_video(request: Request) -> Response:
    """A video; the answer is a still of it."""
    session, studio = session_for(request, changes=True), studio_of(request)
    id, path = session.new_file(name_of(request, "video"))
    await save_body(request, path, MOST_VIDEO_BYTES)
    photo = await studio.read(clips.keep_video, session, id, path)
    return JSONResponse(photo_record(photo, session), 201)


async def remove_video(request: Request) -> Response:
    """A video goes; its stills stay, as photos."""
    session_for(request, changes=True).videos.remove(request.path_params["video"])
    return Response(status_code=204)


async def video_picture(request: Request) -> Response:
    """What a video shows at a second, small."""
    video = session_for(request).videos.find(request.path_params["video"])
    data = await studio_of(request).show(_frame_picture, video, second_of(request), side_of(request))
    return Response(data, media_type="image/jpeg", headers=FOREVER)


def _frame_picture(video: Video, second: float, side: int) -> bytes:
    file = io.BytesIO()
    clips.frame_picture(video, second, side).convert("RGB").save(file, "JPEG", quality=88)
    return file.getvalue()


async def stills(request: Request) -> Response:
    """What a video shows at a second, as a photo."""
    session = session_for(request, changes=True)
    video = session.videos.find(request.path_params["video"])
    second = (await values_of(request)).number("second", 0, LONGEST)
    photo = await studio_of(request).read(clips.still, session, video, second)
    return JSONResponse(photo_record(photo, session), 201)


async def films(request: Request) -> Response:
    """A video that is painted."""
    session = session_for(request, changes=True)
    video = session.videos.find(request.path_params["video"])
    values = await values_of(request)
    look = read_look(values.raw("look"), session)
    own = max(video.clip.shape)
    seconds = values.raw("seconds")
    wish = FilmWish(
        form=values.choice("format", tuple(FORMATS), "mp4"),
        side=min(own, values.whole("side", LEAST_SIDE, LARGEST_SIZE, USUAL_SIDE)),
        stillness=values.number("stillness", 0, 100, STILLNESS),
        quality=values.whole("quality", 1, 100, QUALITY),
        seconds=None if seconds is None else values.number("seconds", 0.001, LONGEST),
    )
    place = FilmSet(session=session, video=video, workshop=studio_of(request).workshop)
    return begin(request, session, FILMS, partial(filming.film, place, look, wish))


async def camera_frame(request: Request) -> Response:
    """A camera's frame, painted."""
    session = session_for(request, changes=True)
    values = await values_of(request)
    shot = Shot(
        address=values.text("picture"),
        look=read_look(values.raw("look"), session),
        side=values.whole("side", *CAMERA_SIDES, 320),
        stillness=values.number("stillness", 0, 100, STILLNESS),
    )
    workshop = studio_of(request).workshop
    return begin(request, session, FRAMES, lambda job: painted_frame(session, shot, workshop))


VIDEO_ROUTES = [
    Route("/api/camera", camera_frame, methods=["POST"]),
    Route("/api/videos", add_video, methods=["POST"]),
    Route("/api/videos/{video}", remove_video, methods=["DELETE"]),
    Route("/api/videos/{video}/picture", video_picture),
    Route("/api/videos/{video}/stills", stills, methods=["POST"]),
    Route("/api/videos/{video}/films", films, methods=["POST"]),
]
