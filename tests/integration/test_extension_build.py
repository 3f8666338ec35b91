"""The extension builds where it can, and stands in nobody's way where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HAS_HEADERS = (Path(sysconfig.get_path("include")) / "Python.h").exists()
NEEDS_COMPILER = pytest.mark.skipif(shutil.which("cc") is None or not HAS_HEADERS, reason="no compiler, or no Python.h")


def build(folder: Path, **settings: str) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
    """Build the extension from a copy of the sources, and return what it made."""
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "native", folder / "native")
    (folder / "src" / "parley").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "parley" / "__init__.py", folder / "src" / "parley")
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--build-lib", "made"],
        cwd=folder,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, list((folder / "made").rglob("_sha256_search*"))


@pytest.mark.parametrize("compiler", ["/bin/false", "/nowhere/cc"])
def test_without_a_compiler_the_build_goes_on(tmp_path: Path, compiler: str) -> None:
    done, made = build(tmp_path, CC=compiler)
    assert done.returncode == 0, done.stderr
    assert made == []


@NEEDS_COMPILER
@pytest.mark.parametrize("flags", ["", "-march=native"])
def test_with_a_compiler_it_is_made_whatever_flags_are_set(tmp_path: Path, flags: str) -> None:
    done, made = build(tmp_path, CFLAGS=flags)
    assert done.returncode == 0, done.stderr
    assert len(made) == 1
    find = (
        "import _sha256_search as made\n"
        "for name in made.implementations():\n"
        "    print(made.search_hex(name, b'john@example!', bytes(1) + bytes([63]) + bytes(30), 0, 1000))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", find],
        env={**os.environ, "PYTHONPATH": str(made[0].parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(found.stdout.split()) == {"149"}


@NEEDS_COMPILER
def test_the_sources_give_no_warning(tmp_path: Path) -> None:
    warnings = "-Wall -Wextra -Wconversion -Wno-sign-conversion -Werror"
    done, made = build(tmp_path, CFLAGS=warnings)
    assert done.returncode == 0, done.stderr
    assert len(made) == 1, done.stderr
