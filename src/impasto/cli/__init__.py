"""The command line. It knows the settings, the errors and how to print; nothing heavy loads before work."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from impasto import __version__
from impasto.cli import batch, gallery, inspect, resume, studio, stylize, sweep, training, video, weights
from impasto.cli.console import (
    EXIT_BY_SIGNAL,
    EXIT_FAILED,
    EXIT_USAGE,
    SIGINT,
    end_quietly,
    say_error,
    say_fault,
)
from impasto.cli.language import choose_language, translate_help
from impasto.cli.line import meant, split_line
from impasto.cli.usage import is_usage_error, usage_message
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
    lang: Annotated[
        str | None,
        typer.Option("--lang", metavar="LANGUAGE", help="en or zh, as LANG says by default; anywhere."),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Download nothing, as IMPASTO_OFFLINE=1 does; anywhere on the line."),
    ] = False,
) -> None:
    """Repaint a photo in the style of another picture.

    Example: impasto photo.jpg painting.jpg
    """
    if version:
        typer.echo(__version__)
        raise typer.Exit


for room in (
    stylize,
    resume,
    video,
    studio,
    batch,
    sweep,
    gallery,
    inspect,
    weights,
    training,
):  # in the order of the help
    room.register(app)

COMMAND = typer.main.get_command(app)
"""All commands; building them takes longer than what most of them do."""


def main() -> None:
    """Run the command line and end the program with its exit code; docs/commands.md lists them all.

    An error of ours is one line on stderr; so is a fault of ours, with the way to its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    debug = "--debug" in sys.argv[1:] or bool(os.environ.get("IMPASTO_DEBUG"))
    try:
        sys.exit(_run(sys.argv[1:]))
    except ImpastoError as error:
        if debug:
            raise
        say_error(error)
        sys.exit(EXIT_USAGE if isinstance(error, SettingError) else EXIT_FAILED)
    except BrokenPipeError:
        end_quietly()
    except KeyboardInterrupt:
        sys.exit(EXIT_BY_SIGNAL + SIGINT)
    except Exception as fault:
        if debug:
            raise
        sys.exit(say_fault(fault))


def _run(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    choose_language(None)
    line = split_line(arguments)
    choose_language(line.language)
    if "--offline" in line.flags:
        os.environ["IMPASTO_OFFLINE"] = "1"
    words = meant(line.words, _options_of(COMMAND))
    try:
        code = translate_help(COMMAND).main(words, prog_name="impasto", standalone_mode=False)
    except SystemExit as over:
        if isinstance(over.__context__, BrokenPipeError):  # whatever its mode, Typer ends with 1
            raise over.__context__ from None
        raise
    except Exception as error:
        if not is_usage_error(error):
            raise
        if message := usage_message(error, words):
            say_error(ImpastoError(message))
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


def _options_of(command: Any) -> dict[str, frozenset[str]]:
    """Return the options of each command by its name."""
    return {
        name: frozenset(option for parameter in inner.params for option in parameter.opts)
        for name, inner in command.commands.items()
    }
