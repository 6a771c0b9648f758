"""How the built-in styles are painted: development time only, no part of the package.

Every picture is this project's own: a scene is composed from a seed, then rendered in a medium. To set up::

    python3 -m venv /tmp/galleryenv
    /tmp/galleryenv/bin/pip install skia-python numpy scipy scikit-image pillow
    /tmp/galleryenv/bin/python -m tools.gallery.paint [ID ...]     # writes src/impasto/gallery

Lengths are in *points*: a picture's short side has 768 of them at every size, so that the size in pixels
sets the resolution only.
"""
