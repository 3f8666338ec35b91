"""A gate that takes lottery tickets: what it offers, what it takes, and what a repeat or a shortage gets."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import msgspec
import pytest

from parley.errors import ConfigError, ErrorCode, PeerError, Rejected
from parley.gate.lottery_forms import account_text, lottery_header, parse_offer
from parley.gate.lottery_scheme import LotteryScheme
from parley.gate.middleware import TicketGate
from parley.gate.till_config import TillConfig
from parley.gate.x402 import (
    RESPONSE_HEADER,
    SENDER_HEADER,
    PaymentResponse,
    encode_header,
    parse_response,
    parse_signature,
)
from parley.ledgers.evm.addresses import checksum_text
from parley.lottery.params import SignedNonce
from parley.lottery.recipient_config import RecipientConfig
from parley.primitives.ids import Address
from tests.unit.gate.lottery_stage import CHAIN_ID, GWEI, PRICE_WEI, RECIPIENT, LotteryStage, entry_of
from tests.unit.gate.stage import Counted, pay, problem_of, required_of

STRANGER = Address(b"\x99" * 20)


def receipt_of(answer: httpx.Response) -> PaymentResponse:
    return parse_response(answer.headers[RESPONSE_HEADER].encode())


async def test_the_price_is_the_amount_and_the_face_value_is_shown() -> None:
    stage = LotteryStage()
    entry = entry_of(await stage.ask())
    assert (entry.scheme, entry.network, entry.amount) == ("lottery", "eip155:1337", "20000000000")
    assert entry.pay_to == checksum_text(RECIPIENT)
    assert entry.extra["broker"] == checksum_text(stage.broker.address)
    offer = parse_offer(entry)
    assert offer.params is not None
    # 100 times the gas of a redemption at the chain's 1 gwei.
    assert offer.params.face_value == 100 * 100_000 * GWEI
    assert entry.extra["params"]["face_value_wei"] == str(offer.params.face_value)  # type: ignore[index]  # JSON


async def test_who_is_not_named_learns_how_to_ask() -> None:
    stage = LotteryStage()
    async with stage.client() as client:
        entry = entry_of(await client.get("/search"))
    assert entry.extra["sender"] == {"header": "PAYMENT-SENDER", "form": "eip155:1337:<address>"}
    assert "params" not in entry.extra
    assert (entry.amount, stage.app.acted) == ("20000000000", 0)


@pytest.mark.parametrize(
    "account", ["", "eip155:1:0x" + "11" * 20, "bip122:x", "eip155:1337", "x" * 1_000, "eip155:13371:0x"]
)
async def test_an_account_of_elsewhere_counts_as_none(account: str) -> None:
    async with LotteryStage().client() as client:
        entry = entry_of(await client.get("/search", headers={SENDER_HEADER: account}))
    assert "sender" in entry.extra


async def test_an_account_that_is_no_address_is_400() -> None:
    async with LotteryStage().client() as client:
        answer = await client.get("/search", headers={SENDER_HEADER: "eip155:1337:0x12"})
    assert (answer.status_code, problem_of(answer)["reason"]) == (400, "malformed")


async def test_a_sender_without_money_is_told_so() -> None:
    stage = LotteryStage(deposit_wei=0, reserve_wei=0)
    entry = entry_of(await stage.ask())
    assert entry.extra["refused"] == "funds_too_low"
    assert parse_offer(entry).refused is ErrorCode.FUNDS_TOO_LOW


async def test_a_ticket_admits_its_request_once() -> None:
    stage = LotteryStage()
    signature = await stage.sign(await stage.ask("POST", content=b"x"))
    first = await stage.ask_paid(signature, "POST", content=b"x")
    again = await stage.ask_paid(signature, "POST", content=b"x")
    other = await stage.ask_paid(signature, "POST", content=b"y")
    assert [answer.status_code for answer in (first, again, other)] == [200, 200, 402]
    assert problem_of(other)["reason"] == "already_spent"
    assert (stage.app.acted, again.content) == (1, b"x")
    receipt = receipt_of(first)
    assert (receipt.success, receipt.network, len(receipt.transaction)) == (True, "eip155:1337", 64)


async def test_who_stole_a_payment_does_not_make_the_gate_forget_it() -> None:
    stage = LotteryStage()
    signature = await stage.sign(await stage.ask("POST"))
    await stage.ask_paid(signature, "POST")
    assert (await stage.ask_paid(signature, "PUT")).status_code == 402
    assert (await stage.ask_paid(signature, "POST")).status_code == 200
    assert stage.app.acted == 1


async def test_identical_payments_at_once_act_once() -> None:
    app = Counted(opened=asyncio.Event())
    stage = LotteryStage(app)
    signature = await stage.sign(await stage.ask("POST"))
    asking = [asyncio.create_task(stage.ask_paid(signature, "POST")) for _ in range(8)]
    await app.begun.wait()
    assert app.opened is not None
    app.opened.set()
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*asking)])
    assert (app.acted, statuses[0]) == (1, 200)
    assert set(statuses) <= {200, 409}


async def test_tickets_of_a_process_that_is_gone_are_refused_and_fresh_ones_offered() -> None:
    stage = LotteryStage()
    refused = await stage.ask()
    assert (await stage.ask_paid(await stage.sign(refused))).status_code == 200
    restarted = LotteryStage.__new__(LotteryStage)
    restarted.__dict__.update(stage.__dict__)
    restarted.gate = TicketGate(stage.app, price=PRICE_WEI, till=stage.open_till(b"next"), clock=stage.clock)
    answer = await restarted.ask_paid(await stage.sign(refused))
    assert (answer.status_code, problem_of(answer)["facts"]["reaction"]) == (402, "refresh")
    assert (await restarted.ask_paid(await stage.sign(answer))).status_code == 200


async def test_several_tickets_pay_one_request() -> None:
    stage = LotteryStage(till=TillConfig(ticket_wei=PRICE_WEI // 10))
    refused = await stage.ask()
    signature = await stage.sign(refused)
    assert len(parse_signature(signature.encode()).payload["tickets"]) == 10  # type: ignore[arg-type]  # JSON
    assert (await stage.ask_paid(signature)).status_code == 200


async def test_too_few_tickets_are_not_taken() -> None:
    stage = LotteryStage(till=TillConfig(ticket_wei=PRICE_WEI // 10))
    refused = await stage.ask()
    few = await stage.sign(refused, 9)
    answer = await stage.ask_paid(few)
    assert (answer.status_code, problem_of(answer)["reason"]) == (402, "price_too_low")
    assert receipt_of(answer).error_reason == "price_too_low"
    # They were not used: with one more, they are good.
    assert entry_of(answer).amount == str(PRICE_WEI)
    assert stage.app.acted == 0


async def test_what_was_taken_and_did_not_do_is_credit() -> None:
    stage = LotteryStage(till=TillConfig(ticket_wei=PRICE_WEI // 10))
    offer = parse_offer(entry_of(await stage.ask()))
    assert offer.params is not None
    payment = await stage.tickets(offer.params, 10)
    broken = SignedNonce(payment.tickets[9].nonce, bytes(65))
    damaged = replace(payment, tickets=(*payment.tickets[:9], broken))
    answer = await stage.ask_paid(lottery_header(offer.entry, damaged).decode())
    assert (answer.status_code, problem_of(answer)["facts"]["taken"]) == (402, 9)
    # Nine tenths are paid: the next offer asks for what is left.
    assert entry_of(answer).amount == str(PRICE_WEI // 10)
    assert (await stage.ask_paid(await stage.sign(answer))).status_code == 200
    assert entry_of(await stage.ask()).amount == str(PRICE_WEI)


async def test_credit_alone_admits_nobody() -> None:
    stage = LotteryStage(till=TillConfig(ticket_wei=PRICE_WEI))
    offer = parse_offer(entry_of(await stage.ask()))
    assert offer.params is not None
    rich = lottery_header(offer.entry, await stage.tickets(offer.params, 3)).decode()
    assert (await stage.ask_paid(rich)).status_code == 200
    refused = await stage.ask()
    assert (refused.status_code, entry_of(refused).amount) == (402, "1")


async def test_parameters_of_another_sender_pay_nothing() -> None:
    stage = LotteryStage()
    async with stage.client() as client:
        stage.broker.fund(STRANGER, deposit_wei=10**18, reserve_wei=10**18)
        foreign = await client.get("/search", headers={SENDER_HEADER: account_text(CHAIN_ID, STRANGER)})
    answer = await stage.ask_paid(await stage.sign(foreign))
    assert (answer.status_code, problem_of(answer)["reason"]) == (402, "ticket_refused")
    assert stage.app.acted == 0


@pytest.mark.parametrize("member", ["face_value_wei", "win_prob", "expiration_block", "seed"])
async def test_parameters_that_were_changed_pay_nothing(member: str) -> None:
    stage = LotteryStage()
    refused = await stage.ask()
    signature = parse_signature((await stage.sign(refused)).encode())
    params = dict(signature.accepted.extra["params"])  # type: ignore[call-overload]  # JSON
    params[member] = str(int(params[member]) + 1)
    accepted = msgspec.structs.replace(signature.accepted, extra={**signature.accepted.extra, "params": params})
    changed = msgspec.structs.replace(signature, accepted=accepted)
    answer = await stage.ask_paid(encode_header(changed).decode())
    assert (answer.status_code, stage.app.acted) == (402, 0)


async def test_an_amount_that_was_changed_is_not_looked_at() -> None:
    stage = LotteryStage(price={"/search": PRICE_WEI, "/dear": 10 * PRICE_WEI})
    cheap = await stage.sign(await stage.ask())
    answer = await stage.ask_paid(cheap, url="/dear")
    assert (answer.status_code, problem_of(answer)["reason"]) == (402, "price_too_low")


async def test_parameters_are_good_for_every_route() -> None:
    stage = LotteryStage(price={"/search": PRICE_WEI, "/dear": 10 * PRICE_WEI})
    refused = await stage.ask()
    assert (await stage.ask_paid(await stage.sign(refused, 10), url="/dear")).status_code == 200


async def test_expired_parameters_are_replaced() -> None:
    stage = LotteryStage()
    signature = await stage.sign(await stage.ask())
    stage.broker.mine(40)
    answer = await stage.ask_paid(signature)
    assert (answer.status_code, problem_of(answer)["reason"]) == (402, "params_expired")
    assert (await stage.ask_paid(await stage.sign(answer))).status_code == 200


async def test_fresh_parameters_come_along_before_the_old_ones_end() -> None:
    stage = LotteryStage()
    refused = await stage.ask()
    assert receipt_of(await stage.ask_paid(await stage.sign(refused))).extra == {}
    stage.broker.mine(30)
    answer = await stage.ask_paid(await stage.sign(refused))
    fresh = receipt_of(answer).extra["params"]
    assert answer.status_code == 200
    assert fresh["recipient_rand_hash"] != parse_offer(entry_of(refused)).params.recipient_rand_hash.hex()  # type: ignore[index,union-attr]  # JSON
    assert fresh["expiration_block"] == str(stage.broker.head_number + 40)  # type: ignore[index]  # JSON


async def test_one_sender_gets_one_commitment_for_requests_at_once() -> None:
    stage = LotteryStage()
    offers = [parse_offer(entry_of(await stage.ask())) for _ in range(3)]
    assert len({offer.params for offer in offers}) == 1
    stage.clock.advance(3_000)
    assert parse_offer(entry_of(await stage.ask())).params != offers[0].params


async def test_a_chain_that_does_not_answer_is_503() -> None:
    stage = LotteryStage()
    signature = await stage.sign(await stage.ask())
    stage.broker.is_reachable = False
    answer = await stage.ask_paid(signature)
    assert (answer.status_code, stage.app.acted) == (503, 0)
    assert "retry-after" in answer.headers
    stage.broker.is_reachable = True
    assert (await stage.ask_paid(signature)).status_code == 200


async def test_work_and_money_stand_side_by_side() -> None:
    stage = LotteryStage(price_units=1)
    refused = await stage.ask()
    assert [entry.scheme for entry in required_of(refused).accepts] == ["lottery", "pow"]
    assert (await stage.ask_paid(await stage.sign(refused))).status_code == 200
    work = msgspec.structs.replace(required_of(refused), accepts=required_of(refused).accepts[1:])
    only = httpx.Response(402, headers={"PAYMENT-REQUIRED": encode_header(work).decode()})
    assert (await stage.ask_paid(pay(only))).status_code == 200


async def test_while_the_chain_is_away_work_still_admits() -> None:
    stage = LotteryStage(price_units=1)
    stage.broker.is_reachable = False
    assert [entry.scheme for entry in required_of(await stage.ask()).accepts] == ["pow"]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"sender": "0x", "tickets": []},
        {"sender": "0x" + "11" * 20, "tickets": []},
        {"sender": "0x" + "11" * 20, "tickets": [{"nonce": 1, "signature": "0x00"}]},
        {"sender": "0x" + "11" * 20, "tickets": [{"nonce": -1, "signature": "0x" + "00" * 65}]},
        {"sender": 1, "tickets": 2},
    ],
)
async def test_a_payload_of_another_form_is_400(payload: dict[str, object]) -> None:
    stage = LotteryStage()
    signature = parse_signature((await stage.sign(await stage.ask())).encode())
    broken = encode_header(msgspec.structs.replace(signature, payload=payload)).decode()
    assert (await stage.ask_paid(broken)).status_code == 400


@pytest.mark.parametrize("params", [None, 1, "x", {}, {"recipient": 1}, []])
async def test_parameters_of_another_form_are_400(params: object) -> None:
    stage = LotteryStage()
    signature = parse_signature((await stage.sign(await stage.ask())).encode())
    accepted = msgspec.structs.replace(signature.accepted, extra={"params": params})
    broken = encode_header(msgspec.structs.replace(signature, accepted=accepted)).decode()
    assert (await stage.ask_paid(broken)).status_code == 400


async def test_more_tickets_than_one_request_may_bring_are_400() -> None:
    stage = LotteryStage(till=TillConfig(tickets_max=2))
    assert (await stage.ask_paid(await stage.sign(await stage.ask(), 3))).status_code == 400


async def test_too_many_quotes_at_once_are_put_off() -> None:
    stage = LotteryStage(till=TillConfig(quotes_max=1))
    stage.scheme._quotes._under_way = 1
    answer = await stage.ask()
    assert (answer.status_code, problem_of(answer)["reason"]) == (503, "busy")


def test_prices_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError):
        LotteryStage(price={"/a": 2**129})
    with pytest.raises(ConfigError):
        LotteryStage(price=101, till=TillConfig(ticket_wei=1))
    with pytest.raises(ConfigError):
        LotteryStage(price="20 dollars")
    with pytest.raises(ConfigError):
        TicketGate(Counted(), price="20 gwei")
    with pytest.raises(ConfigError):
        LotteryStage(price=0)


@pytest.mark.parametrize(
    "setting",
    [
        {"ticket_wei": -1},
        {"tickets_max": 0},
        {"tickets_max": 201},
        {"refresh_blocks": 0},
        {"quotes_max": 0},
        {"senders_max": 0},
        {"remember_ms": 999},
        {"remembered_max": 0},
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        TillConfig(**setting)


async def test_grace_after_a_redemption_lets_the_request_through_for_nothing() -> None:
    stage = LotteryStage(recipient=RecipientConfig(redeem_gas=100_000, grace_tickets=1))
    refused = await stage.ask()
    offer = parse_offer(entry_of(refused))
    assert offer.params is not None
    stage.winnings.revealed.add(offer.params.recipient_rand_hash)
    first = await stage.ask_paid(await stage.sign(refused))
    second = await stage.ask_paid(await stage.sign(refused))
    assert (first.status_code, second.status_code) == (200, 402)
    assert problem_of(second)["reason"] == "params_expired"


async def test_the_scheme_can_be_used_without_a_gate() -> None:
    stage = LotteryStage()
    scheme: LotteryScheme = stage.scheme
    assert (scheme.name, scheme.network) == ("lottery", "eip155:1337")
    with pytest.raises(PeerError):
        scheme._quotes.read({"recipient": 5})
    assert isinstance(await scheme._quotes.quote(STRANGER, 1, stage.clock.now()), Rejected)
