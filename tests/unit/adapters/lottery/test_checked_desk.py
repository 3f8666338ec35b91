"""A desk gives no quotes where a winner would not be paid, and says why."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from parley.adapters.lottery.checked_desk import CheckedDesk
from parley.errors import ConfigError, ErrorCode, Rejected
from parley.ledgers.evm.addresses import checksum_text
from parley.lottery.params import TicketParams
from parley.lottery.views import BrokerPeriods
from parley.primitives.ids import Address
from tests.unit.lottery.desk_parts import ETHER, PRICE, RECIPIENT, Shop

WORTH_WEI = 10**14


def periods(unlock: int, validity: int, freeze: int | None = None) -> BrokerPeriods:
    return BrokerPeriods(unlock_rounds=unlock, freeze_rounds=freeze, ticket_validity_rounds=validity)


@dataclass
class SaidTerms:
    """A broker that says what it is told to."""

    said: BrokerPeriods
    recipients: frozenset[Address] = frozenset()

    async def periods(self) -> BrokerPeriods:
        return self.said

    async def is_recipient(self, account: Address) -> bool:
        return account in self.recipients


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        (periods(7, 2), True),
        (periods(2, 2), True),
        (periods(1, 2), False),
        (periods(0, 1), False),
        (periods(0, 0), False),
        (periods(3, 3, freeze=3), True),
        (periods(3, 3, freeze=2), False),
        (periods(2, 3, freeze=3), False),
    ],
)
def test_a_broker_holds_money_for_as_long_as_it_pays_tickets_or_not(said: BrokerPeriods, holds: bool) -> None:  # noqa: FBT001 - a row of the table
    assert said.outlast_tickets is holds


@pytest.mark.parametrize("said", [periods(1, 2), periods(2, 2, freeze=1)])
async def test_where_funds_may_go_in_front_of_winners_nothing_is_quoted(said: BrokerPeriods) -> None:
    shop = Shop()
    desk = CheckedDesk(shop.desk, SaidTerms(said, frozenset({RECIPIENT})))
    with pytest.raises(ConfigError) as raised:
        await desk.check()
    assert raised.value.code is ErrorCode.CONFIG_INVALID
    facts = raised.value.facts
    assert (facts["unlock_rounds"], facts["ticket_validity_rounds"]) == (said.unlock_rounds, 2)
    quoted = await desk.quote(shop.anna.address, WORTH_WEI, PRICE)
    assert isinstance(quoted, Rejected)
    assert quoted.code is ErrorCode.TICKET_REFUSED
    assert quoted.facts["reason"] == "senders could withdraw while their tickets can be redeemed"


async def test_a_broker_whose_periods_change_is_believed_at_the_next_quote() -> None:
    shop = Shop()
    terms = SaidTerms(periods(7, 2), frozenset({RECIPIENT}))
    desk = CheckedDesk(shop.desk, terms)
    assert await desk.check()
    assert isinstance(await desk.quote(shop.anna.address, WORTH_WEI, PRICE), TicketParams)
    terms.said = periods(1, 2)
    assert isinstance(await desk.quote(shop.anna.address, WORTH_WEI, PRICE), Rejected)


async def test_a_recipient_that_is_not_registered_says_so_instead_of_blaming_the_sender() -> None:
    shop = Shop()
    desk = CheckedDesk(shop.desk, shop.broker)
    shop.broker.unregister(RECIPIENT)
    assert not await desk.check()
    quoted = await desk.quote(shop.anna.address, WORTH_WEI, PRICE)
    assert quoted == Rejected(ErrorCode.NOT_REGISTERED, {"recipient": checksum_text(RECIPIENT)})
    shop.broker.register(RECIPIENT)
    assert await desk.check()
    assert isinstance(await desk.quote(shop.anna.address, WORTH_WEI, PRICE), TicketParams)


async def test_a_sender_that_is_short_is_told_that_whoever_is_registered() -> None:
    shop = Shop()
    desk = CheckedDesk(shop.desk, shop.broker)
    for _ in range(2):
        too_dear = await desk.quote(shop.anna.address, 1_000 * ETHER, PRICE)
        assert isinstance(too_dear, Rejected)
        nobody = await desk.quote(Address(b"\x99" * 20), WORTH_WEI, PRICE)
        assert isinstance(nobody, Rejected)
        assert nobody.code is ErrorCode.FUNDS_TOO_LOW
        is_registered = await desk.check()
        assert too_dear.code is (ErrorCode.FUNDS_TOO_LOW if is_registered else ErrorCode.NOT_REGISTERED)
        shop.broker.unregister(RECIPIENT)


async def test_payments_go_through_to_the_desk() -> None:
    shop = Shop()
    desk = CheckedDesk(shop.desk, shop.broker)
    params = await desk.quote(shop.anna.address, WORTH_WEI, PRICE)
    assert isinstance(params, TicketParams)
    receipt = await desk.receive(shop.anna.pay(params, [1, 2], PRICE))
    assert receipt.taken == 2
    assert desk.recipient == RECIPIENT
    await desk.close()
