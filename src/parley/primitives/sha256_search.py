"""The one door to the search for a counter that makes a SHA-256 low.

    linear   SHA-256(prefix || counter), counter 8 bytes big endian
    hex      SHA-256(SHA-256(data || counter)), counter in lower-case hexadecimal without leading zeros

A digest, read as an integer, big endian, is good when it is below the target. Two engines search: the compiled
one, where it was built (native/sha256_search), in the fastest form that the processor has, and hashlib. The
compiled one lets other threads run meanwhile; hashlib does not, so several cores need several processes.

No compiled answer is believed: each form must find known answers before it is offered, and every counter that it
finds is hashed again with hashlib. A wrong one raises LocalError(WRONG_STATE), and who sees that goes on with
`HASHLIB`; nothing is remembered here. Why and how fast: docs/why/solver.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from parley.errors import ErrorCode, LocalError

__all__ = [
    "COUNTERS",
    "DATA_MAX_BYTES",
    "ENGINE",
    "ENGINES",
    "HASHLIB",
    "Engine",
    "HashlibEngine",
    "HexSearch",
    "LinearSearch",
    "NativeEngine",
    "NativeModule",
    "Search",
    "implementation",
    "open_engines",
    "search_hex",
    "search_linear",
]

COUNTERS: Final = 2**64
"""How many counters there are: 0 to 2**64 - 1."""

DATA_MAX_BYTES: Final = 4_096
"""The longest text in front of a counter."""

_DIGESTS: Final = 2**256
_DIGEST_BYTES: Final = 32
_COUNTER_BYTES: Final = 8
_NATIVE_MODULE: Final = "parley.primitives._sha256_search"


def _check(data: bytes, target: int) -> None:
    if len(data) > DATA_MAX_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, data_bytes=len(data), maximum_bytes=DATA_MAX_BYTES)
    if not 1 <= target <= _DIGESTS:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, fault="target")


def _check_range(first: int, tries: int) -> None:
    if not (tries >= 1 and 0 <= first <= COUNTERS - tries):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, first=first, tries=tries)


@dataclass(frozen=True, slots=True)
class LinearSearch:
    """A search of the linear form.

    Attributes:
        prefix: 0..4096 bytes in front of the counter; 32 for the project's own work.
        target: what a digest must be below, 1 <= target <= 2**256.
    """

    prefix: bytes
    target: int

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _check(self.prefix, self.target)

    def digest(self, counter: int) -> bytes:
        """Return the 32 bytes that a counter gives, 0 <= counter < 2**64."""
        return hashlib.sha256(self.prefix + counter.to_bytes(_COUNTER_BYTES, "big")).digest()

    def is_good(self, counter: int) -> bool:
        """Say whether a counter solves this."""
        return int.from_bytes(self.digest(counter), "big") < self.target


@dataclass(frozen=True, slots=True)
class HexSearch:
    """A search of the hexadecimal form, which BitMaelum uses.

    Attributes:
        data: 0..4096 bytes in front of the counter.
        target: what a digest must be below, 1 <= target <= 2**256; 2**(256 - bits) for leading zero bits.
    """

    data: bytes
    target: int

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _check(self.data, self.target)

    def digest(self, counter: int) -> bytes:
        """Return the 32 bytes that a counter gives, 0 <= counter < 2**64."""
        return hashlib.sha256(hashlib.sha256(self.data + b"%x" % counter).digest()).digest()

    def is_good(self, counter: int) -> bool:
        """Say whether a counter solves this."""
        return int.from_bytes(self.digest(counter), "big") < self.target


Search = LinearSearch | HexSearch


class Engine(Protocol):
    """One way to search."""

    @property
    def name(self) -> str:
        """Name the way: "hashlib", or the instructions it uses."""

    def find(self, search: Search, first: int, tries: int) -> int | None:
        """Return the smallest good counter in [first, first + tries), or None.

        Args:
            search: what to look for.
            first: the first counter to try.
            tries: how many, 1 or more; first + tries <= 2**64. The call returns only when they are done.

        Raises:
            LocalError: INVALID_ARGUMENT: the range; WRONG_STATE: a wrong answer, go on with another engine.
        """


@dataclass(frozen=True, slots=True)
class HashlibEngine:
    """Python's own hashlib, one core per process."""

    @property
    def name(self) -> str:
        """Return "hashlib"."""
        return "hashlib"

    def find(self, search: Search, first: int, tries: int) -> int | None:
        """Return the smallest good counter in the range, or None; see `Engine.find`.

        Raises:
            LocalError: INVALID_ARGUMENT: the range.
        """
        _check_range(first, tries)
        # Digests compare as bytes as they would as integers; a copied midstate saves a sixth of the time.
        highest = (search.target - 1).to_bytes(_DIGEST_BYTES, "big")
        if isinstance(search, LinearSearch):
            return self._find_linear(search.prefix, highest, range(first, first + tries))
        return self._find_hex(search.data, highest, range(first, first + tries))

    @staticmethod
    def _find_linear(prefix: bytes, highest: bytes, counters: range) -> int | None:
        copy = hashlib.sha256(prefix).copy
        for counter in counters:
            attempt = copy()
            attempt.update(counter.to_bytes(8, "big"))
            if attempt.digest() <= highest:
                return counter
        return None

    @staticmethod
    def _find_hex(data: bytes, highest: bytes, counters: range) -> int | None:
        copy, sha256 = hashlib.sha256(data).copy, hashlib.sha256
        for counter in counters:
            attempt = copy()
            attempt.update(b"%x" % counter)
            if sha256(attempt.digest()).digest() <= highest:
                return counter
        return None


class NativeModule(Protocol):
    """What the compiled module offers; it checks ranges by itself and raises ValueError or OverflowError."""

    def implementations(self) -> tuple[str, ...]:
        """Return what this processor can run, fastest first."""

    def search_linear(
        self, implementation: str, prefix: bytes, highest: bytes, first: int, tries: int, /
    ) -> int | None:
        """Search the linear form for a digest of at most `highest`, 32 bytes."""

    def search_hex(self, implementation: str, data: bytes, highest: bytes, first: int, tries: int, /) -> int | None:
        """Search the hexadecimal form for a digest of at most `highest`, 32 bytes."""


@dataclass(frozen=True, slots=True)
class NativeEngine:
    """One form of the compiled search; other threads run while it does.

    Attributes:
        module: the compiled one.
        name: which of its implementations.
    """

    module: NativeModule
    name: str

    def find(self, search: Search, first: int, tries: int) -> int | None:
        """Return the smallest good counter in the range, or None; see `Engine.find`.

        Raises:
            LocalError: INVALID_ARGUMENT: the range; WRONG_STATE: the answer is wrong.
        """
        _check_range(first, tries)
        highest = (search.target - 1).to_bytes(_DIGEST_BYTES, "big")
        if isinstance(search, LinearSearch):
            counter = self.module.search_linear(self.name, search.prefix, highest, first, tries)
        else:
            counter = self.module.search_hex(self.name, search.data, highest, first, tries)
        if counter is not None and not (first <= counter < first + tries and search.is_good(counter)):
            raise LocalError(ErrorCode.WRONG_STATE, fault="a counter found does not solve", engine=self.name)
        return counter


HASHLIB: Final = HashlibEngine()
"""The engine that is always there."""

_KNOWN_ANSWERS: Final = (
    # vectors/work/pow.json, "work of 1000 tries"
    (
        LinearSearch(
            bytes.fromhex("74dbf5ed021b438c64bf764d32e47278e580476f42816932373921ef036b6634"), _DIGESTS // 1_000
        ),
        493,
    ),
    # the smallest counter with ten leading zero bits, for a text of BitMaelum's own tests
    (HexSearch(b"john@example!", 2**246), 149),
)


def open_engines(module_name: str = _NATIVE_MODULE) -> tuple[Engine, ...]:
    """Return the engines that work here, the fastest first and hashlib last.

    A form of the compiled search that does not find what it should find is left out.
    """
    try:
        module = cast("NativeModule", import_module(module_name))
    except ImportError:
        return (HASHLIB,)
    engines = (NativeEngine(module, name) for name in module.implementations())
    return (*(engine for engine in engines if _finds_known_answers(engine)), HASHLIB)


def _finds_known_answers(engine: Engine) -> bool:
    try:
        return all(engine.find(search, 0, counter + 1) == counter for search, counter in _KNOWN_ANSWERS)
    except LocalError:
        return False


ENGINES: Final = open_engines()
"""What works on this machine, the fastest first; `HASHLIB` is the last."""

ENGINE: Final = ENGINES[0]
"""The fastest."""


def implementation() -> str:
    """Return the name of the fastest engine: "avx512", "sha_ni", "avx2", "portable" or "hashlib"."""
    return ENGINE.name


def search_linear(prefix: bytes, target: int, first: int, tries: int, *, engine: Engine = ENGINE) -> int | None:
    """Return the smallest counter in [first, first + tries) with SHA-256(prefix || counter) < target, or None.

    Args:
        prefix: 0..4096 bytes.
        target: 1 <= target <= 2**256.
        first: the first counter to try.
        tries: how many, 1 or more; first + tries <= 2**64.
        engine: which to use.

    Raises:
        LocalError: INVALID_ARGUMENT: out of range; WRONG_STATE: the engine is wrong, use `HASHLIB`.
    """
    return engine.find(LinearSearch(prefix, target), first, tries)


def search_hex(data: bytes, target: int, first: int, tries: int, *, engine: Engine = ENGINE) -> int | None:
    """Return the smallest counter in [first, first + tries) with SHA-256(SHA-256(data || hex)) < target, or None.

    Args:
        data: 0..4096 bytes.
        target: 1 <= target <= 2**256; 2**(256 - bits) for leading zero bits.
        first: the first counter to try.
        tries: how many, 1 or more; first + tries <= 2**64.
        engine: which to use.

    Raises:
        LocalError: INVALID_ARGUMENT: out of range; WRONG_STATE: the engine is wrong, use `HASHLIB`.

    Source: BitMaelum's pkg/proofofwork (vectors/work/bitmaelum.json).
    """
    return engine.find(HexSearch(data, target), first, tries)
