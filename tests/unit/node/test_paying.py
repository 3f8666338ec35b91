"""A purse pays a desk through the real routes and the real client, with a chain in memory between them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from parley.adapters.lottery.desk import Desk
from parley.adapters.lottery.payment_client import send_payment
from parley.adapters.lottery.payment_routes import payment_routes
from parley.adapters.lottery.purse import Purse
from parley.adapters.memory import MemoryStore, SeededEntropy
from parley.adapters.upload.ticket_client import RemoteAnswer
from parley.errors import ErrorCode, LocalError, ParleyError, PeerError, Rejected, UnavailableError
from parley.lottery.limits import SenderLimits
from parley.lottery.params import PRICE_OF_A_WEI, Payment, TicketParams
from parley.lottery.verdicts import Receipt
from parley.lottery.worth import SHARES_PER_WEI
from parley.node.lottery_metrics import LotteryMetrics
from parley.node.metrics import Metrics
from parley.node.paying import Paid, Payer
from parley.node.payment_book import PaymentBook
from parley.pool.addresses import Address as NodeAddress
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from parley.testing.winnings_model import ModelWinnings

ETHER = 10**18
SHOP = Address(b"\x77" * 20)
URL = NodeAddress("http://127.0.0.1:7421")
WORTH_WEI = 10**12
NOW = Instant(1_800_000_000_000)


async def supervise(work: Awaitable[Response], name: str) -> Response | ParleyError:
    del name
    try:
        return await work
    except ParleyError as error:
        return error


@dataclass
class Shop:
    """A recipient behind its routes, and how often its wire failed."""

    broker: ModelBroker = field(default_factory=ModelBroker)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOW))
    store: MemoryStore = field(default_factory=MemoryStore)
    dear: int = 1
    fails: int = 0
    asked: int = 0
    after: Callable[[str], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self.broker.register(SHOP)
        self.desk = Desk(
            SecretKey(b"\x05" * 32),
            SHOP,
            self.broker,
            self.store.claims,
            self.store.documents,
            entropy=SeededEntropy(b"shop"),
            clock=self.clock,
            winnings=ModelWinnings(),
        )
        routes = payment_routes(self, supervise)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url=URL)

    async def quote(self, sender: Address, worth_wei: int) -> TicketParams | Rejected:
        return await self.desk.quote(sender, worth_wei * self.dear, PRICE_OF_A_WEI)

    async def receive(self, payment: Payment) -> Receipt:
        return await self.desk.receive(payment)

    async def call(self, method: str, url: NodeAddress, path: str, body: bytes | None = None) -> RemoteAnswer:
        assert url == URL
        self.asked += 1
        answer = await self.client.request(method, path, content=body)
        self.after(path)
        if self.fails and path == "/lottery/payment":
            self.fails -= 1
            raise UnavailableError(ErrorCode.UNREACHABLE)
        return RemoteAnswer(answer.status_code, answer.content)


@dataclass
class World:
    """One who pays, and one who is paid."""

    shop: Shop
    purse: Purse
    payer: Payer
    book: PaymentBook
    metrics: LotteryMetrics


@pytest.fixture
async def world() -> AsyncIterator[World]:
    shop = Shop()
    limits = SenderLimits(ticket_max_wei=10 * WORTH_WEI)
    purse = Purse(
        SecretKey(b"\xa1" * 32), shop.broker, MemoryStore().claims, SeededEntropy(b"purse"), shop.clock, limits=limits
    )
    shop.broker.fund(purse.sender, deposit_wei=100 * ETHER, reserve_wei=100 * ETHER)
    book, metrics = PaymentBook(MemoryStore().documents), Metrics().lottery
    yield World(shop, purse, Payer(purse, shop, book, shop.clock, metrics), book, metrics)
    await shop.client.aclose()
    await purse.close()


async def test_every_payment_is_taken_and_worth_what_was_agreed(world: World) -> None:
    paid = await world.payer.pay(URL, requests=40, tickets=5, worth_wei=WORTH_WEI, parallel=8)
    assert (paid.requests, paid.tickets, paid.refused, paid.refusal) == (40, 200, 0, None)
    assert 200 * WORTH_WEI <= paid.worth_wei <= 200 * WORTH_WEI + 200
    assert world.metrics.given._value.get() == 200


async def test_a_new_round_costs_a_few_tickets_and_no_payment(world: World) -> None:
    def pass_rounds(path: str) -> None:
        if path == "/lottery/payment" and world.shop.asked % 20 == 0:
            world.shop.broker.next_round()

    world.shop.after = pass_rounds
    task = world.payer.pay(URL, requests=60, tickets=1, worth_wei=WORTH_WEI, parallel=1)
    paid = await _with_time(world.shop.clock, task)
    assert (paid.requests, paid.refusal) == (60, None)


async def test_a_node_that_asks_for_more_than_was_agreed_is_not_paid(world: World) -> None:
    world.shop.dear = 2
    paid = await world.payer.pay(URL, requests=5, tickets=1, worth_wei=WORTH_WEI, parallel=2)
    assert paid.tickets == 0
    assert paid.refusal is not None
    assert paid.refusal.code is ErrorCode.TOO_EXPENSIVE
    assert paid.refusal.facts["limit_wei"] == str(WORTH_WEI)


async def test_what_the_own_limits_forbid_is_not_signed(world: World) -> None:
    paid = await world.payer.pay(URL, requests=5, tickets=1, worth_wei=11 * WORTH_WEI, parallel=2)
    assert paid.tickets == 0
    assert paid.refusal is not None
    assert paid.refusal.code is ErrorCode.TOO_EXPENSIVE
    assert world.metrics.held_back.labels("ticket_too_dear")._value.get() >= 1


async def test_a_lost_answer_costs_its_ticket_and_the_payment_is_made_with_another(world: World) -> None:
    world.shop.fails = 3
    task = world.payer.pay(URL, requests=10, tickets=1, worth_wei=WORTH_WEI, parallel=1)
    paid = await _with_time(world.shop.clock, task)
    assert (paid.requests, paid.tickets, paid.refused) == (10, 10, 3)


async def test_a_node_that_never_answers_is_told_in_the_end(world: World) -> None:
    def go_down(path: str) -> None:
        raise UnavailableError(ErrorCode.UNREACHABLE, path=path)

    world.shop.after = go_down
    task = world.payer.pay(URL, requests=1, tickets=1, worth_wei=WORTH_WEI, parallel=1)
    with pytest.raises(UnavailableError) as caught:
        await _with_time(world.shop.clock, task)
    assert caught.value.code is ErrorCode.UNREACHABLE
    assert world.purse.outstanding_wei == 0, "nothing is signed for who does not answer"


async def test_who_takes_tickets_and_never_answers_gets_a_few_and_no_more(world: World) -> None:
    world.shop.fails = 10**6
    task = world.payer.pay(URL, requests=20, tickets=1, worth_wei=WORTH_WEI, parallel=1)
    paid = await _with_time(world.shop.clock, task)
    assert (paid.requests, paid.refused) == (0, 29)
    assert paid.refusal is not None
    assert paid.refusal.code is ErrorCode.TOO_EXPENSIVE


async def test_who_keeps_tickets_and_says_that_they_were_not_taken_gets_few_of_them(world: World) -> None:
    answers = itertools.count()

    async def keep_most(method: str, url: NodeAddress, path: str, body: bytes | None = None) -> RemoteAnswer:
        answer = await Shop.call(world.shop, method, url, path, body)
        if path == "/lottery/payment" and next(answers) % 10:
            return RemoteAnswer(402, b'{"taken": 0, "facts": {"reaction": "retry"}}')
        return answer

    world.shop.call = keep_most  # type: ignore[method-assign]  # a liar
    task = world.payer.pay(URL, requests=100, tickets=1, worth_wei=WORTH_WEI, parallel=1)
    paid = await _with_time(world.shop.clock, task)
    assert paid.tickets + paid.refused == 129
    assert paid.refusal is not None
    assert paid.refusal.code is ErrorCode.TOO_EXPENSIVE


async def test_a_sender_without_money_is_told_why(world: World) -> None:
    world.shop.broker.unlock(world.purse.sender)
    world.shop.broker.next_round()
    with pytest.raises(PeerError) as caught:
        await world.payer.pay(URL, requests=1, tickets=1, worth_wei=WORTH_WEI, parallel=1)
    assert caught.value.code is ErrorCode.FUNDS_TOO_LOW


@pytest.mark.parametrize(("url", "worth_wei"), [("nonsense", 1), ("ftp://127.0.0.1", 1), (URL, 0), (URL, -1)])
async def test_wrong_words_are_refused_before_anything_is_asked(world: World, url: str, worth_wei: int) -> None:
    with pytest.raises(LocalError):
        await world.payer.pay(url, requests=1, tickets=1, worth_wei=worth_wei, parallel=1)
    with pytest.raises(LocalError):
        await world.payer.quote(url, worth_wei=worth_wei)
    assert world.shop.asked == 0


async def test_a_quote_says_what_a_winner_is_worth(world: World) -> None:
    quoted = await world.payer.quote(URL, worth_wei=WORTH_WEI)
    assert quoted["would_pay"] is True
    face_value_wei = int(str(quoted["face_value_wei"]))
    assert int(str(quoted["worth_wei"])) in {WORTH_WEI, WORTH_WEI + 1}
    assert quoted["tickets_per_winner"] == face_value_wei // WORTH_WEI - (1 if face_value_wei % WORTH_WEI == 0 else 0)


async def test_a_ticket_shown_twice_is_refused_with_its_reason(world: World) -> None:
    params = await world.shop.quote(world.purse.sender, WORTH_WEI)
    assert isinstance(params, TicketParams)
    payment = await world.purse.pay(params, PRICE_OF_A_WEI, 3)
    assert isinstance(payment, Payment)
    first = await send_payment(world.shop, URL, payment)
    again = await send_payment(world.shop, URL, payment)
    assert (first.taken, first.reaction) == (3, None)
    assert again.taken == 0
    answer = await world.shop.client.post("/lottery/payment", content=b"{")
    assert (answer.status_code, answer.json()["reason"]) == (400, "malformed")
    assert SHARES_PER_WEI == 2**256 - 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?sender=0x12&worth_wei=1",
        "?worth_wei=1",
        "?sender=0x7777777777777777777777777777777777777777&worth_wei=0",
        "?sender=0x7777777777777777777777777777777777777777&worth_wei=01",
        "?sender=0x7777777777777777777777777777777777777777&worth_wei=1&worth_wei=2",
        "?sender=0x7777777777777777777777777777777777777777&worth_wei=1&more=1",
        "?sender=0x7777777777777777777777777777777777777777&worth_wei=" + "9" * 79,
    ],
)
async def test_a_wrong_question_for_parameters_is_refused(world: World, query: str) -> None:
    answer = await world.shop.client.get("/lottery/params" + query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def _with_time(clock: VirtualClock, work: Awaitable[Paid]) -> Paid:
    """Wait for something, and let the clock run whenever it waits."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0)
        clock.advance(50)
    return await task
