"""The house rules that a machine can check: import direction, sizes, names, import time."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import processor_seconds

SOURCE = Path(__file__).resolve().parents[2] / "src" / "impasto"
FILES = sorted(SOURCE.rglob("*.py"))
FLOORS: list[set[str]] = [
    {"errors", "settings", "presets", "progress", "layers", "language"},
    {"files", "styles", "gallery", "data", "pictures", "engine", "progress_bar"},
    {"networks", "workshop", "prepared"},
    {"optimization", "onepass"},
    {
        "training",
        "preparation",
        "places",
        "forecast",
        "photos",
        "finished",
        "pastiche",
        "stylizer",
        "names",
        "recipes",
    },
    {"runs", "export"},
    {"cli", "studio", "__main__"},
]
SPINE = FLOORS[4] - {"training"}
APART = [{"runs", "export"}, {"optimization", "onepass"}, *({"training", room} for room in SPINE)]
"""Rooms of one floor that never import each other."""
RANK = {name: rank for rank, names in enumerate(FLOORS) for name in names}
HEAVY = {"keras", "tensorflow", "jax", "torch", "PIL", "ray", "gradio", "scipy", "skimage", "numpy"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "impasto":
                found |= {f"impasto.{alias.name}" for alias in node.names}
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def rooms_of(path: Path) -> set[str]:
    """Return the rooms that a file imports from, under TYPE_CHECKING and inside functions, too."""
    return {
        name.split(".")[1]
        for name in imports(path)
        if name.startswith("impasto.") and name.split(".")[1] in RANK
    }


MODULES = [path for path in FILES if path != SOURCE / "__init__.py"]


def label(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_imports_go_downwards(path):
    own = room(path)
    assert own in RANK, f"{path.name} is in no room; see ARCHITECTURE.md"
    for target in rooms_of(path) - {own}:
        assert RANK[target] <= RANK[own], f"{label(path)} imports {target} from above"
        assert not any({own, target} <= apart for apart in APART), (
            f"{label(path)} imports its neighbor {target}"
        )


def test_the_studio_knows_no_command():
    """The command line opens the studio, as it opens every room; the way back would make one door of two."""
    assert not [path.name for path in FILES if room(path) == "studio" and "cli" in rooms_of(path)]


def test_there_are_no_circles():
    def module(path: Path) -> str:
        return ".".join(("impasto", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(
            ".__init__"
        )

    names = {module(path): path for path in MODULES}
    edges = {name: imports(path) & set(names) - {name} for name, path in names.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in sorted(names):
        visit(name, ())


def test_the_page_draws_the_same_house():
    page = (SOURCE.parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [
        line.split("|") for line in page.splitlines() if line.startswith("|") and "`" in line.split("|")[2]
    ]
    drawn = [
        {name.rstrip("/").removesuffix(".py") for name in re.findall(r"`([^`]+)`", row[2])} for row in rows
    ]
    assert drawn[::-1] == FLOORS


def test_every_room_is_there():
    there = {path.name.removesuffix(".py") for path in SOURCE.iterdir()} - {
        "__init__",
        "__pycache__",
        "py.typed",
    }
    assert there == set(RANK)


def test_words_use_the_standard_library_only():
    for name in FLOORS[0]:
        for module in imports(SOURCE / f"{name}.py"):
            top = module.split(".")[0]
            assert top == "impasto" or top in sys.stdlib_module_names, f"{name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=label)
def test_sizes(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{path.name}: {node.name} is too long"


@pytest.mark.parametrize("path", FILES, ids=label)
def test_public_names_have_docstrings(path):
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=label)
def test_the_library_does_not_print_exit_or_assert(path):
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Assert), f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Attribute) and node.attr == "exit" and room(path) != "cli":
            assert not (isinstance(node.value, ast.Name) and node.value.id == "sys"), path.name


def test_no_meaningless_names():
    forbidden = {"utils", "helpers", "common", "core", "misc"}
    assert not forbidden & {path.stem for path in FILES}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_loads_nothing_heavy():
    loaded = run("import sys, impasto; print(*{m.split('.')[0] for m in sys.modules})").split()
    assert not HEAVY & set(loaded)


def test_every_public_name_is_there():
    import impasto
    from impasto import errors

    assert all(getattr(impasto, name) is not None for name in impasto.__all__)
    assert dir(impasto) == sorted(impasto.__all__)
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert {name for name in kinds if issubclass(getattr(errors, name), Exception)} <= set(impasto.__all__)
    with pytest.raises(AttributeError, match="no attribute 'stylise'"):
        _ = impasto.stylise


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from typer.testing import CliRunner; from impasto.cli import app; "
        "CliRunner().invoke(app, ['--help']); print(*{m.split('.')[0] for m in sys.modules})"
    )
    assert not (HEAVY - {"numpy"}) & set(run(code).split())


@pytest.mark.slow
def test_import_and_help_are_quick():
    empty = processor_seconds("-c", "pass")
    assert processor_seconds("-c", "import impasto") - empty < 0.15
    assert processor_seconds("-m", "impasto.cli", "--help") < 0.5


def test_no_file_names_a_package_registry():
    root = SOURCE.parents[1]
    hosts = ("pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in tracked:
        path = root / name
        if path.suffix not in {".npz", ".png", ".jpg", ".webp"} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not any(host in text for host in hosts), name


@pytest.mark.parametrize("path", FILES, ids=label)
def test_whether_a_file_is_there_is_asked_of_os_path(path):
    """`Path.exists`, `is_file`, `is_dir` and `expanduser` raise of impossible names; os.path's do not."""
    asked = [
        f"line {node.lineno}: {node.attr}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("exists", "is_file", "is_dir", "expanduser")
        and not (isinstance(node.value, ast.Attribute) and node.value.attr == "path")
    ]
    assert asked == []
