"""The text for wide vectors is right on any processor: compiled without its flags, it runs on narrow ones.

So the sixteen lanes of AVX-512 are tested where there is no AVX-512; that the compiler translates them well for it,
the known answers at load time say there.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

SOURCES = Path(__file__).parents[2] / "native" / "sha256_search"
COMPILER = shutil.which("cc")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")

Find = Callable[[bytes, bool, int, int, int], int | None]


class Searched(ctypes.Structure):
    """`struct search` of group.h."""

    _fields_: ClassVar[list[tuple[str, Any]]] = [
        ("data", ctypes.c_char_p),
        ("size_bytes", ctypes.c_size_t),
        ("is_hex", ctypes.c_int),
        ("highest", ctypes.c_uint32 * 8),
        ("first", ctypes.c_uint64),
        ("last", ctypes.c_uint64),
    ]


@pytest.fixture(scope="module", params=[1, 2, 4, 8, 16], ids="{} lanes".format)
def find(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Find:
    """Compile a search with that many lanes for whatever processor this is."""
    folder = tmp_path_factory.mktemp("lanes")
    unit = folder / "unit.c"
    unit.write_text(f'#define LANES {request.param}\n#define SCREEN screen_here\n#include "lanes.h"\n')
    library = folder / "search.so"
    flags = ["-shared", "-fPIC", "-O1", "-std=c11", "-Wno-psabi", f"-I{SOURCES}", "-o", str(library)]
    subprocess.run([str(COMPILER), *flags, str(unit), str(SOURCES / "group.c")], check=True, capture_output=True)
    loaded = ctypes.CDLL(str(library))

    def search(data: bytes, is_hex: bool, target: int, first: int, tries: int) -> int | None:  # noqa: FBT001
        words = (target - 1).to_bytes(32, "big")
        highest = (ctypes.c_uint32 * 8)(*(int.from_bytes(words[at : at + 4], "big") for at in range(0, 32, 4)))
        searched = Searched(data, len(data), is_hex, highest, first, first + tries - 1)
        found = ctypes.c_uint64()
        is_found = loaded.search_run(ctypes.byref(searched), loaded.screen_here, ctypes.byref(found))
        return found.value if is_found else None

    return search


def digest(data: bytes, counter: int, *, is_hex: bool) -> int:
    if not is_hex:
        return int.from_bytes(hashlib.sha256(data + counter.to_bytes(8, "big")).digest(), "big")
    return int.from_bytes(hashlib.sha256(hashlib.sha256(data + b"%x" % counter).digest()).digest(), "big")


@pytest.mark.parametrize("is_hex", [False, True], ids=["linear", "hex"])
@pytest.mark.parametrize("size_bytes", [0, 13, 31, 32, 44, 47, 55, 60, 63, 64, 100])
def test_any_number_of_lanes_finds_the_same(find: Find, size_bytes: int, *, is_hex: bool) -> None:
    data = bytes(range(1, size_bytes + 1))
    for first in (0, 7, 240, 4_080, 16**6 - 20, 2**32 - 30, 2**64 - 50):
        for rarity in (1, 10, 40):
            target = 2**256 // rarity
            counters = range(first, first + 50)
            expected = next((one for one in counters if digest(data, one, is_hex=is_hex) < target), None)
            assert find(data, is_hex, target, first, 50) == expected, (first, rarity)
