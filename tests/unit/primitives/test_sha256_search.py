"""Every engine that works here finds what a naive loop finds; what lies is not believed."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives.sha256_search import (
    COUNTERS,
    DATA_MAX_BYTES,
    ENGINE,
    ENGINES,
    HASHLIB,
    Engine,
    HexSearch,
    LinearSearch,
    NativeEngine,
    Search,
    implementation,
    open_engines,
    search_hex,
    search_linear,
)

NATIVE = [engine for engine in ENGINES if isinstance(engine, NativeEngine)]
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
both_forms = pytest.mark.parametrize("form", [LinearSearch, HexSearch])
JOHN = b"john@example!"
TEXT_44 = b"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="


def digest(form: type[Search], data: bytes, counter: int) -> int:
    """Hash as the two forms are written down, digit by digit."""
    if form is LinearSearch:
        return int.from_bytes(hashlib.sha256(data + counter.to_bytes(8, "big")).digest(), "big")
    text = format(counter, "x").encode()
    return int.from_bytes(hashlib.sha256(hashlib.sha256(data + text).digest()).digest(), "big")


def smallest(form: type[Search], data: bytes, target: int, counters: range) -> int | None:
    return next((counter for counter in counters if digest(form, data, counter) < target), None)


# Where the hexadecimal text gets longer, where the carry runs far, where the lanes begin, and both ends.
STARTS = [0, 1, 9, 15, 16, 250, 4_090, 0xFFF0, 0xFFFF_FFF0, 0xFFFF_FFFF_F7, 16**12 - 5, 2**63 - 8, COUNTERS - 40]
# Around the borders of blocks: padding in the same block, in one of its own, the counter across both.
SIZES = [0, 1, 31, 32, 33, 44, 47, 48, 54, 55, 56, 60, 63, 64, 65, 127, 128, 200]


@every_engine
@both_forms
@pytest.mark.parametrize("size_bytes", SIZES)
def test_it_finds_what_a_naive_loop_finds(engine: Engine, form: type[Search], size_bytes: int) -> None:
    data = bytes((7 * place + size_bytes) % 256 for place in range(size_bytes))
    target = 2**256 // 25
    for start in STARTS:
        expected = smallest(form, data, target, range(start, start + 40))
        assert engine.find(form(data, target), start, 40) == expected, start


@every_engine
@both_forms
@pytest.mark.parametrize("counter", [0, 1, 15, 16, 17, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, COUNTERS - 1])
def test_the_target_is_just_not_good_enough_itself(engine: Engine, form: type[Search], counter: int) -> None:
    reached = digest(form, TEXT_44, counter)
    assert engine.find(form(TEXT_44, reached + 1), counter, 1) == counter
    assert engine.find(form(TEXT_44, reached), counter, 1) is None


@every_engine
@both_forms
def test_nothing_outside_of_the_range_is_found(engine: Engine, form: type[Search]) -> None:
    everything, nothing = form(b"x", 2**256), form(b"x", 1)
    for start in range(20):
        for tries in range(1, 40):
            assert engine.find(everything, start, tries) == start
            assert engine.find(nothing, start, tries) is None
    only = digest(form, b"x", 300) + 1  # small enough that none of the neighbours reaches it
    low = form(b"x", only)
    neighbours = [counter for counter in range(280, 320) if digest(form, b"x", counter) < only]
    for start in range(280, 300):
        expected = [counter for counter in neighbours if counter >= start]
        assert engine.find(low, start, 320 - start) == expected[0]
        assert engine.find(low, start, expected[0] - start + 1) == expected[0]
        if expected[0] > start:
            assert engine.find(low, start, expected[0] - start) is None


@every_engine
@both_forms
def test_the_last_counter_is_tried_and_none_behind_it(engine: Engine, form: type[Search]) -> None:
    last = COUNTERS - 1
    assert engine.find(form(JOHN, 2**256), last, 1) == last
    assert engine.find(form(JOHN, 1), COUNTERS - 100, 100) is None
    with pytest.raises(LocalError) as caught:
        engine.find(form(JOHN, 1), COUNTERS - 100, 101)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@every_engine
@pytest.mark.parametrize(("first", "tries"), [(0, 0), (0, -1), (-1, 2), (COUNTERS, 1), (0, COUNTERS + 1)])
def test_a_range_has_limits(engine: Engine, first: int, tries: int) -> None:
    with pytest.raises(LocalError) as caught:
        engine.find(LinearSearch(bytes(32), 1), first, tries)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@every_engine
@pytest.mark.parametrize(
    ("data", "bits", "counter"),
    [
        # the smallest counters that BitMaelum's own program finds; the digests are in the specification of the work
        (JOHN, 8, 149),
        (b"jane@example!", 8, 98),
        (JOHN, 16, 123_848),
        (TEXT_44, 20, 1_952_106),
        (TEXT_44, 22, 2_123_492),
        (TEXT_44, 25, 73_946_232),
        (b"seed-217", 8, 0),
    ],
)
def test_it_finds_what_bitmaelum_finds(engine: Engine, data: bytes, bits: int, counter: int) -> None:
    first = max(0, counter - 3_000)
    assert search_hex(data, 2 ** (256 - bits), first, counter - first, engine=engine) is None if counter else True
    assert search_hex(data, 2 ** (256 - bits), first, 5_000, engine=engine) == counter


@every_engine
def test_it_finds_what_the_vectors_of_the_linear_form_say(engine: Engine) -> None:
    prefix = bytes.fromhex("9b475149a4f015ab04859363b6584b7bb1d16d5a9a184f26862703961c622d07")
    target = 2**240 - 1
    assert search_linear(prefix, target, 0, 49_868, engine=engine) is None
    assert search_linear(prefix, target, 0, 60_000, engine=engine) == 49_868


@both_forms
def test_what_cannot_be_searched_is_refused(form: type[Search]) -> None:
    assert form(bytes(DATA_MAX_BYTES), 2**256).is_good(0)
    for data, target in [(bytes(DATA_MAX_BYTES + 1), 1), (b"", 0), (b"", -1), (b"", 2**256 + 1)]:
        with pytest.raises(LocalError):
            form(data, target)


@every_engine
@both_forms
def test_the_longest_data(engine: Engine, form: type[Search]) -> None:
    data = bytes(range(256)) * 16
    target = 2**256 // 30
    assert engine.find(form(data, target), 240, 100) == smallest(form, data, target, range(240, 340))


def test_hashlib_is_always_there_and_last() -> None:
    assert ENGINES[-1] == HASHLIB
    assert ENGINES[0] == ENGINE
    assert implementation() == ENGINE.name
    assert open_engines("parley.primitives.not_compiled") == (HASHLIB,)


@dataclass
class Compiled:
    """A compiled module that says what it is told to."""

    says: int | None

    def implementations(self) -> tuple[str, ...]:
        return ("odd", "even")

    def search_linear(self, implementation: str, data: bytes, highest: bytes, first: int, tries: int, /) -> int | None:
        del implementation, data, highest, first, tries
        return self.says

    def search_hex(self, implementation: str, data: bytes, highest: bytes, first: int, tries: int, /) -> int | None:
        del implementation, data, highest, first, tries
        return self.says


@both_forms
def test_a_wrong_answer_is_not_passed_on(form: type[Search]) -> None:
    liar = NativeEngine(Compiled(says=5), "odd")
    with pytest.raises(LocalError) as caught:
        liar.find(form(JOHN, 1), 0, 10)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert caught.value.facts["engine"] == "odd"


@both_forms
@pytest.mark.parametrize("first", [0, 6])
def test_a_good_counter_that_was_not_asked_for_is_a_wrong_answer_too(form: type[Search], first: int) -> None:
    engine = NativeEngine(Compiled(says=5), "odd")
    assert engine.find(form(JOHN, 2**256), 5, 1) == 5
    with pytest.raises(LocalError):
        engine.find(form(JOHN, 2**256), first, 5)


@pytest.mark.parametrize("says", [None, 5, 493, 149])
def test_a_compiled_form_that_misses_or_invents_an_answer_is_not_offered(
    says: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("compiled_elsewhere")
    for name in ("implementations", "search_linear", "search_hex"):
        setattr(module, name, getattr(Compiled(says), name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert open_engines(module.__name__) == (HASHLIB,)


@pytest.mark.skipif(not NATIVE, reason="the extension was not built")
class TestCompiled:
    """The compiled module checks what it is given, whoever calls it."""

    @pytest.mark.parametrize("form", ["search_linear", "search_hex"])
    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (("portable", b"", bytes(31), 0, 1), "out of range"),
            (("portable", b"", bytes(33), 0, 1), "out of range"),
            (("portable", b"", bytes(32), 0, 0), "out of range"),
            (("portable", b"", bytes(32), COUNTERS - 1, 2), "out of range"),
            (("abacus", b"", bytes(32), 0, 1), "this processor has no abacus"),
        ],
    )
    def test_out_of_range(self, form: str, arguments: tuple[object, ...], error: str) -> None:
        with pytest.raises(ValueError, match=error):
            getattr(NATIVE[0].module, form)(*arguments)

    @pytest.mark.parametrize(("first", "tries"), [(-1, 1), (0, -1), (COUNTERS, 1), (0, COUNTERS)])
    def test_beyond_64_bits(self, first: int, tries: int) -> None:
        with pytest.raises(OverflowError):
            NATIVE[0].module.search_hex("portable", b"", bytes(32), first, tries)

    def test_wrong_types(self) -> None:
        with pytest.raises(TypeError):
            NATIVE[0].module.search_hex("portable", "text", bytes(32), 0, 1)  # type: ignore[arg-type]  # on purpose

    def test_the_portable_form_is_always_among_them(self) -> None:
        assert "portable" in NATIVE[0].module.implementations()
        assert [engine.name for engine in NATIVE] == list(NATIVE[0].module.implementations())
