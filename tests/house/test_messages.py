"""Every sentence for a person has an id: it is written with ``{names}`` and gets its values apart."""

from __future__ import annotations

import ast
import inspect
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from impasto import errors

SOURCE = Path(errors.__file__).parent
SENTENCES = {
    name
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, (errors.ImpastoError, errors.Message))
} | {"say", "note", "tell", "print_text"}
"""What takes an id first: errors, messages, the command's speakers and what other files derive from them."""

REMARKS = {"notes", "problems", "note", "_note", "hint"}


def _formatted(node: ast.expr) -> bool:
    """Return whether an expression puts values into a text by itself: f"", "" % x, "" + x, "".format(x)."""
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.BinOp):
        texts = (part for part in (node.left, node.right) if isinstance(getattr(part, "value", None), str))
        joined = _formatted(node.left) or _formatted(node.right) or any(texts)
        return isinstance(node.op, (ast.Mod, ast.Add)) and joined
    if isinstance(node, ast.IfExp):
        return _formatted(node.body) or _formatted(node.orelse)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"


def _name(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _without_id(tree: ast.AST, sentences: set[str]) -> Iterator[ast.Call]:
    """Yield the calls whose first argument is formatted, there or in the variable that it names."""
    for scope in ast.walk(tree):
        if not isinstance(scope, (ast.FunctionDef, ast.Module)):
            continue
        inside = list(ast.walk(scope))
        formatted = {
            _name(target)
            for node in inside
            if isinstance(node, ast.Assign) and _formatted(node.value) and isinstance(scope, ast.FunctionDef)
            for target in node.targets
        }
        for node in inside:
            if isinstance(node, ast.Call) and node.args and _name(node.func) in sentences:
                first = node.args[0]
                if _formatted(first) or (isinstance(first, ast.Name) and first.id in formatted):
                    yield node


def test_errors_and_messages_have_an_id():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
    sentences, before = set(SENTENCES), 0
    while len(sentences) > before:
        before = len(sentences)
        sentences |= {
            node.name
            for tree in trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and sentences & {_name(base) for base in node.bases}
        }
    found = {
        f"{path.relative_to(SOURCE)}:{call.lineno}"
        for path, tree in trees.items()
        for call in _without_id(tree, sentences)
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        'raise SettingError(f"no {name}")',
        'raise errors.ImageError("no %s" % name)',
        'raise OutputError("no {}".format(name), x=1)',
        'raise WeightsError("no " + name)',
        'note = Message(f"no {name}")',
        'raise SettingError(f"no {name}" if name else "none")',
        'text = f"no {name}"; raise SettingError(text)',
    ],
)
def test_a_sentence_without_an_id_is_found(line):
    tree = ast.parse(f"def act(name):\n    {line}")
    assert list(_without_id(tree, SENTENCES))


@pytest.mark.parametrize(
    "line", ['raise SettingError("no {name}", name=f"<{name}>")', 'raise ValueError(f"no {name}")']
)
def test_a_sentence_with_an_id_is_not_found(line):
    assert not list(_without_id(ast.parse(f"def act(name):\n    {line}"), SENTENCES))


def _bare_notes(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that add a text without an id to the notes or problems that a person will read."""
    for node in ast.walk(tree):
        added: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("append", "insert") and _name(node.func.value) in REMARKS:
                added = node.args[-1:]
        elif isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if REMARKS & {_name(target) for target in targets}:
                added = [node.value]
        elif isinstance(node, ast.keyword) and node.arg in REMARKS:
            added = [node.value]
        for value in added:
            texts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
            if any((isinstance(text, ast.Constant) and text.value) or _formatted(text) for text in texts):
                yield value.lineno


def test_notes_have_an_id():
    bare = {
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line in _bare_notes(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert bare == set()


@pytest.mark.parametrize(
    "line",
    [
        'notes.append("a")',
        'self.notes.insert(0, f"{a}")',
        'notes += (f"{a}",)',
        'problems = ["a"]',
        'f(notes=("a",))',
    ],
)
def test_a_note_without_an_id_is_found(line):
    assert list(_bare_notes(ast.parse(line)))


def test_every_name_of_a_sentence_has_a_value():
    """A sentence that is raised in a rare case would else fail there with a KeyError."""
    wrong = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and node.args and _name(node.func) in SENTENCES):
                continue
            given = {word.arg for word in node.keywords}
            if isinstance(node.args[0], ast.Constant) and given and None not in given:
                parts = string.Formatter().parse(node.args[0].value)
                wanted = {name.partition(".")[0].partition("[")[0] for _, name, _, _ in parts if name}
                if wanted != given:
                    wrong.append((f"{path.relative_to(SOURCE)}:{node.lineno}", wanted ^ given))
    assert wrong == []
