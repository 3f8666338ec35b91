"""Every clock and every source of entropy obeys its port."""

from __future__ import annotations

from itertools import count

from parley.adapters.memory import SeededEntropy
from parley.adapters.system import SystemClock, SystemEntropy
from parley.testing.conformance import check_clock, check_entropy


async def test_system_clock() -> None:
    await check_clock(SystemClock)


async def test_system_entropy() -> None:
    await check_entropy(SystemEntropy)


async def test_seeded_entropy() -> None:
    await check_entropy(lambda: SeededEntropy(b"seed"))


async def test_a_clock_whose_civil_time_jumps_about() -> None:
    jumps = count()

    def civil_ns() -> int:
        return 1_800_000_000_000_000_000 + next(jumps) * 7_000_000_000 % 60_000_000_000

    await check_clock(lambda: SystemClock(civil_ns=civil_ns))
