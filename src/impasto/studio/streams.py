"""Server-sent events: what the engine tells, as a response that notices when its browser has gone."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from impasto.studio.turns import Event, Job

HEARTBEAT = 10.0
"""Seconds after which a comment is sent, so that nobody between takes the connection for dead."""
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class EventStream(Response):
    """The events of a job, until it ends or its browser goes away."""

    media_type = "text/event-stream"

    def __init__(self, job: Job) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        gone = asyncio.ensure_future(_disconnected(receive))
        event = asyncio.ensure_future(self._job.next_event())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while True:
                await asyncio.wait({gone, event}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                if not event.done():
                    await _send(send, b": still here\n\n")
                    continue
                if (news := event.result()) is None:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
                await _send(send, text_of(news))
                event = asyncio.ensure_future(self._job.next_event())
        except OSError:  # the connection broke while something was being sent
            return
        finally:
            self._job.leave()
            gone.cancel()
            event.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(gone, event, return_exceptions=True)


def text_of(event: Event) -> bytes:
    """Return an event as a browser reads it."""
    name, values = event
    return f"event: {name}\ndata: {json.dumps(values, ensure_ascii=False)}\n\n".encode()


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
