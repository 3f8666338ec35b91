"""Claims in a file that is opened when it is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from parley.errors import ConfigError
from parley.gate.file_claims import FileClaims
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Foreign, Replayed

NOW, LATER = Instant(0), Instant(1_000)


def test_made_outside_of_a_loop_it_serves_inside(tmp_path: Path) -> None:
    claims = FileClaims(tmp_path / "claims.sqlite")
    assert not (tmp_path / "claims.sqlite").exists()

    async def use() -> None:
        outcomes = await asyncio.gather(*(claims.claim(b"k", b"o", LATER, NOW) for _ in range(5)))
        assert outcomes.count(Applied()) == 1
        assert outcomes.count(Replayed()) == 4
        await claims.close()

    asyncio.run(use())


async def test_two_share_a_file_and_it_outlives_them(tmp_path: Path) -> None:
    one, other = FileClaims(tmp_path / "c"), FileClaims(tmp_path / "c")
    assert await one.claim(b"k", b"o", LATER, NOW) == Applied()
    assert await other.claim(b"k", b"p", LATER, NOW) == Foreign()
    await one.close()
    assert await one.claim(b"k", b"o", LATER, NOW) == Replayed()
    assert await other.prune(LATER) == 1
    assert await one.prune(LATER) == 0
    await one.close()
    await other.close()
    await other.close()


async def test_a_file_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        await FileClaims(tmp_path / "missing" / "c").claim(b"k", b"o", LATER, NOW)
