"""The command that opens the studio: impasto studio."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.console import note, say
from impasto.errors import Argument, EngineError, OutputError, SettingError


def studio_command(
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where it listens; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65535, help="The port; by default 8517, or a free one."),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    password: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="What other machines must know; others can see it in ps."),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file whose first line is the password.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="A certificate, for HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key.")] = None,
) -> None:
    """Open the studio: pick a photo, pick a style, see it at once, in the browser, on this machine.

    Example: impasto studio
    """
    word = _password(password, password_file)
    _check(host, word, tls_cert, tls_key)
    try:
        from impasto.studio.server import Opening, serve
    except ModuleNotFoundError as error:
        raise EngineError(
            "the studio needs {module}; install it with {command}",
            module=error.name,
            command="pip install 'impasto[studio]'",
        ) from error
    opening = Opening(host=host, port=port, password=word, certificate=tls_cert, key=tls_key)
    serve(opening, lambda address, token: _opened(address, token, not no_open))


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
