"""State has one owner, the workshop: no module keeps what was loaded, computed or compiled."""

from __future__ import annotations

import ast

import pytest
from test_architecture import FILES, SOURCE, label, tree

STATE = {
    "workshop.py: _PROCESS": "the one workshop of whoever brings none",
    "presets.py: all_presets": "package data, read once",
    "networks/vgg19_check.py: read_fingerprint": "package data, read once",
    "pictures/decoding.py: srgb_profile": "a constant",
    "pictures/decoding.py: _silence": "what this process' stderr is, which there is one of",
    "engine/machine.py: processor_flags": "what the machine is",
    "cli/language.py: _catalog": "the language of the context, which a door chooses",
    "engine/vectors.py: _row_replacement": "one function of the engine, for all shapes",
}
"""Module-level state that may be, and why."""
CHANGES = {
    "add", "append", "clear", "discard", "extend", "insert", "move_to_end", "pop", "popitem", "remove",
    "setdefault", "update",
}  # fmt: skip
FROZEN = {"cache", "lru_cache", "cached", "singledispatch"}


def name_of(node: ast.expr) -> str:
    """Return the last part of a name, called or not: ``cache`` of ``@functools.cache`` or ``@cache()``."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def changed_names(module: ast.Module) -> set[str]:
    """Return the names whose values a module changes in place, or assigns from within a function."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Global):
            found |= set(node.names)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES
        ):
            found.add(name_of(node.func.value))
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
            found |= {name_of(t.value) for t in targets if isinstance(t, ast.Subscript | ast.Attribute)}
    return found


def state_of(module: ast.Module) -> set[str]:
    """Return the module's names that hold state: caches, values that change, objects of its own classes."""
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    changed, found = changed_names(module), set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and FROZEN & {name_of(d) for d in node.decorator_list}:
            found.add(node.name)
    for node in module.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        made = isinstance(node.value, ast.Call) and name_of(node.value) in (classes | {"local", "ContextVar"})
        cached = isinstance(node.value, ast.Call) and name_of(node.value) in FROZEN
        for name in (target.id for target in targets if isinstance(target, ast.Name)):
            if name in changed or made or cached:
                found.add(name)
    return found


def test_the_finder_finds_what_it_is_for():
    code = (
        "from functools import lru_cache\nKNOWN = {}\nTABLE = {'a': 1}\ncodes: dict = OrderedDict()\n"
        "class Shop: pass\nSHOP = Shop()\nlast = None\n"
        "@lru_cache(maxsize=3)\ndef load(): KNOWN['a'] = TABLE['a']\n"
        "def more():\n    global last\n    codes.setdefault(1, 2)\n"
    )
    assert state_of(ast.parse(code)) == {"KNOWN", "codes", "SHOP", "last", "load"}


@pytest.mark.parametrize("path", FILES, ids=label)
def test_modules_keep_no_state(path):
    found = {f"{path.relative_to(SOURCE)}: {name}" for name in state_of(tree(path))}
    assert found <= set(STATE), "a workshop keeps what is loaded, computed or compiled; see workshop.py"


def test_the_list_of_exceptions_is_short_and_true():
    found = {f"{path.relative_to(SOURCE)}: {name}" for path in FILES for name in state_of(tree(path))}
    assert found == set(STATE)
    assert len(STATE) < 12
