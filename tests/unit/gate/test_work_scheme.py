"""The scheme `pow` with methods that ask, that take long, and at prices that cannot be."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.errors import ConfigError, ErrorCode, Rejected
from parley.gate.binding import Act, act_of
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.work_scheme import WorkScheme, proof_payload
from parley.gate.x402 import X402_VERSION, PaymentSignature
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Accepted, Challenge, Evidence, Pending, Registry, Verdict

NOW = Instant(1_800_000_000_000)
PAYER = bytes(32)
ACT = act_of(method="GET", realm="gate.test", target=b"/", body=b"")
CHARGE = Charge(ACT, 1, PAYER)


@dataclass(frozen=True)
class Asking(ProofOfWork):
    """A method that has to ask before it can judge.

    Attributes:
        questions: how many.
        threads: in which it judged.
    """

    questions: int = 1
    threads: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "asking"

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        del challenge
        self.threads.append(threading.current_thread().name)
        if len(evidence.answers) < self.questions:
            return Pending(len(evidence.answers))
        return Accepted() if set(evidence.answers) == {"yes"} else Rejected(ErrorCode.WORK_REJECTED)


def make(*methods: Any, **options: Any) -> WorkScheme:  # noqa: ANN401  # methods of several kinds, and what they need
    return WorkScheme(
        Registry(methods),
        secret=bytes(32),
        claims=MemoryStore().claims,
        entropy=SeededEntropy(b"scheme"),
        ticket_ms=60_000,
        **options,
    )


async def present(scheme: WorkScheme, proof: bytes = bytes(8), act: Act = ACT) -> Settled | Repeated | Rejected:
    (entry,) = await scheme.offer(CHARGE, NOW)
    payment = PaymentSignature(x402_version=X402_VERSION, accepted=entry, payload=proof_payload(proof))
    return await scheme.settle(payment, Charge(act, 1, PAYER), NOW)


async def test_what_a_method_asks_is_answered_as_often_as_it_asks() -> None:
    asked: list[object] = []

    async def answer(question: object) -> object:
        asked.append(question)
        return "yes"

    method = Asking(tries_per_unit=1, questions=3)
    outcome = await present(make(method, answerer=answer))
    assert isinstance(outcome, Settled)
    assert outcome.expires_ms == NOW + 60_000
    assert asked == [0, 1, 2]


async def test_an_answer_against_it_refuses() -> None:
    async def answer(question: object) -> object:
        return "no" if question == 1 else "yes"

    outcome = await present(make(Asking(tries_per_unit=1, questions=2), answerer=answer))
    assert outcome == Rejected(ErrorCode.WORK_REJECTED)


async def test_without_anybody_to_ask_nothing_is_accepted() -> None:
    outcome = await present(make(Asking(tries_per_unit=1)))
    assert outcome == Rejected(ErrorCode.WORK_REJECTED, {"fault": "unanswered"})


async def test_a_method_that_asks_without_end_is_refused() -> None:
    async def answer(question: object) -> object:
        del question
        return "yes"

    outcome = await present(make(Asking(tries_per_unit=1, questions=10**6), answerer=answer))
    assert isinstance(outcome, Rejected)


async def test_what_takes_long_is_judged_beside_the_event_loop() -> None:
    own = threading.current_thread().name
    slow, quick = Asking(tries_per_unit=1, questions=0), Asking(tries_per_unit=1, questions=0)
    await present(make(slow))
    await present(make(quick, quick=frozenset({"asking"})))
    assert slow.threads != [own]
    assert quick.threads == [own]


async def test_the_same_payment_is_taken_once_and_known_again() -> None:
    scheme = make(ProofOfWork(tries_per_unit=1))
    (entry,) = await scheme.offer(CHARGE, NOW)
    payment = PaymentSignature(x402_version=X402_VERSION, accepted=entry, payload=proof_payload(bytes(8)))
    first = await scheme.settle(payment, CHARGE, NOW)
    assert isinstance(first, Settled)
    assert await scheme.settle(payment, CHARGE, NOW) == Repeated(first.reference)
    assert await scheme.settle(payment, Charge(ACT, 1, b"\x01" * 32), NOW) == Rejected(ErrorCode.ALREADY_SPENT)


async def test_a_proof_of_another_size_is_refused() -> None:
    outcome = await present(make(ProofOfWork(tries_per_unit=1)), proof=bytes(9))
    assert isinstance(outcome, Rejected)
    assert outcome.code is ErrorCode.TOO_LARGE


async def test_two_offers_are_never_the_same() -> None:
    scheme = make(ProofOfWork(tries_per_unit=1))
    assert await scheme.offer(CHARGE, NOW) != await scheme.offer(CHARGE, NOW)


def test_a_price_that_a_method_cannot_ask_is_refused() -> None:
    scheme = make(ProofOfWork(tries_per_unit=2**20))
    scheme.check_price(2**32)
    with pytest.raises(ConfigError) as raised:
        scheme.check_price(2**33)
    assert raised.value.facts == {"price_units": 2**33, "method": "pow"}


def test_a_scheme_without_methods_or_with_a_short_secret_is_refused() -> None:
    with pytest.raises(ConfigError):
        make()
    with pytest.raises(ConfigError):
        WorkScheme(
            Registry((ProofOfWork(),)),
            secret=bytes(31),
            claims=MemoryStore().claims,
            entropy=SeededEntropy(b""),
            ticket_ms=1_000,
        )
