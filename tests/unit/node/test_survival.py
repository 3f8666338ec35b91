"""What a node lives through: a store that fails for a while, a stop at any moment, the note of one that was killed."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryJournal, MemoryStore
from parley.errors import ConfigError, ErrorCode, UnavailableError
from parley.node.config import load_config
from parley.node.data_directory import DataDirectory, RunningNode
from parley.node.owner import RemoveMessage, remove_message
from parley.node.program import Program
from parley.node.registry import Registry
from parley.node.running import running_node, sweep
from parley.node.supervise import Supervisor
from parley.ports.store import Document
from parley.primitives.instants import Instant
from parley.protocol.claims import Outcome
from parley.testing.output import KeptOutput
from tests.unit.node.parts import NOW, SetClock, make_node, signed_record

HOUR_MS = 3_600_000


class EndOfTestError(Exception):
    """The test has seen enough."""


class EndingClock(SetClock):
    """A clock that is set forward by waiting, for an hour."""

    async def sleep_until(self, moment: Instant) -> None:
        if moment > NOW + HOUR_MS:
            raise EndOfTestError
        await super().sleep_until(moment)


class BrokenStore:
    """A store that reads, and cannot write until it is mended."""

    def __init__(self, known: bytes | None = None) -> None:
        self._sound = MemoryStore()
        self._known = known
        self.is_broken = True
        self.pruned_ms: list[Instant] = []
        self.is_closed = False

    @property
    def claims(self) -> BrokenStore:
        return self

    @property
    def documents(self) -> BrokenStore:
        return self

    @property
    def journal(self) -> MemoryJournal:
        return self._sound.journal

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        self._write()
        return await self._sound.claims.claim(key, owner, expires_ms, now)

    async def prune(self, now: Instant) -> int:
        self._write()
        self.pruned_ms.append(now)
        return 0

    async def get(self, namespace: str, key: str) -> bytes | None:
        del namespace
        return self._known if key == "known" else None

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        self._write()
        await self._sound.documents.put(namespace, key, value)

    async def delete(self, namespace: str, key: str) -> bool:
        self._write()
        return await self._sound.documents.delete(namespace, key)

    async def list(self, namespace: str) -> tuple[Document, ...]:
        return await self._sound.documents.list(namespace)

    async def close(self) -> None:
        self.is_closed = True

    def _write(self) -> None:
        if self.is_broken:
            raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)


async def test_sweeping_outlives_a_store_that_does_not_answer(tmp_path: Path) -> None:
    clock, store = EndingClock(), BrokenStore()
    node = make_node(tmp_path / "n", clock, store)
    record = signed_record(("k",), "m")
    assert not hasattr(node.push(record, "owner"), "code")

    with pytest.raises(EndOfTestError):
        await sweep(node)

    assert node.table.records == 0
    assert store.pruned_ms == []

    store.is_broken, clock.moment = False, NOW
    with pytest.raises(EndOfTestError):
        await sweep(node)
    assert store.pruned_ms == [NOW + minutes * 60_000 for minutes in range(0, 61, 10)]


async def test_a_node_closes_to_the_end_though_its_store_cannot_write(tmp_path: Path) -> None:
    store = BrokenStore(known=b'["http://203.0.113.9:80"]')
    node = make_node(tmp_path / "n", None, store)
    await node.links.start()
    await node.close()
    assert store.is_closed


async def test_work_that_is_ended_before_it_began_is_not_complained_about() -> None:
    supervisor = Supervisor(SeededEntropy(b"s"))
    begun: list[str] = []

    async def work() -> None:
        begun.append("work")

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        supervisor.start(work(), "work")
        await supervisor.close()
        gc.collect()
    assert (begun, [str(one.message) for one in said]) == ([], [])


async def test_the_note_of_a_killed_node_is_gone_before_another_one_listens(tmp_path: Path) -> None:
    """Or a command would find the directory locked, believe the note, and send the secret to whoever is there now."""
    directory = DataDirectory(tmp_path / "n")
    directory.prepare()
    directory.note_running(RunningNode("http://127.0.0.1:1", 1, "00" * 32))
    # An address of nobody's: the start ends there, at its first step after taking the directory.
    config, settings = load_config(flags={"data_dir": str(directory.path), "http": "192.0.2.1:1"}, environment={})
    program = Program(load_registry=lambda: Registry(()), output=KeptOutput(), data_dir=None, environment={})

    with pytest.raises(ConfigError) as caught:
        async with running_node(program, config, settings):
            pass

    assert caught.value.code is ErrorCode.CONFIG_INVALID
    assert not directory.running_path.exists()


def test_a_node_does_not_show_its_secret(tmp_path: Path) -> None:
    node = make_node(tmp_path / "n")
    assert len(node.owner_secret) == 64
    assert node.owner_secret not in repr(node)


async def test_removing_under_keys_that_are_none_says_so(tmp_path: Path) -> None:
    node = make_node(tmp_path / "n")
    for keys in (["k" * 65], ["k", ""]):
        refused = await remove_message(node, RemoveMessage(keys=keys))
        assert refused is not None
        assert refused.code is ErrorCode.KEYS_INVALID
