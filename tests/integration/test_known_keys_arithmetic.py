"""The arithmetic under the tables of known keys is that of Python's integers, also where nothing random ever gets.

Whole signatures reach most of it; a carry through three limbs, which one product in 2**128 has, they do not. So the
sources are compiled once more, and their functions are called one by one.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterable
from functools import reduce
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.bip340 import N, P
from tests.oracles.forced_signatures import LAMBDA, G, Point, add, lift, multiply, negate

SOURCES = Path(__file__).parents[2] / "native" / "known_keys"
COMPILER = shutil.which("cc")
FLAGS = {"plain": ["-O0"], "optimized": ["-O3"]}
WHOLE = 2**256
GAP = WHOLE - P

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")

UNIT = """
#include <stdlib.h>
#include "inverse.h"
#include "points.h"
#include "scalar.h"
typedef struct number number;
void fold_field(number *to, const uint64_t *wide) { *to = field_fold(wide); }
void multiply_field(number *to, const number *a, const number *b) { *to = field_multiply(a, b); }
void add_field(number *to, const number *a, const number *b) { *to = field_add(a, b); }
void subtract_field(number *to, const number *a, const number *b) { *to = field_subtract(a, b); }
void multiply_scalars(number *to, const number *a, const number *b) { *to = scalar_multiply(a, b); }
void reduce_scalar(number *to, const number *a) { *to = scalar_reduce(a); }
void negate_scalar(number *to, const number *a) { *to = scalar_negate(a); }
void invert_field(number *to, const number *a) { *to = invert(a, &field_modulus); }
void invert_scalar(number *to, const number *a) { *to = invert(a, &scalar_modulus); }
void add_points(struct point *to, const struct point *left, const struct point *right, size_t count)
{
    struct sum *sums = malloc(count * sizeof *sums);
    for (size_t i = 0; i < count; i++)
        sums[i] = (struct sum){.left = &left[i], .right = &right[i], .total = &to[i]};
    make_sums(sums, count);
    free(sums);
}
void copy_table(struct point *to, const struct point *base, int width)
{
    struct table *table = make_table(base, width);
    for (int i = 0; i < table->positions * table->multiples; i++)
        to[i] = table->points[i];
    free(table);
}
"""


class Arithmetic:
    """The compiled functions, on integers and points."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def __call__(self, name: str, *numbers: int) -> int:
        result = ctypes.create_string_buffer(32)
        self._library[name](result, *(number.to_bytes(32, "little") for number in numbers))
        return int.from_bytes(result.raw, "little")

    def fold(self, wide: int) -> int:
        result = ctypes.create_string_buffer(32)
        self._library.fold_field(result, wide.to_bytes(64, "little"))
        return int.from_bytes(result.raw, "little")

    def digits(self, number: int, width: int) -> list[int]:
        digits = (ctypes.c_int * 64)(*[9999] * 64)
        self._library.split_scalar(digits, number.to_bytes(32, "little"), width)
        return [digit for digit in digits if digit != 9999]

    def add_points(self, pairs: list[tuple[Point | None, Point | None]]) -> list[Point | None]:
        totals = ctypes.create_string_buffer(64 * len(pairs))
        lefts, rights = (b"".join(map(_write, side)) for side in zip(*pairs, strict=True))
        self._library.add_points(totals, lefts, rights, ctypes.c_size_t(len(pairs)))
        return _read(totals.raw)

    def table(self, base: Point, width: int) -> list[Point | None]:
        points = ctypes.create_string_buffer(64 * (255 // width + 1) * 2 ** (width - 1))
        self._library.copy_table(points, _write(base), width)
        return _read(points.raw)


def _write(point: Point | None) -> bytes:
    x, y = point or (0, 0)
    return x.to_bytes(32, "little") + y.to_bytes(32, "little")


def _read(written: bytes) -> list[Point | None]:
    numbers = [int.from_bytes(written[place : place + 32], "little") for place in range(0, len(written), 32)]
    return [point if point != (0, 0) else None for point in zip(numbers[::2], numbers[1::2], strict=True)]


@pytest.fixture(scope="module", params=FLAGS)
def arithmetic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Arithmetic:
    """Compile the sources as a library."""
    folder = tmp_path_factory.mktemp("arithmetic")
    unit, library = folder / "unit.c", folder / "arithmetic.so"
    unit.write_text(UNIT)
    sources = [unit, *(SOURCES / name for name in ("inverse.c", "scalar.c", "points.c"))]
    flags = ["-shared", "-fPIC", "-std=c11", *FLAGS[request.param], f"-I{SOURCES}", "-o", str(library)]
    subprocess.run([str(COMPILER), *flags, *map(str, sources)], check=True, capture_output=True)
    return Arithmetic(library)


def edges(modulus: int) -> list[int]:
    """Return residues around everything that has an end, and limbs that are full or empty in all ways."""
    ends = [0, GAP, P, N, WHOLE, WHOLE - N, N // 2, P // 2, 2**32, 2**64, 2**128, 2**192, 2**255]
    near = [end + step for end in ends for step in (-2, -1, 0, 1, 2)]
    limbs = [sum(limb << 64 * place for place, limb in enumerate(some)) for some in product((0, 2**64 - 1), repeat=4)]
    return sorted({number for number in near + limbs if 0 <= number < modulus})


def residues(modulus: int) -> st.SearchStrategy[int]:
    return st.sampled_from(edges(modulus)) | st.integers(0, modulus - 1)


def test_the_field_at_its_edges(arithmetic: Arithmetic) -> None:
    for a, b in product(edges(P), repeat=2):
        assert arithmetic("multiply_field", a, b) == a * b % P, (a, b)
        assert arithmetic("add_field", a, b) == (a + b) % P, (a, b)
        assert arithmetic("subtract_field", a, b) == (a - b) % P, (a, b)


def test_every_carry_of_a_fold(arithmetic: Arithmetic) -> None:
    """The upper half folds to some 290 bits; the lower half is chosen so that the sum ends where a carry runs on."""
    for upper in edges(WHOLE):
        carried = upper * GAP // WHOLE
        borders = [0, P, -(carried * GAP), -((carried + 1) * GAP), P - carried * GAP, P - (carried + 1) * GAP]
        borders += [WHOLE - 2**128, WHOLE - 2**192, 2**128 - carried * GAP, 2**192 - (carried + 1) * GAP]
        for border, step in product(borders, (-GAP, -2, -1, 0, 1, 2, GAP)):
            wide = upper * WHOLE + (border + step - upper * GAP) % WHOLE
            assert arithmetic.fold(wide) == wide % P, wide


@given(st.integers(0, WHOLE**2 - 1))
def test_any_fold(arithmetic: Arithmetic, wide: int) -> None:
    assert arithmetic.fold(wide) == wide % P


@given(residues(P), residues(P))
def test_the_field_anywhere(arithmetic: Arithmetic, a: int, b: int) -> None:
    assert arithmetic("multiply_field", a, b) == a * b % P
    assert arithmetic("add_field", a, b) == (a + b) % P
    assert arithmetic("subtract_field", a, b) == (a - b) % P


def test_scalars_at_their_edges(arithmetic: Arithmetic) -> None:
    for a, b in product(edges(N), repeat=2):
        assert arithmetic("multiply_scalars", a, b) == a * b % N, (a, b)
    for a in edges(WHOLE):
        assert arithmetic("reduce_scalar", a) == a % N, a
        if 0 < a < N:
            assert arithmetic("negate_scalar", a) == N - a, a


@given(residues(N), residues(N))
def test_scalars_anywhere(arithmetic: Arithmetic, a: int, b: int) -> None:
    assert arithmetic("multiply_scalars", a, b) == a * b % N


@pytest.mark.parametrize(("name", "modulus"), [("invert_field", P), ("invert_scalar", N)])
def test_inverses_of_edges(arithmetic: Arithmetic, name: str, modulus: int) -> None:
    powers = [2**place % modulus for place in range(256)]
    small = [pow(number, -1, modulus) for number in range(1, 300)]
    for number in [*edges(modulus)[1:], *powers, *(modulus - one for one in powers), *small]:
        assert arithmetic(name, number) == pow(number, -1, modulus), number


@given(residues(P).filter(bool), residues(N).filter(bool))
def test_inverses_anywhere(arithmetic: Arithmetic, a: int, b: int) -> None:
    assert arithmetic("invert_field", a) == pow(a, -1, P)
    assert arithmetic("invert_scalar", b) == pow(b, -1, N)


def check_digits(arithmetic: Arithmetic, number: int) -> None:
    for width in (4, 5, 6, 7, 8):
        digits = arithmetic.digits(number, width)
        assert len(digits) == 255 // width + 1
        assert all(abs(digit) <= 2 ** (width - 1) for digit in digits)
        assert sum(digit << width * place for place, digit in enumerate(digits)) == number


def test_digits_at_the_edges(arithmetic: Arithmetic) -> None:
    for number in [*edges(N // 2 + 1), N // 2, *(2**place - 1 for place in range(255))]:
        check_digits(arithmetic, number)
    for width, digit in product((4, 5, 8), (7, 8, 9, 15, 16, 17, 127, 128, 129, 255)):
        check_digits(arithmetic, sum(digit << place for place in range(0, 240, width)) % 2**254)


@given(st.integers(0, N // 2))
def test_digits_anywhere(arithmetic: Arithmetic, number: int) -> None:
    check_digits(arithmetic, number)


def some_points() -> list[Point | None]:
    """Return points whose sums meet, those whose x or y are the same or nearly, and those at the ends of the field."""
    multiples = [multiply(G, scalar) for scalar in (1, 2, 3, 4, 5, 8, LAMBDA, LAMBDA * LAMBDA, LAMBDA - 1)]
    alike = [number + 2**place for number in range(1, 6) for place in (64, 128, 192, 255)]
    ends: Iterable[int] = (*range(1, 6), *alike, *range(P - 5, P), *range(N - 3, N + 3))
    points = [point for point in [*multiples, *(lift(x, odd=0) for x in ends)] if point is not None]
    return [None, *points, *map(negate, points)]


def test_every_sum_of_two_points(arithmetic: Arithmetic) -> None:
    """In one call, so that every kind stands beside every other."""
    pairs = list(product(some_points(), some_points()))
    assert arithmetic.add_points(pairs) == [add(left, right) for left, right in pairs]
    for pair in pairs:
        assert arithmetic.add_points([pair]) == [add(*pair)]


@pytest.mark.parametrize(("scalar", "width"), [(1, 8), (1, 5), (N - 1, 5), (2**40, 5), (LAMBDA, 4), (3**90, 5), (7, 6)])
def test_every_point_of_a_table(arithmetic: Arithmetic, scalar: int, width: int) -> None:
    base = multiply(G, scalar)
    assert base is not None
    expected: list[Point | None] = []
    first: Point | None = base
    for _ in range(255 // width + 1):
        row = [first]
        for _ in range(2 ** (width - 1) - 1):
            row.append(add(row[-1], first))
        expected += row
        first = reduce(lambda point, _: add(point, point), range(width), first)
    assert arithmetic.table(base, width) == expected
