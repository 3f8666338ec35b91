"""The durable store's three tables in memory: the same answers, and nothing survives the process."""

from __future__ import annotations

from parley.errors import ConflictError, ErrorCode, UnavailableError
from parley.ports.store import Document, JournalEntry, check_name, check_uint, check_value
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Claim, Outcome, has_lapsed, judge

__all__ = ["MemoryClaims", "MemoryDocuments", "MemoryJournal", "MemoryStore"]


class _Door:
    """Whether the store is open; shared by its tables."""

    def __init__(self) -> None:
        self._is_open = True

    def enter(self) -> None:
        if not self._is_open:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)

    def shut(self) -> None:
        self._is_open = False


class MemoryClaims:
    """Claims in a dictionary. No call awaits anything, so each is one step among all tasks of its loop."""

    def __init__(self, door: _Door) -> None:
        """Start without claims."""
        self._door = door
        self._held: dict[bytes, Claim] = {}

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        """Claim a key for an owner; see `parley.ports.store.Claims`."""
        self._door.enter()
        wanted = Claim(key, owner, expires_ms)
        outcome = judge(self._held.get(key), wanted, now)
        if isinstance(outcome, Applied):
            self._held[key] = wanted
        return outcome

    async def prune(self, now: Instant) -> int:
        """Forget the claims that have lapsed; return how many."""
        self._door.enter()
        lapsed = [key for key, claim in self._held.items() if has_lapsed(claim.expires_ms, now)]
        for key in lapsed:
            del self._held[key]
        return len(lapsed)


class MemoryJournal:
    """Journals in a dictionary."""

    def __init__(self, door: _Door) -> None:
        """Start without entries."""
        self._door = door
        self._runs: dict[tuple[str, int], dict[int, bytes]] = {}

    async def append(self, machine: str, run: int, sequence: int, entry: bytes) -> None:
        """Keep one input; see `parley.ports.store.Journal`."""
        self._door.enter()
        check_name(machine)
        check_uint(run)
        check_uint(sequence)
        check_value(entry)
        held = self._runs.setdefault((machine, run), {}).setdefault(sequence, entry)
        if held != entry:
            raise ConflictError(ErrorCode.WRONG_STATE, run=run, sequence=sequence)

    async def entries(self, machine: str, run: int) -> tuple[JournalEntry, ...]:
        """Return all entries of a run, by ascending sequence."""
        self._door.enter()
        check_name(machine)
        check_uint(run)
        held = self._runs.get((machine, run), {})
        return tuple(JournalEntry(sequence, held[sequence]) for sequence in sorted(held))

    async def runs(self, machine: str) -> tuple[int, ...]:
        """Return the runs of a machine that have entries, ascending."""
        self._door.enter()
        check_name(machine)
        return tuple(sorted(run for name, run in self._runs if name == machine))

    async def forget(self, machine: str, run: int) -> None:
        """Drop all entries of a run."""
        self._door.enter()
        check_name(machine)
        check_uint(run)
        self._runs.pop((machine, run), None)


class MemoryDocuments:
    """Documents in a dictionary."""

    def __init__(self, door: _Door) -> None:
        """Start without documents."""
        self._door = door
        self._namespaces: dict[str, dict[str, bytes]] = {}

    async def get(self, namespace: str, key: str) -> bytes | None:
        """Return a value, or None."""
        self._door.enter()
        check_name(namespace)
        check_name(key)
        return self._namespaces.get(namespace, {}).get(key)

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        """Keep a value; see `parley.ports.store.Documents`."""
        self._door.enter()
        check_name(namespace)
        check_name(key)
        check_value(value)
        self._namespaces.setdefault(namespace, {})[key] = value

    async def delete(self, namespace: str, key: str) -> bool:
        """Drop a value; return whether there was one."""
        self._door.enter()
        check_name(namespace)
        check_name(key)
        return self._namespaces.get(namespace, {}).pop(key, None) is not None

    async def list(self, namespace: str) -> tuple[Document, ...]:
        """Return all documents of a namespace, ascending by the UTF-8 of their keys."""
        self._door.enter()
        check_name(namespace)
        held = self._namespaces.get(namespace, {})
        return tuple(Document(key, held[key]) for key in sorted(held, key=str.encode))


class MemoryStore:
    """The three tables, which forget everything with the process."""

    def __init__(self) -> None:
        """Start empty."""
        self._door = _Door()
        self._claims = MemoryClaims(self._door)
        self._journal = MemoryJournal(self._door)
        self._documents = MemoryDocuments(self._door)

    @property
    def claims(self) -> MemoryClaims:
        """Return the claims."""
        return self._claims

    @property
    def journal(self) -> MemoryJournal:
        """Return the journal."""
        return self._journal

    @property
    def documents(self) -> MemoryDocuments:
        """Return the documents."""
        return self._documents

    async def close(self) -> None:
        """Answer no more; closing twice is harmless."""
        self._door.shut()
