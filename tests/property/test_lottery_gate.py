"""No ticket admits two requests, whatever comes in which order, through however many gates on one store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.errors import ErrorCode, PeerError, Rejected
from parley.gate.binding import act_of
from parley.gate.lottery_forms import (
    Offer,
    account_text,
    is_enough,
    lottery_header,
    parse_offer,
    tickets_needed,
)
from parley.gate.lottery_memory import Credits
from parley.gate.lottery_scheme import LotteryScheme
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.till_config import TillConfig
from parley.gate.x402 import PaymentSignature, Requirement, encode_header, parse_signature
from parley.lottery.params import TicketParams
from parley.lottery.worth import SHARES_PER_WEI, worth_shares
from parley.primitives.ids import Address
from tests.unit.gate.lottery_stage import CHAIN_ID, PRICE_WEI, LotteryStage

TICKETS = 5
amounts = st.integers(0, 10**30)
values = st.integers(0, 2**256 - 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def charge_of(stage: LotteryStage, number: int, price: int = PRICE_WEI) -> Charge:
    act = act_of(method="POST", realm="gate.test", target=b"/%d" % number, body=b"")
    return Charge(act, price, bytes(32), account_text(CHAIN_ID, stage.sender))


async def offer_of(stage: LotteryStage, scheme: LotteryScheme) -> Offer:
    (entry,) = await scheme.offer(charge_of(stage, 0), stage.clock.now())
    return parse_offer(entry)


async def pay(stage: LotteryStage, offer: Offer, count: int) -> PaymentSignature:
    assert offer.params is not None
    return parse_signature(lottery_header(offer.entry, await stage.tickets(offer.params, count)))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=24),
    st.lists(st.integers(1, 3), min_size=4, max_size=4),
)
def test_requests_in_any_order_through_two_gates_get_what_was_paid_for(
    sent: list[tuple[int, int, int]], sizes: list[int]
) -> None:
    """Each request is (gate, payment, request); payments are of one to three tickets, and two are asked for."""

    async def run() -> None:
        stage = LotteryStage(till=TillConfig(ticket_wei=PRICE_WEI // 2))
        gates = [stage.open_till(b"one"), stage.open_till(b"two")]
        offer = await offer_of(stage, gates[0])
        payments = [await pay(stage, offer, size) for size in sizes]
        outcomes = await asyncio.gather(
            *(
                gates[gate].settle(payments[payment], charge_of(stage, number), stage.clock.now())
                for gate, payment, number in sent
            )
        )
        admitted = [item for item, outcome in zip(sent, outcomes, strict=True) if isinstance(outcome, Settled)]
        used = {payment for _, payment, _ in sent}
        # What is let in was paid: two tickets each, and never more tickets than there are.
        assert 2 * len(admitted) <= sum(sizes[payment] for payment in used)
        # A repeat is only one of a request that this payment admitted at this gate.
        for item, outcome in zip(sent, outcomes, strict=True):
            if isinstance(outcome, Repeated):
                assert item in admitted

    asyncio.run(run())


@settings(max_examples=60)
@given(st.data())
def test_a_payment_changed_anywhere_admits_nothing_new(data: st.DataObject) -> None:
    async def run() -> None:
        stage = LotteryStage()
        signature = await pay(stage, await offer_of(stage, stage.scheme), 1)
        value = bytearray(encode_header(signature))
        place = data.draw(st.integers(0, len(value) - 1))
        value[place] = data.draw(st.integers(0, 255))
        try:
            damaged = parse_signature(bytes(value))
            first = await stage.scheme.settle(damaged, charge_of(stage, 1), stage.clock.now())
        except PeerError:
            first = Rejected(ErrorCode.MALFORMED)
        second = await stage.scheme.settle(signature, charge_of(stage, 2), stage.clock.now())
        assert sum(isinstance(outcome, Settled) for outcome in (first, second)) <= 1

    asyncio.run(run())


@settings(max_examples=100)
@given(json_values, json_values)
def test_what_is_no_payment_is_refused_as_malformed(extra: object, payload: object) -> None:
    async def run() -> None:
        stage = LotteryStage()
        offer = await offer_of(stage, stage.scheme)
        members = payload if isinstance(payload, dict) else {"tickets": payload}
        entry = msgspec.structs.replace(offer.entry, extra={"params": extra})
        for accepted in (entry, offer.entry):
            signature = PaymentSignature(x402_version=2, accepted=accepted, payload=members)
            try:
                outcome = await stage.scheme.settle(signature, charge_of(stage, 1), stage.clock.now())
            except PeerError:
                continue
            assert isinstance(outcome, Rejected)

    asyncio.run(run())


@given(json_values, st.text(max_size=60), st.text(max_size=90))
def test_an_entry_of_any_form_is_read_or_refused(extra: object, pay_to: str, amount: str) -> None:
    entry = Requirement(
        scheme="lottery",
        network="eip155:1",
        amount=amount,
        asset="",
        pay_to=pay_to,
        max_timeout_seconds=1,
        extra=extra if isinstance(extra, dict) else {"params": extra, "broker": "0x" + "11" * 20},
    )
    try:
        offer = parse_offer(entry)
    except PeerError:
        return
    assert str(offer.amount_wei) == amount


def params_of(face_value: int, win_prob: int) -> TicketParams:
    return TicketParams(Address(bytes(20)), face_value, win_prob, bytes(32), 0, 0)


@given(amounts, values, values)
def test_as_many_tickets_as_needed_and_not_one_more(amount_wei: int, face_value: int, win_prob: int) -> None:
    params = params_of(face_value, win_prob)
    count = tickets_needed(amount_wei, params)
    if worth_shares(params) == 0:
        assert count == 0
        return
    assert is_enough(count * worth_shares(params), amount_wei)
    assert count == 1 or not is_enough((count - 1) * worth_shares(params), amount_wei)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(1, 5)), max_size=40))
def test_credit_is_never_more_than_what_was_paid_and_not_used(moves: list[tuple[int, int, int]]) -> None:
    held, balance = Credits(10), dict.fromkeys(range(3), 0)
    for sender, paid_wei, price_wei in moves:
        address = Address(bytes([sender]) * 20)
        is_covered = held.covers(address, paid_wei * SHARES_PER_WEI, price_wei)
        balance[sender] += paid_wei
        assert held.spend(address, paid_wei * SHARES_PER_WEI, price_wei) == is_covered
        assert is_covered == (balance[sender] >= price_wei)
        balance[sender] -= price_wei if is_covered else 0
        assert held.wei(address) == balance[sender]


def test_who_paid_longest_ago_is_forgotten_first() -> None:
    held = Credits(2)
    senders = [Address(bytes([number]) * 20) for number in range(3)]
    for sender in senders:
        held.spend(sender, SHARES_PER_WEI, 5)
    assert [held.wei(sender) for sender in senders] == [0, 1, 1]


@settings(max_examples=30)
@given(st.integers(0, TICKETS), st.integers(0, TICKETS - 1))
def test_a_broken_ticket_costs_what_the_others_are_worth_and_that_is_credit(good: int, place: int) -> None:
    async def run() -> None:
        stage = LotteryStage(till=TillConfig(ticket_wei=PRICE_WEI // TICKETS))
        offer = await offer_of(stage, stage.scheme)
        assert offer.params is not None
        payment = await stage.tickets(offer.params, TICKETS)
        broken = {(place + number) % TICKETS for number in range(TICKETS - good)}
        tickets = tuple(
            replace(signed, signature=bytes(65)) if number in broken else signed
            for number, signed in enumerate(payment.tickets)
        )
        signature = parse_signature(lottery_header(offer.entry, replace(payment, tickets=tickets)))
        outcome = await stage.scheme.settle(signature, charge_of(stage, 1), stage.clock.now())
        assert isinstance(outcome, Settled) == (good == TICKETS)
        left = 0 if good == TICKETS else good * PRICE_WEI // TICKETS
        assert stage.scheme._credits.wei(stage.sender) == left

    asyncio.run(run())
