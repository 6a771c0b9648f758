"""The translations: what there is to translate, and the catalogue that gettext reads.

python -m tools.messages            compile src/impasto/data/locale/*/LC_MESSAGES/impasto.po to .mo
python -m tools.messages missing    print what has no translation
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import inspect
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from impasto.cli import app
from impasto.errors import Message
from impasto.language import LOCALE
from impasto.presets import all_presets
from impasto.settings import Settings

SOURCE = LOCALE.parents[1]
FOR_DEVELOPERS = ("train-onepass", "distill")
"""Commands whose help is in English only."""
SPEAKERS = {"tell", "say", "note", "remark", "Message", "print_text", "progress_bar"}


def catalogue(path: Path) -> dict[str, str]:
    """Return the translations of a .po file by message id."""
    found: dict[str, str] = {}
    texts, kind = {"msgid": "", "msgstr": ""}, ""
    for line in [*path.read_text(encoding="utf-8").splitlines(), 'msgid ""']:
        word, _, rest = line.partition(" ")
        if word in texts:
            if word == "msgid" and kind == "msgstr":
                found[texts["msgid"]] = texts["msgstr"]
                texts = {"msgid": "", "msgstr": ""}
            kind, line = word, rest
        if line.startswith('"'):
            texts[kind] += ast.literal_eval(line)
    return found


def compiled(messages: dict[str, str]) -> bytes:
    """Return a catalogue as gettext's binary .mo, by the format of GNU gettext's manual, section 10.3."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages.items())
    start = 28 + 16 * len(pairs)
    tables, data = ([], []), b""
    for side in (0, 1):
        for pair in pairs:
            tables[side].append(struct.pack("<II", len(pair[side]), start + len(data)))
            data += pair[side] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + b"".join(tables[0]) + b"".join(tables[1]) + data


def wanted() -> set[str]:
    """Return every message that has to be translated."""
    found = {spec.metadata["help"] for spec in dataclasses.fields(Settings)}
    found |= {preset.about for preset in all_presets().values()}
    found |= set(_of_help(typer.main.get_command(app)))
    for path in sorted(SOURCE.rglob("*.py")):
        found |= set(_of_code(ast.parse(path.read_text(encoding="utf-8"))))
    return {text for text in found if any(letter.isalpha() for letter in text)}


def _of_help(command: Any) -> Iterator[str]:
    helps = getattr(command.callback, "setting_helps", {})
    yield from (inspect.cleandoc(text) for text in (command.help, command.rich_help_panel) if text)
    for parameter in command.params:
        message = helps.get(parameter.name)
        yield from (
            _parts(message) if message else [inspect.cleandoc(parameter.help)] if parameter.help else []
        )
        if parameter.rich_help_panel:
            yield parameter.rich_help_panel
    for name, inner in getattr(command, "commands", {}).items():
        yield from _of_help(inner) if name not in FOR_DEVELOPERS else ()


def _parts(message: Message) -> Iterator[str]:
    for value in message.values.values():
        if isinstance(value, Message):
            yield value.id


def _of_code(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that are said: the constant first arguments of speakers and errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            text = node.args[0].value
            if (name in SPEAKERS or (name.endswith("Error") and not hasattr(builtins, name))) and isinstance(
                text, str
            ):
                yield text


def main() -> None:
    """Compile the catalogues, or print what they lack."""
    for path in LOCALE.glob("*/LC_MESSAGES/impasto.po"):
        messages = catalogue(path)
        if "missing" in sys.argv[1:]:
            for text in sorted(wanted() - {key for key, value in messages.items() if value}):
                print(repr(text))
        else:
            path.with_suffix(".mo").write_bytes(compiled(messages))


if __name__ == "__main__":
    main()
