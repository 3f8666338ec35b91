"""No proof admits a request that it was not made for, and no proof admits two."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.adapters.sqlite.store import SqliteStore
from parley.errors import PeerError, Rejected
from parley.gate.binding import Act, act_of
from parley.gate.middleware import TicketGate
from parley.gate.paying import OwnRequest, WorkOrder, choose_work, payment_header
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.work_scheme import WorkScheme
from parley.gate.x402 import (
    PaymentRequired,
    PaymentSignature,
    Requirement,
    Resource,
    encode_header,
    parse_required,
    parse_signature,
)
from parley.ports.store import Claims
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry, Solution
from tests.unit.gate.stage import SECRET, START, Counted, Inbox

METHODS = Registry((ProofOfWork(tries_per_unit=1),))
PAYER = bytes(32)

realms = st.sampled_from(["", "a", "a:80", "a/b", "b", "a.b"])
targets = st.sampled_from([b"/", b"/?", b"/a", b"/b", b"/a/b", b"/a?b", b"/a?b=%20", b"/%61"]) | st.binary(
    min_size=1, max_size=20
)
texts = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=3)
entries = st.builds(
    Requirement,
    scheme=texts,
    network=texts,
    amount=texts,
    asset=texts,
    pay_to=texts,
    max_timeout_seconds=st.integers(0, 2**31),
    extra=objects,
)


def make_scheme(claims: Claims, seed: bytes = b"scheme") -> WorkScheme:
    return WorkScheme(METHODS, secret=SECRET, claims=claims, entropy=SeededEntropy(seed), ticket_ms=60_000)


@dataclass(frozen=True)
class Sent:
    """A request as both sides see it."""

    method: str
    realm: str
    target: bytes
    body: bytes

    def act(self) -> Act:
        return act_of(method=self.method, realm=self.realm, target=self.target, body=self.body)

    def charge(self) -> Charge:
        return Charge(self.act(), 2, PAYER)

    def own(self) -> OwnRequest:
        host, slash, prefix = self.realm.partition("/")
        return OwnRequest(self.method, host, (slash + prefix).encode() + self.target, self.body)


sent = st.builds(
    Sent,
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    realm=realms,
    target=targets,
    body=st.binary(max_size=20),
)


async def earn(scheme: WorkScheme, request: Sent) -> PaymentSignature:
    """Take an offer for a request and pay it as a client does."""
    offered = await scheme.offer(request.charge(), START)
    required = PaymentRequired(x402_version=2, resource=Resource(url=""), accepts=offered)
    order = choose_work(required, request.own(), METHODS, 10_000)
    if not isinstance(order, WorkOrder):
        pytest.fail("no order")
    found = order.method.start(order.challenge).step(1_000_000)
    if not isinstance(found, Solution):
        pytest.fail("no solution")
    return parse_signature(payment_header(order, found.proof))


@given(sent, sent)
def test_different_requests_have_different_bindings(one: Sent, other: Sent) -> None:
    assume(one != other)
    assert one.act().digest != other.act().digest
    assert one.act().binding() != other.act().binding()


@given(sent, sent)
def test_a_proof_admits_its_own_request_and_no_other(own: Sent, other: Sent) -> None:
    async def run() -> None:
        scheme = make_scheme(MemoryStore().claims)
        payment = await earn(scheme, own)
        if other != own:
            refused = await scheme.settle(payment, other.charge(), START)
            assert isinstance(refused, Rejected)
            assert refused.facts == {"fault": "binding"}
        assert isinstance(await scheme.settle(payment, own.charge(), START), Settled)
        if other != own:
            assert isinstance(await scheme.settle(payment, other.charge(), START), Rejected)

    asyncio.run(run())


@given(sent, sent)
def test_a_client_works_for_its_own_request_alone(own: Sent, other: Sent) -> None:
    assume(own != other)

    async def run() -> None:
        offered = await make_scheme(MemoryStore().claims).offer(other.charge(), START)
        required = PaymentRequired(x402_version=2, resource=Resource(url=""), accepts=offered)
        outcome = choose_work(required, own.own(), METHODS, 10_000)
        if isinstance(outcome, WorkOrder):
            # Where a realm ends and a target begins, the client cannot know: one URL is one request to it.
            assert own.realm.encode() + own.target == other.realm.encode() + other.target
            assert (own.method, own.body) == (other.method, other.body)

    asyncio.run(run())


@given(sent, st.data())
def test_a_payment_changed_anywhere_admits_nothing_new(request: Sent, data: st.DataObject) -> None:
    async def run() -> None:
        scheme = make_scheme(MemoryStore().claims)
        payment = await earn(scheme, request)
        value = bytearray(encode_header(payment))
        place = data.draw(st.integers(0, len(value) - 1))
        value[place] = data.draw(st.integers(0, 255))
        try:
            damaged = parse_signature(bytes(value))
            first = await scheme.settle(damaged, request.charge(), START)
        except PeerError:
            first = None
        second = await scheme.settle(payment, request.charge(), START)
        assert sum(isinstance(outcome, Settled) for outcome in (first, second)) == 1

    asyncio.run(run())


@given(objects, entries)
def test_what_is_encoded_parses_to_the_same(payload: dict[str, object], entry: Requirement) -> None:
    signature = PaymentSignature(x402_version=2, accepted=entry, payload=payload)
    repeating = _has_twins(payload) or _has_twins(entry.extra)
    try:
        assert parse_signature(encode_header(signature)) == signature
    except PeerError:
        assert repeating
    required = PaymentRequired(x402_version=2, resource=Resource(url="u"), accepts=(entry,))
    try:
        assert parse_required(encode_header(required)) == required
    except PeerError:
        assert _has_twins(entry.extra)


def _has_twins(value: object) -> bool:
    """Say whether two members differ in the case of their letters alone, which readers may confuse."""
    if isinstance(value, list):
        return any(_has_twins(inner) for inner in value)
    if not isinstance(value, dict):
        return False
    names = {name.lower() if name.isascii() else name for name in value}
    return len(names) < len(value) or any(_has_twins(inner) for inner in value.values())


@pytest.mark.parametrize("is_durable", [False, True])
async def test_identical_payments_at_once_through_several_gates_act_once(tmp_path: Path, *, is_durable: bool) -> None:
    store = await SqliteStore.open(tmp_path / "store.sqlite") if is_durable else MemoryStore()
    apps = [Counted() for _ in range(3)]
    gates = [TicketGate(app, secret=SECRET, claims=store.claims, methods=METHODS, price_units=2) for app in apps]
    try:
        for number in range(10):
            target = f"/{number}".encode()
            value = encode_header(await earn(_issuer(gates[0]), Sent("POST", "gate.test", target, b"x")))
            inboxes = [Inbox({"type": "http.request", "body": b"x"}) for _ in range(12)]
            scope = {
                "type": "http",
                "method": "POST",
                "path": target.decode(),
                "raw_path": target,
                "query_string": b"",
                "scheme": "http",
                "headers": [(b"host", b"gate.test"), (b"payment-signature", value)],
            }
            await asyncio.gather(
                *(gates[place % 3](scope, inbox.receive, inbox.send) for place, inbox in enumerate(inboxes))
            )
            assert sum(app.acted for app in apps) == number + 1
            assert {inbox.sent[0]["status"] for inbox in inboxes} <= {200, 409}
    finally:
        await store.close()


def _issuer(gate: TicketGate) -> WorkScheme:
    scheme = gate._tariff[0][0]
    assert isinstance(scheme, WorkScheme)
    return scheme


@settings(max_examples=50)
@given(sent, st.integers(-5, 5))
def test_an_offer_counts_until_its_end_and_not_after(request: Sent, offset_ms: int) -> None:
    async def run() -> None:
        scheme = make_scheme(MemoryStore().claims)
        payment = await earn(scheme, request)
        now = Instant(START + 60_000 + offset_ms)
        outcome = await scheme.settle(payment, request.charge(), now)
        assert isinstance(outcome, Settled) == (offset_ms < 0)
        if offset_ms < 0:
            assert isinstance(await scheme.settle(payment, request.charge(), now), Repeated)

    asyncio.run(run())
