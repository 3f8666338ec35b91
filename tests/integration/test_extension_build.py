"""The extensions build where they can, and stand in nobody's way where they cannot."""

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
EXTENSIONS = ("_known_keys", "_sha256_search")
NEEDS_COMPILER = pytest.mark.skipif(shutil.which("cc") is None or not HAS_HEADERS, reason="no compiler, or no Python.h")


def build(folder: Path, **settings: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Path]]:
    """Build the extensions from a copy of the sources, and return what was made by its name."""
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
    return done, {path.name.split(".")[0]: path for path in (folder / "made").rglob("*") if path.is_file()}


def run(made: Path, program: str) -> str:
    """Run a program beside what was made; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(made.parent)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("compiler", ["/bin/false", "/nowhere/cc"])
def test_without_a_compiler_the_build_goes_on(tmp_path: Path, compiler: str) -> None:
    done, made = build(tmp_path, CC=compiler)
    assert done.returncode == 0, done.stderr
    assert made == {}


@NEEDS_COMPILER
@pytest.mark.parametrize("flags", ["", "-march=native"])
def test_with_a_compiler_it_is_made_whatever_flags_are_set(tmp_path: Path, flags: str) -> None:
    done, made = build(tmp_path, CFLAGS=flags)
    assert done.returncode == 0, done.stderr
    assert sorted(made) == sorted(EXTENSIONS)
    find = (
        "import _sha256_search as made\n"
        "for name in made.implementations():\n"
        "    print(made.search_hex(name, b'john@example!', bytes(1) + bytes([63]) + bytes(30), 0, 1000))\n"
    )
    assert set(run(made["_sha256_search"], find).split()) == {"149"}
    # The first case of vectors/ecdsa/rfc6979.json; its key is the generator.
    judge = (
        "import _known_keys as made\n"
        "table = made.make_table(bytes.fromhex('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'\n"
        "    '483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8'))\n"
        "digest = bytes.fromhex('a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e')\n"
        "signature = bytes.fromhex('934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8'\n"
        "    '2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e51c')\n"
        "print(*made.judge(table, digest * 2, signature + signature[:64] + bytes([27])))\n"
    )
    assert run(made["_known_keys"], judge).split() == ["1", "0"]


@NEEDS_COMPILER
def test_the_sources_give_no_warning(tmp_path: Path) -> None:
    warnings = "-Wall -Wextra -Wconversion -Wno-sign-conversion -Werror"
    done, made = build(tmp_path, CFLAGS=warnings)
    assert done.returncode == 0, done.stderr
    assert sorted(made) == sorted(EXTENSIONS), done.stderr


@NEEDS_COMPILER
def test_without_integers_of_128_bits_only_the_keys_are_left_out(tmp_path: Path) -> None:
    done, made = build(tmp_path, CFLAGS="-U__SIZEOF_INT128__")
    assert done.returncode == 0, done.stderr
    assert list(made) == ["_sha256_search"]
    assert "no integers of 128 bits here" in done.stderr
