"""A second way to pay beside work, and instead of it: coins that are good once, and sometimes cannot be counted."""

from __future__ import annotations

import httpx
import pytest

from parley.errors import ConfigError, ErrorCode, PeerError, Rejected, UnavailableError
from parley.gate.binding import Act
from parley.gate.middleware import TicketGate
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.x402 import (
    RESPONSE_HEADER,
    X402_VERSION,
    PaymentSignature,
    Requirement,
    encode_header,
    parse_response,
)
from parley.primitives.instants import Instant
from parley.protocol.work import Registry
from tests.unit.gate.stage import Counted, Stage, pay, problem_of, required_of


class Coins:
    """Pays with numbers that were not used before (a `Scheme`)."""

    name = "coin"
    network = "test:mint"

    def __init__(self, *, atoms_per_unit: int = 10, entries: int = 1) -> None:
        self.spent: dict[int, tuple[Act, bytes]] = {}
        self.is_closed = False
        self._atoms_per_unit = atoms_per_unit
        self._entries = entries

    def check_price(self, price: int) -> None:
        if price > 1_000:
            raise ConfigError(ErrorCode.CONFIG_INVALID, price_units=price)

    async def offer(self, charge: Charge, now: Instant) -> tuple[Requirement, ...]:
        del now
        if self.is_closed:
            raise UnavailableError(ErrorCode.UNREACHABLE, retry_after_ms=9_000)
        entry = Requirement(
            scheme=self.name,
            network=self.network,
            amount=str(charge.price * self._atoms_per_unit),
            asset="coin",
            pay_to="mint",
            max_timeout_seconds=1,
        )
        return (entry,) * self._entries

    async def settle(self, payment: PaymentSignature, charge: Charge, now: Instant) -> Settled | Repeated | Rejected:
        act, payer = charge.act, charge.payer
        coin = payment.payload.get("coin")
        if not isinstance(coin, int):
            raise PeerError(ErrorCode.MALFORMED, field="coin")
        if self.is_closed:
            raise UnavailableError(ErrorCode.UNREACHABLE, retry_after_ms=9_000)
        if coin in self.spent:
            return Repeated(str(coin)) if self.spent[coin] == (act, payer) else Rejected(ErrorCode.ALREADY_SPENT)
        self.spent[coin] = (act, payer)
        return Settled(str(coin), Instant(now + 1_000), {"won": coin % 2 == 0})


def coin(refused: httpx.Response, number: object) -> str:
    """Pay with a coin; return the value of PAYMENT-SIGNATURE."""
    entry = next(entry for entry in required_of(refused).accepts if entry.scheme == "coin")
    signature = PaymentSignature(x402_version=X402_VERSION, accepted=entry, payload={"coin": number})
    return encode_header(signature).decode()


async def test_both_ways_are_offered_work_first_and_either_admits() -> None:
    stage = Stage(schemes=(Coins(),))
    refused = await stage.ask()
    assert [(entry.scheme, entry.amount) for entry in required_of(refused).accepts] == [("pow", "3"), ("coin", "30")]
    assert (await stage.ask_paid(pay(refused))).status_code == 200
    assert (await stage.ask_paid(coin(refused, 4))).status_code == 200
    assert stage.app.acted == 2


async def test_what_the_scheme_says_goes_into_the_receipt() -> None:
    stage = Stage(schemes=(Coins(),), methods=Registry(()))
    answer = await stage.ask_paid(coin(await stage.ask(), 4))
    receipt = parse_response(answer.headers[RESPONSE_HEADER].encode())
    assert (receipt.transaction, receipt.network, receipt.extra) == ("4", "test:mint", {"won": True})


async def test_repeats_and_refusals_are_the_gates_to_answer() -> None:
    stage = Stage(schemes=(Coins(),), methods=Registry(()))
    signature = coin(await stage.ask("POST"), 7)
    first = await stage.ask_paid(signature, "POST")
    again = await stage.ask_paid(signature, "POST")
    other = await stage.ask_paid(signature, "PUT")
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 402)
    assert problem_of(other)["reason"] == "already_spent"
    assert stage.app.acted == 1


async def test_a_payload_of_another_form_is_400() -> None:
    stage = Stage(schemes=(Coins(),))
    assert (await stage.ask_paid(coin(await stage.ask(), "seven"))).status_code == 400


async def test_one_way_that_is_closed_leaves_the_other() -> None:
    coins = Coins()
    stage = Stage(schemes=(coins,))
    signature = coin(await stage.ask(), 1)
    coins.is_closed = True
    assert [entry.scheme for entry in required_of(await stage.ask()).accepts] == ["pow"]
    answer = await stage.ask_paid(signature)
    assert (answer.status_code, answer.headers["retry-after"], stage.app.acted) == (503, "9", 0)


async def test_without_any_way_to_pay_one_has_to_wait() -> None:
    coins = Coins()
    coins.is_closed = True
    stage = Stage(schemes=(coins,), methods=Registry(()))
    answer = await stage.ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "9")
    assert problem_of(answer)["reason"] == "unreachable"


async def test_an_offer_stays_within_what_clients_read() -> None:
    stage = Stage(schemes=(Coins(entries=40),))
    assert len(required_of(await stage.ask()).accepts) == 16


def test_two_schemes_of_one_name_and_prices_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError):
        TicketGate(Counted(), schemes=(Coins(), Coins()))
    with pytest.raises(ConfigError):
        TicketGate(Counted(), schemes=(Coins(),), price_units={"/a": 1, "/b": 1_001})
