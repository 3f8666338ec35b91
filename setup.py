"""Build the optional extensions; all else about the package is in pyproject.toml.

Each source of the search is compiled with flags of its own, which setuptools cannot say by itself. Without a
compiler, or with one that does not know the flags or has no integers of 128 bits, the package installs without the
extension, searches with hashlib and recovers every key.
"""

from __future__ import annotations

import platform
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SEARCH = "native/sha256_search"
KEYS = "native/known_keys"
IS_X86_64 = platform.machine().lower() in {"x86_64", "amd64"}
# Flags that are set from outside (CFLAGS=-march=native) come first, so what stands here has the last word.
UNITS = {
    "unit_portable.c": [],
    "unit_avx2.c": ["-mavx2"] if IS_X86_64 else [],
    "unit_avx512.c": ["-mavx512f", "-mprefer-vector-width=512"] if IS_X86_64 else [],
    "unit_sha_ni.c": ["-msse4.1", "-msha", "-mno-avx"] if IS_X86_64 else [],
}
OPTIMIZE = ["-O3", "-std=c11"]
SEARCHING = Extension(
    "parley.primitives._sha256_search",
    sources=[f"{SEARCH}/module.c", f"{SEARCH}/group.c"],
    depends=[f"{SEARCH}/group.h", f"{SEARCH}/lanes.h", *(f"{SEARCH}/{name}" for name in UNITS)],
    extra_compile_args=OPTIMIZE,
    optional=True,
)
JUDGING = Extension(
    "parley.primitives._known_keys",
    sources=sorted(path.as_posix() for path in Path(KEYS).glob("*.c")),
    depends=sorted(path.as_posix() for path in Path(KEYS).glob("*.h")),
    extra_compile_args=OPTIMIZE,
    optional=True,
)


class BuildUnits(build_ext):
    """Compile the units of the search first, each with its flags, and link them in."""

    def build_extension(self, ext: Extension) -> None:
        """Compile and link one extension; a failure is the caller's to forgive, since the extension is optional."""
        for name, flags in UNITS.items() if ext is SEARCHING else ():
            ext.extra_objects += self.compiler.compile(
                [f"{SEARCH}/{name}"],
                output_dir=self.build_temp,
                extra_postargs=[*OPTIMIZE, *flags],
                depends=ext.depends,
            )
        super().build_extension(ext)


setup(cmdclass={"build_ext": BuildUnits}, ext_modules=[SEARCHING, JUDGING])
