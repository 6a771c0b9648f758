"""The studio: a server on one's own machine, and the page that it serves.

The page and curl talk to the same interface, JSON in and server-sent events out, which `openapi.json`
documents. `server.py` starts it, `routes.py` lists what it answers, `turns.py` has the engine's thread, and
`painting.py`, `refining.py` and `exporting.py` are what the engine does: plain functions that yield events.
"""
