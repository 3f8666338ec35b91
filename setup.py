"""Build the optional extension; all else about the package is in pyproject.toml.

Each source of the search is compiled with flags of its own, which setuptools cannot say by itself. Without a
compiler, or with one that does not know the flags, the package installs without the extension and searches
with hashlib.
"""

from __future__ import annotations

import platform

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FOLDER = "native/sha256_search"
IS_X86_64 = platform.machine().lower() in {"x86_64", "amd64"}
# Flags that are set from outside (CFLAGS=-march=native) come first, so what stands here has the last word.
UNITS = {
    "unit_portable.c": [],
    "unit_avx2.c": ["-mavx2"] if IS_X86_64 else [],
    "unit_avx512.c": ["-mavx512f", "-mprefer-vector-width=512"] if IS_X86_64 else [],
    "unit_sha_ni.c": ["-msse4.1", "-msha", "-mno-avx"] if IS_X86_64 else [],
}
OPTIMIZE = ["-O3", "-std=c11"]


class BuildUnits(build_ext):
    """Compile the units first, each with its flags, and link them in."""

    def build_extension(self, ext: Extension) -> None:
        """Compile and link one extension; a failure is the caller's to forgive, since the extension is optional."""
        for name, flags in UNITS.items():
            ext.extra_objects += self.compiler.compile(
                [f"{FOLDER}/{name}"],
                output_dir=self.build_temp,
                extra_postargs=[*OPTIMIZE, *flags],
                depends=ext.depends,
            )
        super().build_extension(ext)


setup(
    cmdclass={"build_ext": BuildUnits},
    ext_modules=[
        Extension(
            "parley.primitives._sha256_search",
            sources=[f"{FOLDER}/module.c", f"{FOLDER}/group.c"],
            depends=[f"{FOLDER}/group.h", f"{FOLDER}/lanes.h", *(f"{FOLDER}/{name}" for name in UNITS)],
            extra_compile_args=OPTIMIZE,
            optional=True,
        )
    ],
)
