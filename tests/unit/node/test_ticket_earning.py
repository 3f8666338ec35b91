"""Tickets of other nodes are earned within the budget, and what comes too late is asked for again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from parley.adapters.solving import WorkSolver
from parley.adapters.upload.ticket_client import Offer
from parley.errors import ErrorCode, PeerError
from parley.node.ticket_earning import Solving, TicketEarner, challenge_of
from parley.pool.addresses import Address
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Accepted, Evidence, Pending, Registry, Solution, WorkMethod
from parley.upload.methods import Arithmetic, MemoryHard, Payment
from parley.upload.tokens import Token, encode_token, token_binding
from tests.unit.node.parts import NOW, SetClock

ROUTE = Address("http://127.0.0.1:7421")
SENDER, RECIPIENT = b"\x01" * 32, b"\x02" * 32
SECRET = bytes(32)
LATER = Instant(NOW + 60_000)
MEMORY = Registry((MemoryHard(memory_kib=8),))
METHODS = Registry((ProofOfWork(form="bits"), Arithmetic()))


def offer_of(number: int, method: str = "pow", units: int = 1, expires_ms: Instant = LATER) -> Offer:
    """Return a ticket as an issuer of this package sends it."""
    challenge_id = ChallengeId(number.to_bytes(16, "big"))
    tied_to = token_binding(SENDER, RECIPIENT, 1_000, "mail")
    offered = METHODS.challenge(
        wants=[method], units=units, binding=tied_to, id=challenge_id, expires_ms=expires_ms, secret=SECRET
    )
    assert isinstance(offered, tuple)
    token = Token(challenge_id, SENDER, RECIPIENT, 1_000, "mail", "", 0, NOW, expires_ms, offered[0])
    return Offer(encode_token(token, SECRET), False, expires_ms, method, offered[0].params)  # noqa: FBT003  # the field


@dataclass
class Issuer:
    """Answers requests and results from lists."""

    requests: list[Offer]
    results: list[Offer] = field(default_factory=list)
    submitted: list[tuple[str, str, int | str]] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def request_ticket(
        self, url: Address, *, sender: bytes, recipient: bytes, preference: tuple[str, ...]
    ) -> Offer:
        assert (url, sender, recipient) == (ROUTE, SENDER, RECIPIENT)
        self.asked.append(preference)
        return self.requests.pop(0)

    async def submit(self, url: Address, ticket_id: str, method: str, result: int | str) -> Offer:
        assert url == ROUTE
        self.submitted.append((ticket_id, method, result))
        return self.results.pop(0) if self.results else Offer(ticket_id, is_valid=True, expires_ms=LATER)


class Asking:
    """Cannot do it alone."""

    async def solve(self, method: WorkMethod, challenge: Challenge) -> Solution | Pending:
        del method, challenge
        return Pending("a picture")


class Endless:
    """Never done."""

    async def solve(self, method: WorkMethod, challenge: Challenge) -> Solution | Pending:
        del method, challenge
        return await asyncio.Event().wait()  # type: ignore[return-value]  # never returns


async def earn(issuer: Issuer, *, tries_max: int = 2**20, solver: Solving | None = None) -> Offer:
    async with WorkSolver(cores=1) as own:
        earner = TicketEarner(issuer, METHODS, solver or own, tries_max=tries_max, clock=SetClock())
        return await earner.earn(ROUTE, sender=SENDER, recipient=RECIPIENT)


async def test_a_valid_ticket_needs_no_work() -> None:
    given = Offer("granted", is_valid=True, expires_ms=LATER)
    issuer = Issuer([given])
    assert await earn(issuer) == given
    assert (issuer.asked, issuer.submitted) == ([("pow", "math")], [])


@pytest.mark.parametrize("method", ["pow", "math"])
async def test_a_ticket_is_earned(method: str) -> None:
    asked = offer_of(1, method)
    issuer = Issuer([asked])
    assert (await earn(issuer)).is_valid
    [(ticket_id, name, result)] = issuer.submitted
    assert (ticket_id, name) == (asked.ticket_id, method)
    known = METHODS.find(method)
    assert known is not None
    proof = known.parse_result(result)
    assert proof is not None
    verdict = METHODS.check(
        challenge_of(asked),
        proof,
        binding=token_binding(SENDER, RECIPIENT, 1_000, "mail"),
        now=NOW,
        secret=SECRET,
    )
    assert verdict == Accepted()


async def test_the_params_alone_do_where_the_ticket_is_no_token_of_ours() -> None:
    asked = Offer(
        "e126da5d-0000", is_valid=False, expires_ms=LATER, worktype="pow", work={"bits": 8, "data": "ZGF0YQ=="}
    )
    issuer = Issuer([asked])
    await earn(issuer)
    challenge, method = challenge_of(asked), ProofOfWork(form="bits")
    proof = method.parse_result(issuer.submitted[0][2])
    assert proof is not None
    assert method.verify(challenge, Evidence(proof, NOW, bytes(32))) == Accepted()


async def test_a_result_that_is_refused_is_followed_by_another() -> None:
    issuer = Issuer([offer_of(1)], results=[offer_of(2)])
    assert (await earn(issuer)).is_valid
    assert [one[0] for one in issuer.submitted] == [offer_of(1).ticket_id, offer_of(2).ticket_id]


async def test_who_refuses_every_result_is_left() -> None:
    issuer = Issuer([offer_of(1)], results=[offer_of(2), offer_of(3), offer_of(4)])
    with pytest.raises(PeerError) as caught:
        await earn(issuer)
    assert caught.value.code is ErrorCode.WORK_REJECTED
    assert len(issuer.submitted) == 3


async def test_what_expires_before_it_is_done_is_asked_for_again() -> None:
    issuer = Issuer([offer_of(1, expires_ms=NOW), Offer("granted", is_valid=True, expires_ms=LATER)])
    assert (await earn(issuer, solver=Endless())).ticket_id == "granted"
    assert (len(issuer.asked), issuer.submitted) == (2, [])


@pytest.mark.parametrize(
    ("asked", "tries_max", "wanted"),
    [
        (offer_of(1, units=2), 4_096, ErrorCode.TOO_EXPENSIVE),
        (Offer("x", is_valid=False, expires_ms=LATER, worktype="captcha"), 1, ErrorCode.METHOD_UNKNOWN),
        (Offer("x", is_valid=False, expires_ms=LATER, worktype=""), 1, ErrorCode.METHOD_UNKNOWN),
        (Offer("x", is_valid=False, expires_ms=LATER, worktype="pow", work={"bits": 300}), 1, ErrorCode.MALFORMED),
        (Offer("x", is_valid=False, expires_ms=LATER, worktype="pow", work={"a b": 1}), 1, ErrorCode.MALFORMED),
    ],
)
async def test_what_is_too_much_or_unknown_is_not_begun(asked: Offer, tries_max: int, wanted: ErrorCode) -> None:
    issuer = Issuer([asked])
    with pytest.raises(PeerError) as caught:
        await earn(issuer, tries_max=tries_max)
    assert (caught.value.code, issuer.submitted) == (wanted, [])


async def test_a_key_of_memory_hard_work_counts_for_the_many_tries_that_it_takes_as_long_as() -> None:
    [asked] = MEMORY.challenge(
        wants=(), units=256, binding=bytes(32), id=ChallengeId(bytes(16)), expires_ms=LATER, secret=SECRET
    )  # type: ignore[misc]  # one method, one challenge
    offer = Offer("x", is_valid=False, expires_ms=LATER, worktype="pow-memory", work=asked.params)
    earner = TicketEarner(Issuer([offer]), MEMORY, Endless(), tries_max=2**20, clock=SetClock(), work_ms_max=1_000)
    with pytest.raises(PeerError) as caught:
        await earner.earn(ROUTE, sender=SENDER, recipient=RECIPIENT)
    assert (caught.value.code, caught.value.facts.get("tries_max")) == (ErrorCode.TOO_EXPENSIVE, 2**20)


async def test_work_without_an_end_is_left() -> None:
    earner = TicketEarner(Issuer([offer_of(1)]), METHODS, Endless(), tries_max=2**20, clock=SetClock(), work_ms_max=1)
    with pytest.raises(PeerError) as caught:
        await earner.earn(ROUTE, sender=SENDER, recipient=RECIPIENT)
    assert caught.value.code is ErrorCode.TOO_EXPENSIVE


async def test_what_needs_a_person_is_not_done() -> None:
    with pytest.raises(PeerError) as caught:
        await earn(Issuer([offer_of(1)]), solver=Asking())
    assert caught.value.code is ErrorCode.METHOD_UNKNOWN


class Wallet:
    """Pays, and says what for."""

    def __init__(self) -> None:
        self.paid: list[tuple[Address, int]] = []

    async def tickets_for(self, url: Address, amount_wei: int) -> bytes:
        self.paid.append((url, amount_wei))
        return b"tickets"


def paid_offer(number: int, amount_wei: int) -> Offer:
    return Offer(
        f"00{number}", is_valid=False, expires_ms=LATER, worktype="payment", work={"amount_wei": str(amount_wei)}
    )


async def pay(issuer: Issuer, wallet: Wallet, *, pay_max_wei: int) -> Offer:
    async with WorkSolver(cores=1) as solver:
        earner = TicketEarner(
            issuer,
            Registry((*METHODS.methods, Payment())),
            solver,
            tries_max=1,
            clock=SetClock(),
            payer=wallet,
            pay_max_wei=pay_max_wei,
        )
        return await earner.earn(ROUTE, sender=SENDER, recipient=RECIPIENT)


async def test_a_ticket_is_paid_where_that_is_allowed() -> None:
    issuer, wallet = Issuer([paid_offer(1, 500)]), Wallet()
    assert (await pay(issuer, wallet, pay_max_wei=500)).is_valid
    assert wallet.paid == [(ROUTE, 500)]
    assert issuer.submitted == [("001", "payment", "dGlja2V0cw==")]
    assert issuer.asked[0][-1] == "payment", "what is paid for comes last"


async def test_no_ticket_is_paid_above_the_limit() -> None:
    wallet = Wallet()
    with pytest.raises(PeerError) as caught:
        await pay(Issuer([paid_offer(1, 501)]), wallet, pay_max_wei=500)
    assert caught.value.code is ErrorCode.TOO_EXPENSIVE
    assert wallet.paid == []


async def test_who_takes_money_and_gives_nothing_is_not_paid_again() -> None:
    wallet = Wallet()
    issuer = Issuer([paid_offer(1, 500)], [paid_offer(2, 500)])
    with pytest.raises(PeerError) as caught:
        await pay(issuer, wallet, pay_max_wei=500)
    assert caught.value.code is ErrorCode.WORK_REJECTED
    assert len(wallet.paid) == 1
