"""What a receipt says of a payment."""

from __future__ import annotations

from fractions import Fraction

import pytest

from parley.errors import ErrorCode
from parley.lottery.verdicts import Fault, Reaction, Receipt, Verdict, refuse_all
from parley.primitives.ids import Address

ANNA = Address(b"\xaa" * 20)
ONE_WEI = 2**256 - 1


def receipt(*faults: Fault | None, shares: int = ONE_WEI) -> Receipt:
    verdicts = tuple(Verdict(nonce, fault) for nonce, fault in enumerate(faults, 1))
    return Receipt(sender=ANNA, verdicts=verdicts, ticket_shares=shares)


def test_an_empty_receipt_credits_nothing_and_has_no_fault() -> None:
    empty = Receipt(sender=ANNA)
    assert (empty.taken, empty.credited_wei, empty.fault, empty.reaction, empty.rejected()) == (0, 0, None, None, None)


def test_only_what_is_taken_is_credited_and_exactly() -> None:
    mixed = receipt(None, Fault.NONCE_SEEN, None, None, shares=ONE_WEI * 5 // 2)
    assert mixed.taken == 3
    assert mixed.credited_shares == 3 * (ONE_WEI * 5 // 2)
    assert mixed.credited_wei == 7
    assert mixed.expected_value == Fraction(3 * (ONE_WEI * 5 // 2), ONE_WEI)


def test_the_gravest_fault_speaks_and_of_those_the_first() -> None:
    mixed = receipt(None, Fault.NONCE_SEEN, Fault.FOREIGN_NONCE, Fault.PARAMS_EXPIRED, Fault.BAD_SIGNATURE)
    assert mixed.fault is Fault.FOREIGN_NONCE
    assert mixed.reaction is Reaction.REFRESH
    assert receipt(Fault.NONCE_SEEN, Fault.FROZEN).reaction is Reaction.FATAL


def test_a_refusal_counts_and_names_the_reaction() -> None:
    refusal = receipt(None, Fault.NONCE_SEEN, Fault.NONCE_TOO_LOW).rejected()
    assert refusal is not None
    assert refusal.code is ErrorCode.TICKET_REFUSED
    assert dict(refusal.facts) == {"reason": "the nonce was used", "reaction": "retry", "taken": 1, "refused": 2}
    assert receipt(None).rejected() is None


def test_tolerated_tickets_are_counted_and_worth_nothing() -> None:
    tolerated = Receipt(sender=ANNA, verdicts=(Verdict(1, Fault.REVEALED, is_tolerated=True),), ticket_shares=ONE_WEI)
    assert (tolerated.tolerated, tolerated.taken, tolerated.credited_wei) == (1, 0, 0)


def test_refusing_all_names_each_ticket() -> None:
    refused = refuse_all(ANNA, (4, 9), Fault.FROZEN)
    assert refused.verdicts == (Verdict(4, Fault.FROZEN), Verdict(9, Fault.FROZEN))


@pytest.mark.parametrize("fault", list(Fault))
def test_each_fault_has_a_text_a_reaction_and_a_code(fault: Fault) -> None:
    assert fault.text
    assert fault.text == fault.text.strip()
    assert isinstance(fault.reaction, Reaction)
    assert 4_000 <= fault.code < 5_000


def test_texts_are_unique() -> None:
    assert len({fault.text for fault in Fault}) == len(Fault)
