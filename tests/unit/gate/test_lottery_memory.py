"""What a gate remembers of lottery payments: bounded, and never at the cost of a payment that is being judged."""

from __future__ import annotations

import asyncio

from parley.errors import ErrorCode, Rejected
from parley.gate.lottery_memory import TakenPayments
from parley.gate.schemes import Repeated
from parley.primitives.instants import Instant

NOW = Instant(1_800_000_000_000)
OWNER, OTHER = b"owner", b"other"
FIRST, SECOND, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))


async def test_a_payment_that_is_being_judged_is_not_forgotten_for_newer_ones() -> None:
    taken = TakenPayments(payments_max=1, remember_ms=1_000)
    taken.begin(FIRST, OWNER, NOW)
    waiting = asyncio.create_task(taken.find(FIRST, OWNER))
    await asyncio.sleep(0)
    for reference in (SECOND, THIRD):
        taken.begin(reference, OWNER, NOW)
        assert taken.end(reference, NOW) == NOW + 1_000
    assert not waiting.done()
    assert taken.end(FIRST, NOW) == NOW + 1_000
    async with asyncio.timeout(30):
        assert await waiting in (Repeated(FIRST.hex()), None)


async def test_the_oldest_judged_payment_is_forgotten_first() -> None:
    taken = TakenPayments(payments_max=2, remember_ms=1_000)
    for reference in (FIRST, SECOND, THIRD):
        taken.begin(reference, OWNER, NOW)
        taken.end(reference, NOW)
    assert await taken.find(FIRST, OWNER) is None
    assert await taken.find(SECOND, OWNER) == Repeated(SECOND.hex())
    assert await taken.find(THIRD, OTHER) == Rejected(ErrorCode.ALREADY_SPENT)


async def test_those_whose_time_is_over_go_first() -> None:
    taken = TakenPayments(payments_max=10, remember_ms=1_000)
    for reference, now in ((FIRST, NOW), (SECOND, Instant(NOW + 1_000))):
        taken.begin(reference, OWNER, now)
        taken.end(reference, now)
    assert await taken.find(FIRST, OWNER) is None
    assert await taken.find(SECOND, OWNER) == Repeated(SECOND.hex())
