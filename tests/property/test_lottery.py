"""What holds for all tickets: round trips, one form of a signature, no second reading of a hash."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parley.adapters.lottery.documents import (
    encode_params_text,
    encode_payment_text,
    parse_params_text,
    parse_payment_text,
)
from parley.adapters.lottery.headers import parse_payment_header, payment_header
from parley.errors import PeerError
from parley.ledgers.evm.addresses import checksum_text, parse_address
from parley.lottery import Ticket, draw, expected_value, is_signed_by, recover_signer, sign_ticket, ticket_hash, wins
from parley.lottery.commitments import Quote, derive_rand, encode_quote, livepeer_rand
from parley.lottery.params import CreationRound, Payment, Price, SignedNonce, TicketParams
from parley.lottery.quoting import quote_face_value, quote_win_prob
from parley.lottery.tickets import packed
from parley.lottery.wire import (
    Winner,
    encode_params,
    encode_payment,
    encode_winner,
    parse_params,
    parse_payment,
    parse_winner,
)
from parley.primitives import ecdsa
from parley.primitives.ids import Address
from parley.primitives.known_keys import KnownKey
from parley.primitives.one_shot import SecretKey
from tests.oracles import ecdsa as oracle
from tests.oracles.bip340 import N
from tests.oracles.keccak import keccak256

words = st.integers(0, 2**256 - 1) | st.integers(0, 300)
hashes = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(Address)
secrets = st.integers(1, N - 1).map(lambda scalar: scalar.to_bytes(32, "big"))
tickets = st.builds(
    Ticket,
    recipient=addresses,
    sender=addresses,
    face_value=words,
    win_prob=words,
    sender_nonce=words,
    recipient_rand_hash=hashes,
    creation_round=words,
    creation_round_hash=hashes,
)
rounds = st.builds(CreationRound, number=st.integers(0, 2**63 - 1), block_hash=hashes)
prices = st.builds(
    Price,
    per_unit_wei=st.integers(0, 2**63 - 1),
    units=st.integers(1, 2**63 - 1),
    capability=st.integers(0, 2**32 - 1),
    constraint=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
params = st.builds(
    TicketParams,
    recipient=addresses,
    face_value=words,
    win_prob=words,
    recipient_rand_hash=hashes,
    seed=words,
    expiration_block=words,
    creation_round=st.none() | rounds,
)
signed = st.builds(SignedNonce, nonce=st.integers(0, 2**32 - 1), signature=st.binary(min_size=65, max_size=65))
payments = st.builds(
    Payment,
    sender=addresses,
    params=params,
    creation_round=rounds,
    tickets=st.lists(signed, max_size=4).map(tuple),
    expected_price=st.none() | prices,
) | st.builds(Payment, sender=addresses, expected_price=st.none() | prices)
winners = st.builds(Winner, params=params, sender=addresses, creation_round=rounds, signed=signed, recipient_rand=words)
quotes = st.builds(
    Quote,
    chain_id=words,
    broker=addresses,
    recipient=addresses,
    sender=addresses,
    face_value=words,
    win_prob=words,
    expiration_block=words,
    price=st.builds(Price, per_unit_wei=st.integers(0, 2**63 - 1), units=st.integers(1, 2**63 - 1)),
    creation_round=rounds,
    seed=words,
)


@given(tickets)
def test_the_hash_is_that_of_the_written_out_bytes(ticket: Ticket) -> None:
    numbers = [n.to_bytes(32, "big") for n in (ticket.face_value, ticket.win_prob, ticket.sender_nonce)]
    tail = ticket.creation_round.to_bytes(32, "big") + ticket.creation_round_hash
    whole = ticket.recipient + ticket.sender + b"".join(numbers) + ticket.recipient_rand_hash + tail
    assert ticket_hash(ticket) == keccak256(whole if any(tail) else whole[:-64])


@given(tickets, tickets, st.data())
def test_no_two_tickets_share_their_bytes(one: Ticket, other: Ticket, data: st.DataObject) -> None:
    # One field taken over from the other ticket: whatever differs, the bytes differ.
    name = data.draw(st.sampled_from([field.name for field in fields(Ticket)]))
    changed = replace(one, **{name: getattr(other, name)})
    assume(changed != one)
    assert packed(changed) != packed(one)
    assert ticket_hash(changed) != ticket_hash(one)


@given(tickets, st.sampled_from(["face_value", "win_prob", "sender_nonce"]), st.integers(1, 31))
def test_digits_moved_to_the_next_field_change_the_hash(ticket: Ticket, name: str, digits: int) -> None:
    order = ["face_value", "win_prob", "sender_nonce", "creation_round"]
    following = order[order.index(name) + 1]
    head, moved = divmod(getattr(ticket, name), 256**digits)
    joined = moved << 8 * (32 - digits) | getattr(ticket, following) >> 8 * digits
    split = replace(ticket, **{name: head, following: joined})
    assume(split != ticket)
    assert ticket_hash(split) != ticket_hash(ticket)


@settings(max_examples=30)
@given(secrets, hashes)
def test_two_implementations_sign_and_recover_alike(secret: bytes, digest: bytes) -> None:
    signature = ecdsa.sign(secret, digest)
    assert signature == oracle.sign(secret, digest)
    assert ecdsa.recover(digest, signature) == oracle.recover(digest, signature) == oracle.public_key(secret)


@settings(max_examples=60)
@given(secrets, hashes, st.integers(0, 96), st.integers(1, 255))
def test_two_implementations_judge_damage_alike(secret: bytes, digest: bytes, position: int, change: int) -> None:
    whole = bytearray(digest + ecdsa.sign(secret, digest))
    whole[position] ^= change
    damaged, signature = bytes(whole[:32]), bytes(whole[32:])
    found = oracle.recover(damaged, signature)
    assert found != oracle.public_key(secret)
    assert ecdsa.recover(damaged, signature) == found
    assert KnownKey(oracle.public_key(secret)).verify(damaged, signature) is False


@given(tickets, secrets)
def test_a_signature_has_one_form(ticket: Ticket, secret: bytes) -> None:
    signature = sign_ticket(ticket, SecretKey(secret))
    public = ecdsa.public_key(secret)
    key = KnownKey(public)
    assert recover_signer(ticket, signature) == ecdsa.address_of(public)
    assert is_signed_by(key, ticket, signature)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    twin = r + (N - s).to_bytes(32, "big") + bytes([55 - v])
    folded = r + (s | (v - 27) << 255).to_bytes(32, "big")
    others = [r + signature[32:64] + bytes([other]) for other in range(256) if other not in {27, 28}]
    for form in (twin, folded, signature[:64], signature + b"\x1b", *others):
        assert recover_signer(ticket, form) is None
        assert not is_signed_by(key, ticket, form)
    flipped = signature[:64] + bytes([55 - v])
    assert recover_signer(ticket, flipped) != ecdsa.address_of(public)
    assert not is_signed_by(key, ticket, flipped)


@given(tickets, secrets, st.data())
def test_known_and_unknown_senders_are_judged_alike(ticket: Ticket, secret: bytes, data: st.DataObject) -> None:
    public = ecdsa.public_key(secret)
    signature = bytearray(sign_ticket(ticket, SecretKey(secret)))
    for _ in range(data.draw(st.integers(0, 2))):
        bit = data.draw(st.integers(0, 65 * 8 - 1))
        signature[bit // 8] ^= 1 << bit % 8
    signer = recover_signer(ticket, bytes(signature))
    assert is_signed_by(KnownKey(public), ticket, bytes(signature)) is (signer == ecdsa.address_of(public))


@given(secrets, st.binary(max_size=70), st.binary(max_size=70))
def test_judging_anything_answers_and_never_raises(secret: bytes, digest: bytes, signature: bytes) -> None:
    assert KnownKey(ecdsa.public_key(secret)).verify(digest, signature) is False


@given(tickets, st.binary(min_size=65, max_size=65), words)
def test_a_ticket_wins_below_its_probability_and_nowhere_else(ticket: Ticket, signature: bytes, rand: int) -> None:
    drawn = draw(signature, rand)
    assert wins(ticket, signature, rand) is (drawn < ticket.win_prob)
    assert wins(replace(ticket, win_prob=drawn), signature, rand) is False
    assert wins(replace(ticket, win_prob=0), signature, rand) is False
    assert wins(replace(ticket, win_prob=min(drawn + 1, 2**256 - 1)), signature, rand) is (drawn < 2**256 - 1)


@given(quotes, quotes, st.data(), hashes)
def test_a_commitment_is_for_one_quote(one: Quote, other: Quote, data: st.DataObject, secret: bytes) -> None:
    name = data.draw(st.sampled_from([field.name for field in fields(Quote)]))
    changed = replace(one, **{name: getattr(other, name)})
    assume(changed != one)
    assert len(encode_quote(one)) == len(encode_quote(changed)) == 380
    assert encode_quote(changed) != encode_quote(one)
    key = SecretKey(secret)
    assert derive_rand(key, changed) != derive_rand(key, one) == derive_rand(key, one)


@given(quotes, hashes, st.integers(1, 255), st.integers(1, 255))
def test_where_livepeers_fields_can_be_split_otherwise_ours_cannot(
    quote: Quote, secret: bytes, high: int, low: int
) -> None:
    whole = replace(quote, face_value=high << 8 | low, win_prob=7)
    split = replace(quote, face_value=high, win_prob=low << 8 | 7)
    key = SecretKey(secret)
    assert livepeer_rand(key, whole) == livepeer_rand(key, split)
    assert derive_rand(key, whole) != derive_rand(key, split)


@given(payments)
def test_reading_a_payment_undoes_writing_it(payment: Payment) -> None:
    assert parse_payment(encode_payment(payment)) == payment
    assert parse_payment_header(payment_header(payment)) == payment
    assert parse_payment_text(encode_payment_text(payment)) == payment


@given(params, winners)
def test_reading_params_and_winners_undoes_writing_them(asked: TicketParams, winner: Winner) -> None:
    assert parse_params(encode_params(asked)) == asked
    assert parse_params_text(encode_params_text(asked)) == asked
    assert parse_winner(encode_winner(winner)) == winner


@given(payments, st.integers(8, 2**29 - 1), st.binary(max_size=40))
def test_fields_of_a_newer_release_are_passed_over(payment: Payment, number: int, raw: bytes) -> None:
    key, unknown = number << 3 | 2, bytearray()
    for value in (key, len(raw)):
        while value > 127:
            unknown.append(value & 127 | 128)
            value >>= 7  # noqa: PLW2901 - a varint, digit by digit
        unknown.append(value)
    assert parse_payment(bytes(unknown) + raw + encode_payment(payment)) == payment


@given(st.binary(max_size=300))
def test_any_bytes_are_a_payment_or_the_peers_fault(raw: bytes) -> None:
    for parse in (parse_payment, parse_payment_text):
        try:
            payment = parse(raw)
        except PeerError:
            continue
        assert parse_payment(encode_payment(payment)) == payment


@given(addresses)
def test_reading_an_address_undoes_writing_it(account: Address) -> None:
    text = checksum_text(account)
    assert parse_address(text) == parse_address(text.lower()) == account


@given(
    st.integers(1, 10**18), st.integers(0, 10**7), st.integers(0, 10**12), st.integers(1, 200), st.integers(-5, 2**100)
)
def test_a_quote_is_worth_its_price(
    expected_value_wei: int, redeem_gas: int, gas_price_wei: int, cost_multiplier: int, max_float_wei: int
) -> None:
    face_value = quote_face_value(
        expected_value_wei=expected_value_wei,
        redeem_gas=redeem_gas,
        gas_price_wei=gas_price_wei,
        cost_multiplier=cost_multiplier,
        max_float_wei=max_float_wei,
    )
    if not isinstance(face_value, int):
        assert face_value.guaranteed_wei < face_value.wanted_wei
        return
    assert expected_value_wei <= face_value <= max_float_wei
    win_prob = quote_win_prob(expected_value_wei=expected_value_wei, face_value_wei=face_value)
    worth = expected_value(face_value=face_value, win_prob=win_prob)
    assert 0 <= worth - expected_value_wei < Fraction(face_value * expected_value_wei, 2**255)
