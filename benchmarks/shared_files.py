"""Where the development pictures and tools lie; benchmarks that need them say so when they are absent."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("IMPASTO_SHARED", ROOT.parent / "shared"))
BUILD = ROOT / "build"


def require_shared() -> Path:
    """Return the shared folder or end with a sentence."""
    if not SHARED.is_dir():
        sys.exit(f"benchmarks: this one needs the development pictures at {SHARED} (IMPASTO_SHARED)")
    return SHARED


def shared_tool(name: str) -> ModuleType:
    """Import a script from the shared tools."""
    path = require_shared() / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pairs() -> list[tuple[Path, Path]]:
    """Return the (content, style) pairs on which results are judged."""
    images = require_shared() / "images"
    lines = (images / "pairs.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return [(images / "content" / content, images / "style" / style) for content, style in rows]


def run(*words: object) -> str:
    """Run Python with these words and return what it printed, or end with a sentence."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"benchmarks: {' '.join(command)} failed: {done.stderr[-400:]}")
    return done.stdout


def standin(suffix: str = ".npz") -> Path:
    """Return a file of VGG-19's shape and cost that is not VGG-19, made once by the shared tool."""
    path = BUILD / f"standin{suffix}"
    if not path.exists():
        BUILD.mkdir(exist_ok=True)
        tool, argv = shared_tool("make_vgg19_standin"), sys.argv
        sys.argv = ["make_vgg19_standin", str(path)]
        try:
            tool.main()
        finally:
            sys.argv = argv
    return path
