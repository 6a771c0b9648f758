"""The commands that open the studio: impasto studio, impasto webcam."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from impasto.cli.console import note, say
from impasto.errors import Argument, EngineError, OutputError, SettingError

Host = Annotated[str, typer.Option(metavar="HOST", help="Where it listens; 0.0.0.0 lets other machines in.")]
Port = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, max=65535, help="The port; by default 8517, or a free one."),
]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")]
Password = Annotated[
    str | None,
    typer.Option(metavar="WORD", help="What other machines must know; others can see it in ps."),
]
PasswordFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A file whose first line is the password.")
]
Certificate = Annotated[Path | None, typer.Option(metavar="FILE", help="A certificate, for HTTPS.")]
Key = Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key.")]


def studio_command(
    host: Host = "127.0.0.1",
    port: Port = None,
    no_open: NoOpen = False,
    password: Password = None,
    password_file: PasswordFile = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
) -> None:
    """Open the studio: pick a photo, pick a style, see it at once, in the browser, on this machine.

    Example: impasto studio
    """
    word = _password(password, password_file)
    _check(host, word, tls_cert, tls_key)
    opening = {"host": host, "port": port, "password": word, "certificate": tls_cert, "key": tls_key}
    _open(opening, not no_open)


def webcam_command(
    style: Annotated[
        str,
        typer.Argument(
            metavar="STYLE", help="A built-in style, a picture or a trained .style file.", show_default=False
        ),
    ],
    host: Host = "127.0.0.1",
    port: Port = None,
    *,
    no_open: NoOpen = False,
    password: Password = None,
    password_file: PasswordFile = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
) -> None:
    """Paint what the camera sees, live, in the browser: the studio's page with the camera on.

    Example: impasto webcam mosaic
    """
    _check_style(style)
    word = _password(password, password_file)
    _check(host, word, tls_cert, tls_key)
    from impasto.studio.loopback import is_loopback

    if not is_loopback(host) and not tls_cert:
        note(
            "browsers give the camera to pages of this machine and to HTTPS only; --tls-cert and --tls-key "
            "make it HTTPS"
        )
    opening = {"host": host, "port": port, "password": word, "certificate": tls_cert, "key": tls_key}
    _open(opening | {"camera": True, "style": style}, not no_open)


def _check_style(style: str) -> None:
    """Refuse now what the page could not take.

    Raises:
        MissingFileError: it is neither a built-in style nor a file.
        ImageError: the file is no picture.
        WeightsError: it is damaged, or no trained style.
    """
    from impasto.names import check_style_name
    from impasto.pictures.reading import read_shape

    check_style_name(style)
    if Path(style).suffix.lower() == ".style":
        from impasto.engine import runtime

        runtime.start_program()  # which the studio does anyway, before anything prints its log
        from impasto.onepass.style_file import read_style_file

        read_style_file(style)
    elif os.path.isfile(style):
        read_shape(Path(style))


def _open(opening: Mapping[str, Any], show: bool) -> None:
    """Run the studio until a signal ends it."""
    try:
        from impasto.studio.server import Opening, serve
    except ModuleNotFoundError as error:
        raise EngineError(
            "the studio needs {module}; install it with {command}",
            module=error.name,
            command="pip install 'impasto[studio]'",
        ) from error
    serve(Opening(**opening), lambda address, token: _opened(address, token, show))


def _check(host: str, password: str | None, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Refuse what would let anybody in; say what it means to let somebody in."""
    from impasto.studio.loopback import is_loopback

    others = not is_loopback(host)
    if others and password is None:
        raise SettingError(
            "with {host} everybody who can reach this machine could use the studio; add {password} or {file}",
            host=Argument(f"host={host}"),
            password=Argument("password"),
            file=Argument("password_file"),
        )
    if (tls_cert is None) != (tls_key is None):
        raise SettingError(
            "{cert} and {key} must be given together", cert=Argument("tls_cert"), key=Argument("tls_key")
        )
    for file in (tls_cert, tls_key):
        if file is not None and not os.path.isfile(file):
            raise SettingError("there is no file {path}", path=file)
    if others and tls_cert:
        note("other machines can use this studio, and this machine's processor, with its password")
    elif others:
        note(
            "other machines can use this studio, and this machine's processor, with its password, which "
            "travels unencrypted; --tls-cert and --tls-key change that"
        )


def _opened(address: str, token: str, show: bool) -> None:
    say("The studio is at {address}; Ctrl-C ends it.", address=address)
    say("Token for programs: {token}", token=token)
    if show and (
        os.name == "nt" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or _is_mac()
    ):
        import threading
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _is_mac() -> bool:
    import sys

    return sys.platform == "darwin"


def _password(word: str | None, file: Path | None) -> str | None:
    if file is None:
        return word or None
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise OutputError("{path} cannot be read: {reason}", path=file, reason=error) from error
    if not lines or not lines[0].strip():
        raise SettingError("the first line of {path} must be the password", path=file)
    return lines[0].strip()


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("studio")(studio_command)
    app.command("webcam")(webcam_command)
