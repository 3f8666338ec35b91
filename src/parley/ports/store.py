"""The durable store: claims, journals and documents that survive the process.

**Durability.** When a call that writes has returned, `kill -9` loses nothing of it, and a power cut loses
nothing of it either where the disk keeps what it confirmed. A call that raised UnavailableError, or whose
task was cancelled, may or may not have been applied; every write here may therefore be repeated, and the
repeat is harmless. An adapter that keeps everything in memory says so, and is for tests and simulations.

**Sharing.** Several processes may open one store; each call is one atomic step among all of them.

Every method raises LocalError for an argument out of range, and UnavailableError where the store does not
answer, with SHUTTING_DOWN once it is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from parley.errors import ErrorCode, LocalError
from parley.primitives.instants import Instant
from parley.protocol.claims import Outcome

__all__ = [
    "NAME_MAX_BYTES",
    "UINT_MAX",
    "VALUE_MAX_BYTES",
    "Claims",
    "Document",
    "Documents",
    "Journal",
    "JournalEntry",
    "Store",
    "check_name",
    "check_uint",
    "check_value",
]

NAME_MAX_BYTES: Final = 255
"""The longest name of a machine, a namespace or a document, in bytes of UTF-8."""

VALUE_MAX_BYTES: Final = 1_048_576
"""The largest entry and the largest document, in bytes."""

UINT_MAX: Final = 2**63 - 1
"""The largest run and the largest sequence number."""


class Claims(Protocol):
    """Keys that are spent at most once; the rule is `parley.protocol.claims.judge`."""

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        """Claim a key for an owner, in one atomic step.

        Args:
            key: 1..64 bytes, what is spent.
            owner: 1..64 bytes, the one act that spends it.
            expires_ms: the first moment at which the claim binds nobody.
            now: the moment of the claim.

        Raises:
            ConflictError: EXPIRED: the claim would have lapsed already.
        """

    async def prune(self, now: Instant) -> int:
        """Forget the claims that have lapsed, which changes no answer.

        Returns:
            How many were forgotten.
        """


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One input of one run of a machine.

    Attributes:
        sequence: its place, ascending without repeats; there may be gaps.
        entry: at most 1 MiB, as the machine's driver encoded it.
    """

    sequence: int
    entry: bytes


class Journal(Protocol):
    """The inputs of machines, so that a restart replays them."""

    async def append(self, machine: str, run: int, sequence: int, entry: bytes) -> None:
        """Keep one input; the same entry once more is harmless.

        Args:
            machine: name, 1..255 bytes of UTF-8.
            run: of the machine, 0 <= run < 2**63.
            sequence: the place of the entry, 0 <= sequence < 2**63.
            entry: at most 1 MiB.

        Raises:
            ConflictError: WRONG_STATE: another entry has that place.
        """

    async def entries(self, machine: str, run: int) -> tuple[JournalEntry, ...]:
        """Return all entries of a run, by ascending sequence; none for an unknown run."""

    async def runs(self, machine: str) -> tuple[int, ...]:
        """Return the runs of a machine that have entries, ascending: what a restart has to resume."""

    async def forget(self, machine: str, run: int) -> None:
        """Drop all entries of a run; an unknown run is dropped already."""


@dataclass(frozen=True, slots=True)
class Document:
    """One value under its name.

    Attributes:
        key: 1..255 bytes of UTF-8.
        value: at most 1 MiB.
    """

    key: str
    value: bytes


class Documents(Protocol):
    """Small values under names, in namespaces that know nothing of each other."""

    async def get(self, namespace: str, key: str) -> bytes | None:
        """Return a value, or None."""

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        """Keep a value in place of what was there.

        Args:
            namespace: 1..255 bytes of UTF-8.
            key: 1..255 bytes of UTF-8.
            value: at most 1 MiB.
        """

    async def delete(self, namespace: str, key: str) -> bool:
        """Drop a value; return whether there was one."""

    async def list(self, namespace: str) -> tuple[Document, ...]:
        """Return all documents of a namespace, ascending by the UTF-8 of their keys."""


class Store(Protocol):
    """One durable store with its three tables."""

    @property
    def claims(self) -> Claims:
        """Return the claims."""

    @property
    def journal(self) -> Journal:
        """Return the journal."""

    @property
    def documents(self) -> Documents:
        """Return the documents."""

    async def close(self) -> None:
        """Finish what was asked for and let go of the store; closing twice is harmless."""


def check_name(name: str) -> None:
    """Check the name of a machine, a namespace or a document.

    Raises:
        LocalError: not 1..255 bytes of UTF-8.
    """
    try:
        size_bytes = len(name.encode())
    except UnicodeEncodeError as error:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, surrogate_at=error.start) from None
    if not 1 <= size_bytes <= NAME_MAX_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, name_bytes=size_bytes, maximum_bytes=NAME_MAX_BYTES)


def check_uint(number: int) -> None:
    """Check a run or a sequence number.

    Raises:
        LocalError: not in [0, 2**63).
    """
    if not 0 <= number <= UINT_MAX:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, number=number, maximum=UINT_MAX)


def check_value(value: bytes) -> None:
    """Check the size of an entry or of a document.

    Raises:
        LocalError: above 1 MiB.
    """
    if len(value) > VALUE_MAX_BYTES:
        raise LocalError(ErrorCode.TOO_LARGE, size_bytes=len(value), maximum_bytes=VALUE_MAX_BYTES)
