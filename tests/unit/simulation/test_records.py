from __future__ import annotations

from dataclasses import replace

from parley.pool.config import PoolConfig
from parley.pool.messages import record_id
from parley.pool.rules import check_record
from parley.primitives.instants import Instant
from parley.simulation.records import SignedRecords

NOW = Instant(1_800_000_000_000)


def test_what_was_made_here_verifies_and_passes_the_nodes_own_checks() -> None:
    signed = SignedRecords()
    record = signed.make("author 5", NOW, message="hello", sequence=3)
    assert signed.verify(record.author, record_id(record), record.signature)
    assert signed.author_of(record) == record.author
    assert isinstance(check_record(record, NOW, PoolConfig(), signed.verify), bytes)


def test_nothing_else_verifies() -> None:
    signed = SignedRecords()
    record = signed.make("author 5", NOW)
    forged = replace(record, message="forged")
    other = SignedRecords().make("author 6", NOW)
    assert not signed.verify(forged.author, record_id(forged), forged.signature)
    assert not signed.verify(other.author, record_id(record), record.signature)
    assert signed.author_of(forged) is None
    assert signed.author_of(other) is None
