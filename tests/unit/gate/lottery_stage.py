"""A gate that takes lottery tickets, a purse that pays, and a chain in memory between them."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from parley.adapters.lottery.desk import Desk
from parley.adapters.lottery.purse import Purse
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.gate.config import GateConfig
from parley.gate.lottery_auth import LotteryAuth
from parley.gate.lottery_budget import LotteryBudget
from parley.gate.lottery_forms import account_text, lottery_header, parse_offer, tickets_needed
from parley.gate.lottery_scheme import LotteryScheme
from parley.gate.middleware import TicketGate
from parley.gate.till_config import TillConfig
from parley.gate.x402 import REQUIRED_HEADER, SENDER_HEADER, SIGNATURE_HEADER, Requirement, parse_required
from parley.lottery.limits import SenderLimits
from parley.lottery.params import Payment, TicketParams
from parley.lottery.recipient_config import RecipientConfig
from parley.primitives import ecdsa
from parley.primitives.hashing import sha256
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from parley.testing.winnings_model import ModelWinnings
from tests.unit.gate.stage import ORIGIN, START, Content, Counted, Headers

RECIPIENT = Address(b"\x70" * 20)
GWEI = 10**9
PRICE_WEI = 20 * GWEI
CHAIN_ID = 1337
PLENTY = SenderLimits(ticket_max_wei=10**15, payment_max_wei=10**17)


class LotteryStage:
    """A gate with a till in front of an application, and one sender with money.

    Attributes:
        app: what is guarded.
        broker: the chain, moved by the test.
        scheme: that takes tickets.
        purse: that pays.
    """

    def __init__(
        self,
        app: Counted | None = None,
        *,
        price: int | str | Mapping[str, int | str] = PRICE_WEI,
        price_units: int | None = None,
        till: TillConfig | None = None,
        config: GateConfig | None = None,
        recipient: RecipientConfig | None = None,
        deposit_wei: int = 10**18,
        reserve_wei: int = 10**18,
    ) -> None:
        self.app = Counted() if app is None else app
        self.clock = VirtualClock(START)
        self.broker = ModelBroker(chain_id=CHAIN_ID)
        self.broker.register(RECIPIENT)
        self.key = SecretKey(sha256(b"sender"))
        self.sender = ecdsa.address_of(ecdsa.public_key(self.key.reveal()))
        if deposit_wei or reserve_wei:
            self.broker.fund(self.sender, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
        self.winnings = ModelWinnings()
        self.store = MemoryStore()
        self.recipient_config = RecipientConfig(redeem_gas=100_000) if recipient is None else recipient
        self.till_config = TillConfig() if till is None else till
        self.scheme = self.open_till()
        self.gate = TicketGate(
            self.app, price=price, price_units=price_units, till=self.scheme, config=config, clock=self.clock
        )
        self.purse = Purse(
            self.key, self.broker, MemoryStore().claims, SeededEntropy(b"purse"), self.clock, limits=PLENTY
        )

    def open_till(self, seed: bytes = b"desk") -> LotteryScheme:
        """Take tickets as a process does that has just started."""
        self.desk = Desk(
            SecretKey(sha256(b"secret")),
            RECIPIENT,
            self.broker,
            self.store.claims,
            self.store.documents,
            entropy=SeededEntropy(seed),
            clock=self.clock,
            winnings=self.winnings,
            config=self.recipient_config,
        )
        return LotteryScheme(self.desk, self.broker, chain_id=CHAIN_ID, recipient=RECIPIENT, config=self.till_config)

    def auth(self, budget: LotteryBudget | None = None, *, attempts_max: int = 2) -> LotteryAuth:
        """Return what pays for a client."""
        allowed = LotteryBudget(request_wei=10**15, total_wei=10**18) if budget is None else budget
        broker = self.broker.address
        return LotteryAuth(self.purse, allowed, chain_id=CHAIN_ID, broker=broker, attempts_max=attempts_max)

    def client(self, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
        """Return a client that talks to the gate without a socket."""
        transport = httpx.ASGITransport(self.gate, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, auth=auth)

    async def ask(
        self, method: str = "GET", url: str = "/search", *, content: Content = None, headers: Headers = ()
    ) -> httpx.Response:
        """Send one request, naming the sender unless the headers do."""
        named = (SENDER_HEADER, account_text(CHAIN_ID, self.sender))
        async with self.client() as client:
            return await client.request(method, url, content=content, headers=[named, *headers])

    async def tickets(self, params: TicketParams, count: int) -> Payment:
        """Sign tickets."""
        payment = await self.purse.pay(params, None, count)
        assert isinstance(payment, Payment), payment
        return payment

    async def sign(self, refused: httpx.Response, count: int | None = None) -> str:
        """Pay what a 402 asks for; return the value of PAYMENT-SIGNATURE."""
        offer = parse_offer(entry_of(refused))
        assert offer.params is not None
        wanted = tickets_needed(offer.amount_wei, offer.params) if count is None else count
        return lottery_header(offer.entry, await self.tickets(offer.params, wanted)).decode()

    async def ask_paid(
        self, signature: str, method: str = "GET", url: str = "/search", *, content: Content = None
    ) -> httpx.Response:
        """Send one request with a payment."""
        return await self.ask(method, url, content=content, headers=[(SIGNATURE_HEADER, signature)])


def entry_of(refused: httpx.Response) -> Requirement:
    """Return the entry of a 402 that asks for tickets."""
    assert refused.status_code == 402, refused.text
    required = parse_required(refused.headers[REQUIRED_HEADER].encode())
    return next(entry for entry in required.accepts if entry.scheme == "lottery")
