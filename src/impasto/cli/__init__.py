"""The command line. It knows the settings, the errors and how to print; nothing heavy loads before work."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from impasto import __version__
from impasto.cli import inspect, stylize, sweep, training, weights
from impasto.cli.console import EXIT_FAILED, EXIT_USAGE, say
from impasto.errors import ImpastoError, SettingError

app = typer.Typer(
    help="Repaint a photo in the style of another picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; anywhere on the line.")] = False,
) -> None:
    """Repaint a photo in the style of another picture."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


for room in (stylize, sweep, inspect, weights, training):
    room.register(app)


def main() -> None:
    """Run the command line: an error of ours is one line on stderr and exit code 1 (2 for usage)."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1 or bool(os.environ.get("IMPASTO_DEBUG"))
    try:
        app(arguments)
    except ImpastoError as error:
        if debug:
            raise
        say(f"impasto: {error}" if str(error).endswith("?") else f"impasto: {error}.")
        sys.exit(EXIT_USAGE if isinstance(error, SettingError) else EXIT_FAILED)
