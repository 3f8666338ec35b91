"""Against recipients that lie, choose and keep: a sender loses what it signed for, which is what was shown to it."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.adapters.lottery.purse import Purse
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.lottery.draws import expected_value
from parley.lottery.limits import SenderLimits
from parley.lottery.params import CreationRound, Payment, TicketParams
from parley.lottery.refusals import Reason, Refused
from parley.lottery.rules import SenderState
from parley.lottery.sender import Sender
from parley.lottery.views import ChainView
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from parley.testing.strategies import LIES, Lie, TakingRecipient
from tests.unit.lottery.sender_parts import (
    FACE_VALUE_WEI,
    MONEY,
    NOW,
    ONE_IN_255,
    PROBABILITY_ONE,
    RECIPIENT,
    SENDER,
    SENDER_KEY,
    VIEW,
)

DEPOSIT_WEI = 10**18
LIMITS = SenderLimits()


class Meeting:
    """A sender of known means meets a recipient that takes what it can."""

    def __init__(self, limits: SenderLimits = LIMITS, *, deposit_wei: int = DEPOSIT_WEI) -> None:
        self.broker = ModelBroker()
        self.broker.fund(SENDER, deposit_wei=deposit_wei, reserve_wei=10**18)
        self.recipient = TakingRecipient(self.broker, RECIPIENT, SeededEntropy(b"recipient"))
        self.purse = Purse(
            SecretKey(SENDER_KEY),
            self.broker,
            MemoryStore().claims,
            SeededEntropy(b"sender"),
            VirtualClock(NOW),
            limits=limits,
        )

    @property
    def lost_wei(self) -> int:
        account = self.broker.state.model.account(SENDER)
        return DEPOSIT_WEI - account.deposit_wei

    async def quote(self, *, face_value_wei: int = FACE_VALUE_WEI, win_prob: int = ONE_IN_255) -> TicketParams:
        return self.recipient.quote(await self.broker.view(), face_value_wei=face_value_wei, win_prob=win_prob)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_before_a_nonce_is_spent(name: str) -> None:
    lie: Lie = LIES[name]

    async def story() -> None:
        meeting = Meeting()
        honest, view = await meeting.quote(), await meeting.broker.view()
        first_nonce = 1
        if lie.needs_payment:
            assert isinstance(await meeting.purse.pay(honest), Payment)
            first_nonce = 2
        committed_wei = meeting.purse.outstanding_wei
        lied = lie.tell(honest, view)
        assert lied != honest
        answer = await meeting.purse.pay(lied, recipient=RECIPIENT)
        assert isinstance(answer, Refused)
        assert answer.reason is lie.reason
        assert meeting.purse.outstanding_wei == committed_wei
        payment = await meeting.purse.pay(honest, recipient=RECIPIENT)
        assert isinstance(payment, Payment)
        assert payment.tickets[0].nonce == first_nonce
        assert meeting.lost_wei == 0

    asyncio.run(story())


def test_who_knows_every_preimage_and_chooses_its_commitments_wins_no_more_often() -> None:
    """400 tickets at one half under 40 commitments: 200 winners are expected, 10 is the deviation."""

    async def story() -> None:
        meeting, shown = Meeting(), Fraction(0)
        for _ in range(40):
            # Of many commitments it sends the one that it likes best: the smallest number.
            quotes = [await meeting.quote(face_value_wei=10**10, win_prob=PROBABILITY_ONE // 2) for _ in range(5)]
            params = min(quotes, key=lambda one: one.recipient_rand_hash)
            payment = await meeting.purse.pay(params, count=10)
            assert isinstance(payment, Payment)
            shown += 10 * expected_value(face_value=params.face_value, win_prob=params.win_prob)
            meeting.recipient.take(payment)
        assert abs(meeting.recipient.winners - 200) < 50
        assert meeting.lost_wei == meeting.recipient.taken_wei == meeting.recipient.winners * 10**10
        assert abs(meeting.lost_wei - shown) < 50 * 10**10
        assert meeting.recipient.refusals == {}

    asyncio.run(story())


def test_a_payment_is_redeemed_for_its_winners_once() -> None:
    async def story() -> None:
        meeting = Meeting()
        payment = await meeting.purse.pay(
            await meeting.quote(face_value_wei=10**10, win_prob=PROBABILITY_ONE - 1), count=5
        )
        assert isinstance(payment, Payment)
        assert [meeting.recipient.take(payment) for _ in range(2)] == [5 * 10**10, 0]
        assert (meeting.lost_wei, meeting.recipient.refusals) == (5 * 10**10, {"ticket is used": 5})
        assert meeting.recipient.take(Payment(SENDER)) == 0

    asyncio.run(story())


def test_greed_ends_with_the_deposit_and_never_touches_the_reserve() -> None:
    """Each ticket all but always wins; the sender pays until deposit and tickets under way no longer cover one more."""

    async def story() -> None:
        meeting, face_value_wei = Meeting(deposit_wei=10**13), 10**12
        paid = 0
        while True:
            params = await meeting.quote(face_value_wei=face_value_wei, win_prob=PROBABILITY_ONE - 1)
            payment = await meeting.purse.pay(params)
            if isinstance(payment, Refused):
                break
            paid += 1
            if paid % 3 == 0:
                meeting.recipient.take(payment)
        assert payment.reason is Reason.OVERCOMMITTED
        assert paid == 10
        account = meeting.broker.state.model.account(SENDER)
        assert (account.deposit_wei, account.reserve_remaining_wei) == (7 * 10**12, 10**18)

    asyncio.run(story())


small = st.integers(0, 3) | st.integers(0, 2**256 - 1)


def near(centre: int) -> st.SearchStrategy[int]:
    return st.integers(max(0, centre - 3), centre + 3)


def words(centre: int) -> st.SearchStrategy[int]:
    return small | near(centre) | st.integers(0, 10**19)


@settings(max_examples=300, deadline=None)
@given(
    face_value=words(DEPOSIT_WEI),
    win_prob=st.sampled_from([0, 1, ONE_IN_255, PROBABILITY_ONE - 1, PROBABILITY_ONE])
    | st.integers(0, PROBABILITY_ONE),
    expiration_block=words(101),
    round_offset=st.integers(-1, 1),
    count=st.integers(0, 700),
)
def test_whatever_is_quoted_what_is_signed_is_within_the_limits(
    face_value: int, win_prob: int, expiration_block: int, round_offset: int, count: int
) -> None:
    params = TicketParams(
        recipient=RECIPIENT,
        face_value=face_value,
        win_prob=win_prob,
        recipient_rand_hash=b"\x33" * 32,
        seed=0,
        expiration_block=expiration_block,
        creation_round=CreationRound(10 + round_offset, b"\x22" * 32),
    )
    if Sender(SENDER, LIMITS).check(params, count, VIEW, MONEY) is not None:
        return
    value = expected_value(face_value=face_value, win_prob=win_prob)
    assert value <= 3 * 10**12
    assert count * value <= 20 * 10**12
    assert value == 0 or face_value <= MONEY.deposit_wei
    assert 101 < expiration_block <= 2_100
    assert (round_offset, MONEY.state, count <= 600) == (0, SenderState.LOCKED, True)


def test_lies_are_told_of_a_view() -> None:
    view: ChainView = VIEW
    params = TicketParams(RECIPIENT, 1, 1, b"\x33" * 32, 0, 140, view.creation_round)
    ends = {name: lie.tell(params, view).expiration_block for name, lie in LIES.items() if "ended" in name}
    assert ends == {"parameters that ended": 100}
