"""The house rules that a machine can check: import direction, sizes, names, import time."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "impasto"
FILES = sorted(SOURCE.rglob("*.py"))
LAYERS = [
    {"errors", "settings", "progress", "presets", "style_names"},
    {
        "images", "image_output", "image_decoding", "crops", "gallery", "runtime", "regions", "colors",
        "tile_grid",
    },
    {
        "feature_network", "losses", "objective", "gradients", "optimizers", "preconditioner", "style_losses",
        "style_targets", "weights", "weight_formats", "weight_check", "pastiche_network", "rearrangements",
        "style_codes", "style_file",
    },
    {
        "gatys", "scales", "planning", "tiling", "distillation", "pastiche_pool", "evaluation",
        "training_checkpoint", "student", "muon", "onepass_training", "feedforward",
        "training", "training_photos", "style_trainer", "portable_network", "onnx_graph", "export",
    },
    {"pastiche", "preparation", "recipes", "stylizer"},
    {"run_checkpoint", "job", "sweep"},
    {
        "cli", "setting_options", "commands", "inspection_commands", "sweep_command",
        "training_commands",
    },
]  # fmt: skip
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
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


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_imports_go_downwards(path):
    if path.name == "__init__.py" and path.parent == SOURCE:
        return
    for name in imports(path):
        if name.startswith("impasto.") and (target := name.split(".")[1]) in RANK:
            assert RANK[target] <= RANK[room(path)], f"{path.name} imports {name} from above"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_file_has_a_room(path):
    assert path.name == "__init__.py" or room(path) in RANK


def test_words_use_the_standard_library_only():
    for name in LAYERS[0]:
        for module in imports(SOURCE / f"{name}.py"):
            top = module.split(".")[0]
            assert top == "impasto" or top in sys.stdlib_module_names, f"{name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_sizes(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, f"{path.name}: {node.name} is too long"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_public_names_have_docstrings(path):
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_library_does_not_print_exit_or_assert(path):
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Assert), f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Attribute) and node.attr == "exit" and path.stem != "cli":
            assert not (isinstance(node.value, ast.Name) and node.value.id == "sys"), path.name


def test_no_meaningless_names():
    forbidden = {"utils", "helpers", "common", "core", "misc"}
    assert not forbidden & {path.stem for path in FILES}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_loads_nothing_heavy():
    loaded = run("import sys, impasto; print(*{m.split('.')[0] for m in sys.modules})").split()
    assert not HEAVY & set(loaded)


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from typer.testing import CliRunner; from impasto.cli import app; "
        "CliRunner().invoke(app, ['--help']); print(*{m.split('.')[0] for m in sys.modules})"
    )
    assert not (HEAVY - {"numpy"}) & set(run(code).split())


@pytest.mark.slow
def test_import_and_help_are_quick():
    def fastest(*command: str) -> float:
        best = 9.0
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], capture_output=True, check=True)
            best = min(best, time.perf_counter() - start)
        return best

    empty = fastest("-c", "pass")
    assert fastest("-c", "import impasto") - empty < 0.15
    assert fastest("-m", "impasto.cli", "--help") < 0.5


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
