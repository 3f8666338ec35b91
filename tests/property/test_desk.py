"""Whatever is cancelled, killed or done at once: no ticket is taken twice, and no winner that was taken is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from parley.adapters.lottery.desk import Desk
from parley.adapters.memory.store import MemoryClaims
from parley.lottery.known_signers import KnownSigner
from parley.lottery.nonces import StrictNonces, WindowNonces
from parley.lottery.params import CreationRound, Payment, Price, TicketParams, payment_tickets
from parley.lottery.received import ReceivedBatch
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.signing import recover_signer, signing_digest
from parley.lottery.ticket_bytes import TicketBytes
from parley.lottery.verdicts import Fault, Receipt
from parley.ports.store import Claims, Documents
from parley.primitives import ecdsa
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.known_keys import KnownKey
from parley.protocol.claims import Outcome
from parley.testing.byzantine_senders import Payer, flipped_v, high_s_twin
from tests.property.test_lottery import addresses, hashes, payments, prices, rounds, words
from tests.unit.lottery.desk_parts import PRICE as SHOP_PRICE
from tests.unit.lottery.desk_parts import Shop
from tests.unit.lottery.recipient_parts import ANNA, PRICE, make_recipient, quote, receive

CONFIG = RecipientConfig(cost_multiplier=1, nonce_window=600)
EXPECTED_WEI = 10**14  # two tickets of three win
TURNS = st.integers(0, 10)


# Pure parts against the plainest model.


@settings(max_examples=200)
@given(
    window=st.integers(1, 40),
    nonces=st.lists(st.integers(0, 120) | st.integers(0, 2**32 - 1), max_size=60),
)
def test_a_window_takes_what_a_set_of_all_nonces_would(window: int, nonces: list[int]) -> None:
    policy, taken = WindowNonces(window), set[int]()
    for nonce in nonces:
        wanted = None
        if taken and nonce <= max(taken) - window:
            wanted = Fault.NONCE_TOO_LOW
        elif nonce in taken:
            wanted = Fault.NONCE_SEEN
        assert policy.judge(nonce) is wanted
        assert policy.take(nonce) is wanted
        taken.add(nonce) if wanted is None else None
        assert policy.lowest == (max(0, max(taken) - window + 1) if taken else 0)


@given(nonces=st.lists(st.integers(0, 50), max_size=40))
def test_strict_nonces_ascend(nonces: list[int]) -> None:
    policy = StrictNonces()
    taken = [nonce for nonce in nonces if policy.take(nonce) is None]
    assert taken == sorted(set(taken))
    assert all(policy.take(nonce) is not None for nonce in taken)


def _spoil(kind: int, signature: bytes) -> bytes:
    if kind == 1:
        return high_s_twin(signature)
    if kind == 2:
        return flipped_v(signature)
    if kind == 3:
        return bytes(32) + signature[32:]
    if kind == 4:
        return signature[:64] + b"\x00"
    return signature


@settings(max_examples=60)
@given(
    tickets=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 5), st.booleans()), min_size=1, max_size=20),
    cut=st.integers(0, 20),
    known=st.sampled_from([None, b"\xa1" * 32, b"\xb1" * 32, b"\xc1" * 32]),
)
def test_a_batch_names_the_signers_that_one_by_one_are_named(
    tickets: list[tuple[int, int, bool]], cut: int, known: bytes | None
) -> None:
    params = quote(make_recipient())
    berta = Payer(b"\xb1" * 32, sender=ANNA.sender)
    payment = ANNA.pay(params, [nonce for nonce, _, _ in tickets], PRICE)
    others = berta.pay(params, [nonce for nonce, _, _ in tickets], PRICE)
    payment = ANNA.signed(
        payment,
        [
            _spoil(kind, (theirs if is_other else ours).signature)
            for (_, kind, is_other), ours, theirs in zip(tickets, payment.tickets, others.tickets, strict=True)
        ],
    )
    public = None if known is None else ecdsa.public_key(known)
    signer = None if public is None else KnownSigner(ecdsa.address_of(public), KnownKey(public))
    batch = ReceivedBatch(payment, signer=signer)
    first = min(cut, batch.size)
    batch.recover(first, batch.size)
    batch.recover(0, first)
    assert batch.signers() == tuple(recover_signer(ticket, signature) for ticket, signature in payment_tickets(payment))


@given(payment=payments)
def test_what_is_shared_hashes_as_whole_tickets_do(payment: Payment) -> None:
    if payment.params is None or payment.round is None:
        assert payment_tickets(payment) == ()
        return
    shared = TicketBytes(payment.params, payment.round, payment.sender)
    digests = [shared.digest(signed.nonce) for signed in payment.tickets]
    assert digests == [signing_digest(ticket) for ticket, _ in payment_tickets(payment)]


# Whatever comes in.

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "recipient": addresses,
        "face_value": words,
        "win_prob": words,
        "recipient_rand_hash": hashes,
        "seed": words,
        "expiration_block": words,
    },
)


@settings(max_examples=150)
@given(payment=payments)
def test_a_payment_from_anywhere_is_refused_and_breaks_nothing(payment: Payment) -> None:
    receipt = receive(make_recipient(), payment)
    assert [verdict.nonce for verdict in receipt.verdicts] == [signed.nonce for signed in payment.tickets]
    assert (receipt.taken, receipt.credited_wei, receipt.winners) == (0, 0, ())


@settings(max_examples=150)
@given(changes=CHANGES, made_in=st.none() | rounds, price=st.none() | prices, sender=st.none() | addresses)
def test_with_anything_changed_the_commitment_is_another(
    changes: dict[str, object], made_in: CreationRound | None, price: Price | None, sender: Address | None
) -> None:
    recipient = make_recipient()
    params = quote(recipient)
    changed = replace(params, **changes)  # type: ignore[arg-type]  # each of the type of its field
    payer = ANNA if sender is None else Payer(b"\xa1" * 32, sender=sender)
    payment = payer.pay(changed, [1], price or PRICE, made_in=made_in)
    bound = (payment.params, payment.round, payment.sender, price and (price.per_unit_wei, price.units))
    honest = ANNA.pay(params, [1], PRICE)
    is_honest = bound[:3] == (honest.params, honest.round, honest.sender) and bound[3] in {
        None,
        (PRICE.per_unit_wei, PRICE.units),
    }
    assert receive(recipient, payment).taken == is_honest


# Desks that share a store.


class SlowClaims:
    """Claims that let others run, before and after they take effect."""

    def __init__(self, claims: MemoryClaims) -> None:
        self._claims = claims

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        await asyncio.sleep(0)
        outcome = await self._claims.claim(key, owner, expires_ms, now)
        await asyncio.sleep(0)
        return outcome

    async def prune(self, now: Instant) -> int:
        return await self._claims.prune(now)


class SlowDocuments:
    """Documents that let others run, before and after they are written."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def __getattr__(self, name: str) -> object:
        return getattr(self._documents, name)

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        await asyncio.sleep(0)
        await self._documents.put(namespace, key, value)
        await asyncio.sleep(0)


def slow_shop() -> Shop:
    shop = Shop(CONFIG)
    claims: Claims = SlowClaims(shop.store.claims)
    shop.claims = claims
    shop.documents = SlowDocuments(shop.store.documents)  # type: ignore[assignment]  # passes the rest on
    shop.desk = shop.start()
    return shop


async def turn(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def check(shop: Shop, receipts: list[Receipt]) -> None:
    taken = Counter(verdict.nonce for receipt in receipts for verdict in receipt.verdicts if verdict.fault is None)
    assert [nonce for nonce, times in taken.items() if times > 1] == []
    written = {winner.signed.nonce for winner in await shop.written()}
    won = {winner.signed.nonce for receipt in receipts for winner in receipt.winners}
    assert won <= written


Step = tuple[int, int, list[int]]
NONCES = st.lists(st.sampled_from([1, 2, 3, 4, 255, 256, 257, 511, 512, 600]), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), TURNS, NONCES), min_size=2, max_size=10))
def test_desks_that_are_offered_the_same_tickets_at_once_take_each_once(steps: list[Step]) -> None:
    async def race() -> None:
        shop = slow_shop()
        desks = [shop.desk, shop.start(), shop.start()]
        params = await shop.quote(EXPECTED_WEI)

        async def pay(desk: Desk, turns: int, nonces: list[int]) -> Receipt:
            await turn(turns)
            return await desk.receive(shop.anna.pay(params, nonces, SHOP_PRICE))

        receipts = await asyncio.gather(*(pay(desks[number], turns, nonces) for number, turns, nonces in steps))
        await check(shop, list(receipts))
        for desk in desks:
            await desk.close()

    asyncio.run(race())


@settings(max_examples=60, deadline=None)
@given(
    lives=st.lists(
        st.tuples(st.integers(0, 25), st.lists(st.tuples(TURNS, NONCES), min_size=1, max_size=4)), max_size=4
    )
)
def test_a_desk_that_dies_at_any_moment_takes_no_ticket_twice_and_loses_no_winner(
    lives: list[tuple[int, list[tuple[int, list[int]]]]],
) -> None:
    """A death ends every task of the desk where it stands; what is in memory is gone, and the store stays."""

    async def live(shop: Shop, params: TicketParams, turns: int, offers: list[tuple[int, list[int]]]) -> list[Receipt]:
        desk, receipts = shop.start(), list[Receipt]()

        async def pay(wait: int, nonces: list[int]) -> None:
            await turn(wait)
            receipts.append(await desk.receive(shop.anna.pay(params, nonces, SHOP_PRICE)))

        tasks = [asyncio.create_task(pay(wait, nonces)) for wait, nonces in offers]
        await turn(turns)
        tasks += desk._saved_tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return receipts

    async def run() -> None:
        shop = slow_shop()
        params = await shop.quote(EXPECTED_WEI)
        receipts = [receipt for turns, offers in lives for receipt in await live(shop, params, turns, offers)]
        receipts.append(await shop.desk.receive(shop.anna.pay(params, [1, 256, 600], SHOP_PRICE)))
        await check(shop, receipts)

    asyncio.run(run())


class DeskLife(RuleBasedStateMachine):
    """One desk over rounds, blocks, restarts and reorganisations, against a plain list of what it has taken."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.shop = Shop(RecipientConfig(nonce_window=64))
        self.quotes: list[TicketParams] = []
        self.taken: set[tuple[bytes, int]] = set()

    def teardown(self) -> None:
        self.loop.close()

    @initialize()
    def ask_first(self) -> None:
        self.ask()

    @rule()
    def ask(self) -> None:
        self.quotes.append(self.loop.run_until_complete(self.shop.quote()))

    @rule(
        place=st.integers(0, 5),
        nonces=st.lists(st.integers(1, 300) | st.integers(1_000, 1_100), min_size=1, max_size=5),
    )
    def pay(self, place: int, nonces: list[int]) -> None:
        params = self.quotes[-1 - place % len(self.quotes)]
        payment = self.shop.anna.pay(params, nonces, SHOP_PRICE)
        receipt = self.loop.run_until_complete(self.shop.desk.receive(payment))
        made_in = params.creation_round
        is_good = made_in is not None and made_in.number == self.shop.broker.state.round_number
        for verdict in receipt.verdicts:
            if verdict.fault is None:
                ticket = (params.recipient_rand_hash, verdict.nonce)
                assert ticket not in self.taken
                assert is_good
                assert params.expiration_block > self.shop.broker.head_number
                self.taken.add(ticket)

    @rule(blocks=st.integers(1, 45))
    def mine(self, blocks: int) -> None:
        self.shop.broker.mine(blocks)

    @rule()
    def next_round(self) -> None:
        self.shop.broker.next_round()

    @rule()
    def reorganise(self) -> None:
        # Not below the blocks in which everything was set up.
        if self.shop.broker.head_number > 10:
            self.shop.broker.reorganise(3)

    @rule()
    def restart(self) -> None:
        self.shop.desk = self.shop.start()

    @rule()
    def forge(self) -> None:
        params = replace(self.quotes[-1], face_value=self.quotes[-1].face_value + 1)
        receipt = self.loop.run_until_complete(self.shop.desk.receive(self.shop.anna.pay(params, [1], SHOP_PRICE)))
        assert receipt.credited_wei == 0

    @invariant()
    def memory_is_bounded(self) -> None:
        assert self.shop.desk._recipient.commitments <= len(self.quotes)


DeskLife.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestDeskLife = DeskLife.TestCase
