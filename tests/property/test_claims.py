"""Every store of claims answers like a dictionary that is never pruned."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from parley.adapters.memory import MemoryStore
from parley.adapters.sqlite import SqliteStore
from parley.errors import ConflictError
from parley.ports.store import Store
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Foreign, Outcome, Replayed

names = st.sampled_from([b"a", b"b", b"c"])
spans_ms = st.integers(0, 5)


class ClaimsMachine(RuleBasedStateMachine):
    """Claims of a few keys by a few owners while time goes on; the model forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stores: list[Store] = []
        self.now = 0
        self.model: dict[bytes, tuple[bytes, int]] = {}

    @initialize()
    def open(self) -> None:
        self.stores = [MemoryStore(), self.runner.run(SqliteStore.open(Path(self.folder.name) / "store"))]

    @rule(key=names, owner=names, lifetime_ms=spans_ms)
    def claim(self, key: bytes, owner: bytes, lifetime_ms: int) -> None:
        expires_ms = self.now + lifetime_ms
        wanted = self.expect(key, owner, expires_ms)
        for store in self.stores:
            assert self.outcome(store, key, owner, expires_ms) == wanted

    @rule(span_ms=spans_ms)
    def wait(self, span_ms: int) -> None:
        self.now += span_ms

    @rule(which=st.integers(0, 1))
    def prune(self, which: int) -> None:
        """Prune one of the stores: no later answer may tell which."""
        assert self.runner.run(self.stores[which].claims.prune(Instant(self.now))) >= 0

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.stores[1].close())
        self.stores[1] = self.runner.run(SqliteStore.open(Path(self.folder.name) / "store"))

    def expect(self, key: bytes, owner: bytes, expires_ms: int) -> Outcome | None:
        """Return what the model says; None for a refusal."""
        holder, until = self.model.get(key, (b"", 0))
        if self.now < until:
            return Replayed() if holder == owner else Foreign()
        if expires_ms <= self.now:
            return None
        self.model[key] = (owner, expires_ms)
        return Applied()

    def outcome(self, store: Store, key: bytes, owner: bytes, expires_ms: int) -> Outcome | None:
        try:
            return self.runner.run(store.claims.claim(key, owner, Instant(expires_ms), Instant(self.now)))
        except ConflictError:
            return None

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()
        self.folder.cleanup()


TestClaims = ClaimsMachine.TestCase
TestClaims.settings = settings(max_examples=40, stateful_step_count=30)
