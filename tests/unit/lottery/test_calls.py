"""Calls of both brokers against an independent encoder, and the selectors against the deployed contract's."""

from __future__ import annotations

import pytest
from eth_abi import encode  # type: ignore[attr-defined]  # built at import from a codec
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import ErrorCode, LocalError
from parley.lottery.calls import (
    CANCEL_UNLOCK,
    INITIALIZE_ROUND,
    UNLOCK,
    WITHDRAW,
    Redemption,
    TicketForm,
    approve_signer_call,
    batch_redeem_call,
    fund_call,
    redeem_call,
    register_call,
    revoke_signer_call,
    winner_redemption,
)
from parley.lottery.draws import recipient_rand_hash
from parley.lottery.params import CreationRound, SignedNonce, TicketParams
from parley.lottery.tickets import Ticket
from parley.lottery.wire import Winner
from parley.primitives.ids import Address

UINT256 = st.integers(0, 2**256 - 1)
ROUND_TYPE = "(address,address,uint256,uint256,uint256,bytes32,uint256,bytes32)"
AUXILIARY_TYPE = "(address,address,uint256,uint256,uint256,bytes32,bytes)"

TICKETS = st.builds(
    Ticket,
    recipient=st.binary(min_size=20, max_size=20).map(Address),
    sender=st.binary(min_size=20, max_size=20).map(Address),
    face_value=UINT256,
    win_prob=UINT256,
    sender_nonce=UINT256,
    recipient_rand_hash=st.binary(min_size=32, max_size=32),
    creation_round=UINT256,
    creation_round_hash=st.binary(min_size=32, max_size=32),
)
REDEMPTIONS = st.builds(Redemption, TICKETS, st.binary(max_size=70), UINT256)


def fields(ticket: Ticket, form: TicketForm) -> tuple[object, ...]:
    """Return the fields of a ticket as the independent encoder takes them."""
    first = (
        ticket.recipient,
        ticket.sender,
        ticket.face_value,
        ticket.win_prob,
        ticket.sender_nonce,
        ticket.recipient_rand_hash,
    )
    if form is TicketForm.ROUND:
        return (*first, ticket.creation_round, ticket.creation_round_hash)
    if not ticket.creation_round and not any(ticket.creation_round_hash):
        return (*first, b"")
    return (*first, ticket.creation_round.to_bytes(32, "big") + ticket.creation_round_hash)


@pytest.mark.parametrize(
    ("form", "kind", "selector"),
    [(TicketForm.ROUND, ROUND_TYPE, None), (TicketForm.AUXILIARY, AUXILIARY_TYPE, "ec8b3cb6")],
)
@given(redemption=REDEMPTIONS)
def test_a_redemption_is_laid_out_as_the_interface_says(
    form: TicketForm, kind: str, selector: str | None, redemption: Redemption
) -> None:
    call = redeem_call(redemption.ticket, redemption.signature, redemption.recipient_rand, form)
    arguments = (fields(redemption.ticket, form), redemption.signature, redemption.recipient_rand)
    assert call[4:] == encode([kind, "bytes", "uint256"], arguments)
    assert selector is None or call[:4].hex() == selector


@pytest.mark.parametrize(
    ("form", "kind", "selector"),
    [(TicketForm.ROUND, ROUND_TYPE, None), (TicketForm.AUXILIARY, AUXILIARY_TYPE, "d01b808e")],
)
@given(redemptions=st.lists(REDEMPTIONS, min_size=1, max_size=5))
def test_a_batch_is_laid_out_as_the_interface_says(
    form: TicketForm, kind: str, selector: str | None, redemptions: list[Redemption]
) -> None:
    call = batch_redeem_call(redemptions, form)
    arguments = (
        [fields(redemption.ticket, form) for redemption in redemptions],
        [redemption.signature for redemption in redemptions],
        [redemption.recipient_rand for redemption in redemptions],
    )
    assert call[4:] == encode([f"{kind}[]", "bytes[]", "uint256[]"], arguments)
    assert selector is None or call[:4].hex() == selector


def test_our_form_has_452_bytes() -> None:
    ticket = Ticket(Address(bytes(20)), Address(bytes(20)), 1, 2, 3, bytes(32), 4, bytes(32))
    assert len(redeem_call(ticket, bytes(65), 5, TicketForm.ROUND)) == 452


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(LocalError) as caught:
        batch_redeem_call([], TicketForm.ROUND)
    assert caught.value.facts["field"] == "redemptions"


@pytest.mark.parametrize(
    ("deposit_wei", "reserve_wei", "selector", "arguments"),
    [(7, 0, "6caa736b", ()), (0, 8, "6f9c3c8f", ()), (7, 8, "511f4073", (7, 8))],
)
def test_funding_takes_the_shortest_call(
    deposit_wei: int, reserve_wei: int, selector: str, arguments: tuple[int, ...]
) -> None:
    call = fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei)
    assert call.hex() == selector + encode(["uint256"] * len(arguments), arguments).hex()


@pytest.mark.parametrize(("deposit_wei", "reserve_wei"), [(0, 0), (-1, 5), (5, -1), (1, 2**256)])
def test_amounts_out_of_range_are_refused(deposit_wei: int, reserve_wei: int) -> None:
    with pytest.raises(LocalError) as caught:
        fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


def test_the_calls_without_arguments_are_the_deployed_ones() -> None:
    assert [call.hex() for call in (UNLOCK, CANCEL_UNLOCK, WITHDRAW)] == ["a69df4b5", "c2c4c2c8", "3ccfd60b"]


def test_the_calls_about_signers_name_the_signer() -> None:
    signer = Address(b"\x07" * 20)
    assert approve_signer_call(signer)[4:] == encode(["address"], [signer])
    assert revoke_signer_call(signer)[4:] == encode(["address"], [signer])
    assert approve_signer_call(signer)[:4] != revoke_signer_call(signer)[:4]


def test_a_registration_names_the_commission() -> None:
    assert register_call(7)[4:] == encode(["uint256"], [7])
    assert register_call(7)[:4] != INITIALIZE_ROUND


def test_a_winner_becomes_the_ticket_that_was_signed() -> None:
    recipient, sender = Address(b"\x01" * 20), Address(b"\x02" * 20)
    params = TicketParams(recipient, 10, 20, recipient_rand_hash(5), 6, 7, CreationRound(1, b"\x11" * 32))
    winner = Winner(params, sender, CreationRound(8, b"\x09" * 32), SignedNonce(3, b"\x1b" * 65), 5)
    ticket = Ticket(recipient, sender, 10, 20, 3, recipient_rand_hash(5), 8, b"\x09" * 32)
    assert winner_redemption(winner) == Redemption(ticket, b"\x1b" * 65, 5)
