"""Rounds are begun once each, one at a time, and whoever was first does no harm to who was second."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from parley.adapters.evm.parley_broker import RoundToBegin
from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.node.round_keeping import RoundAct, RoundKeeping
from parley.ports.chain import Call, Receipt
from parley.ports.wallet import ActStatus, Included, Waiting
from parley.primitives.ids import Address

CALL = Call(to=Address(b"\x0f" * 20), data=b"begin")
FINAL_BLOCKS = 3


def receipt(number: int, *, succeeded: bool = True) -> Receipt:
    return Receipt(
        transaction_hash=bytes(32),
        block_number=number,
        block_hash=bytes(32),
        succeeded=succeeded,
        gas_used=1,
        gas_price_wei=1,
        contract=None,
        logs=(),
    )


@dataclass
class Rounds:
    """A broker and a wallet that say what they are told to."""

    due: int | None = None
    stands: dict[str, ActStatus] = field(default_factory=dict)
    refuses: Rejected | None = None
    fails: bool = False
    begun: int = 0
    waits: bool = False

    @property
    def address(self) -> Address:
        return Address(b"\x01" * 20)

    async def round_to_begin(self) -> RoundToBegin | None:
        if self.waits:
            await asyncio.sleep(0)
        return None if self.due is None else RoundToBegin(self.due, CALL)

    async def act(self, name: str, call: Call, *, gas_limit: int | None = None) -> ActStatus | Rejected:
        del gas_limit
        assert (call, name in self.stands) == (CALL, False)
        if self.refuses is not None:
            return self.refuses
        self.stands[name] = Waiting(())
        if self.fails:
            raise UnavailableError(ErrorCode.UNREACHABLE)
        return self.stands[name]

    async def status(self, name: str) -> ActStatus | None:
        if self.waits:
            await asyncio.sleep(0)
        return self.stands.get(name)

    async def tend(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def note(self) -> None:
        self.begun += 1

    def keeping(self) -> RoundKeeping:
        """Begin one more process."""
        return RoundKeeping(self, self, final_blocks=FINAL_BLOCKS, note_begun=self.note)


def name(number: int, attempt: int = 0) -> str:
    return f"lottery/begin-round/{number}/{attempt}"


async def test_a_round_that_has_begun_needs_nothing() -> None:
    rounds = Rounds()
    keeping = rounds.keeping()
    await keeping.turn()
    assert (await keeping.begin(), rounds.stands) == (None, {})


async def test_a_round_that_is_due_is_begun_once_and_counted_once() -> None:
    rounds = Rounds(due=7)
    keeping = rounds.keeping()
    for _ in range(3):
        await keeping.turn()
    assert rounds.stands == {name(7): Waiting(())}
    rounds.due, rounds.stands[name(7)] = None, Included(receipt(70), 1)
    for _ in range(3):
        await keeping.turn()
    assert (rounds.begun, list(rounds.stands)) == (1, [name(7)])


async def test_a_loop_and_a_command_at_once_make_one_act_and_count_it_once() -> None:
    rounds = Rounds(due=7, waits=True)
    keeping = rounds.keeping()
    await asyncio.gather(keeping.turn(), keeping.begin(), keeping.turn())
    assert list(rounds.stands) == [name(7)]
    rounds.due, rounds.stands[name(7)] = None, Included(receipt(70), 1)
    await asyncio.gather(keeping.look_at_last(), keeping.turn())
    assert rounds.begun == 1


async def test_an_act_that_waits_for_longer_than_anybody_looks_back_is_the_only_one() -> None:
    rounds = Rounds(due=7)
    keeping = rounds.keeping()
    for number in range(7, 40):
        rounds.due = number
        await keeping.turn()
    assert list(rounds.stands) == [name(7)]


async def test_an_act_whose_answer_was_lost_is_counted_too() -> None:
    rounds = Rounds(due=7, fails=True)
    keeping = rounds.keeping()
    with pytest.raises(UnavailableError):
        await keeping.turn()
    await keeping.turn()
    rounds.due, rounds.stands[name(7)] = None, Included(receipt(70), 1)
    await keeping.turn()
    assert rounds.begun == 1


async def test_another_process_goes_on_with_what_one_has_begun() -> None:
    rounds = Rounds(due=7, fails=True)
    with pytest.raises(UnavailableError):
        await rounds.keeping().turn()
    rounds.fails = False
    assert await rounds.keeping().begin() == RoundAct(7, name(7), Waiting(()))
    assert list(rounds.stands) == [name(7)]


async def test_an_act_that_waits_for_its_block_begins_whichever_round_it_meets_so_there_is_no_second() -> None:
    rounds = Rounds(due=7)
    await rounds.keeping().turn()
    rounds.due = 8
    assert await rounds.keeping().begin() == RoundAct(7, name(7), Waiting(()))
    rounds.stands[name(7)] = Included(receipt(80, succeeded=False), 1)
    assert await rounds.keeping().begin() == RoundAct(8, name(8), Waiting(()))
    assert list(rounds.stands) == [name(7), name(8)]


@pytest.mark.parametrize("code", [ErrorCode.REVERTED, ErrorCode.FUNDS_TOO_LOW, ErrorCode.TOO_EXPENSIVE])
async def test_what_the_wallet_refuses_is_said_once_a_round_and_tried_again(
    code: ErrorCode, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = Rounds(due=7, refuses=Rejected(code))
    keeping = rounds.keeping()
    with caplog.at_level(logging.WARNING, logger="parley.node"):
        for _ in range(3):
            await keeping.turn()
        rounds.due = 8
        await keeping.turn()
    assert [record.message.split(" is ")[0] for record in caplog.records] == ["round 7", "round 8"]
    assert await keeping.begin() == Rejected(code)
    rounds.refuses = None
    await keeping.turn()
    assert list(rounds.stands) == [name(8)]


@pytest.mark.parametrize("succeeded", [True, False])
async def test_only_an_act_that_is_final_and_has_begun_nothing_makes_room_for_another(*, succeeded: bool) -> None:
    """It was reverted, or a reorganisation took it away for good."""
    rounds = Rounds(due=7, stands={name(7): Included(receipt(70, succeeded=succeeded), FINAL_BLOCKS - 1)})
    keeping = rounds.keeping()
    await keeping.turn()
    assert list(rounds.stands) == [name(7)]
    rounds.stands[name(7)] = Included(receipt(70, succeeded=succeeded), FINAL_BLOCKS)
    await keeping.turn()
    assert list(rounds.stands) == [name(7), name(7, 1)]


async def test_who_was_second_counts_nothing() -> None:
    rounds = Rounds(due=7)
    keeping = rounds.keeping()
    await keeping.turn()
    rounds.due, rounds.stands[name(7)] = None, Included(receipt(70, succeeded=False), 1)
    await keeping.turn()
    assert rounds.begun == 0


async def test_a_round_whose_act_fails_again_and_again_is_given_up() -> None:
    failed = {name(7, attempt): Included(receipt(70, succeeded=False), FINAL_BLOCKS) for attempt in range(16)}
    rounds = Rounds(due=7, stands=dict(failed))
    await rounds.keeping().turn()
    assert rounds.stands == failed
