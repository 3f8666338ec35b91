"""What a recipient asks for and takes, check by check."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from parley.errors import ConfigError, ErrorCode, LocalError, Rejected
from parley.lottery.commitments import is_opened_by
from parley.lottery.draws import draw, expected_value
from parley.lottery.nonces import NonceRule
from parley.lottery.opened import Moment, Opened
from parley.lottery.params import NONCE_MAX, CreationRound, Payment, Price
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.rules import SenderState
from parley.lottery.verdicts import Fault, Receipt
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.byzantine_senders import CHEATS, Payer
from tests.unit.lottery.recipient_parts import (
    ANNA,
    ETHER,
    NOW,
    PRICE,
    RECIPIENT,
    SECRET,
    faults,
    make_recipient,
    moment,
    money,
    quote,
    receive,
    view,
)

BERTA = Payer(b"\xb1" * 32)
ANNAS_AGENT = Payer(b"\xa2" * 32, sender=ANNA.address)

# What each cheat of the list runs into; written by hand, not taken from the code.
CHEAT_FAULTS = {
    "twice the face value at half the probability": Fault.WRONG_COMMITMENT,
    "a ticket that never wins": Fault.WRONG_COMMITMENT,
    "a face value of one wei that always wins": Fault.WRONG_COMMITMENT,
    "parameters that hold longer": Fault.WRONG_COMMITMENT,
    "a commitment of its own": Fault.WRONG_COMMITMENT,
    "another price": Fault.WRONG_COMMITMENT,
    "another round": Fault.WRONG_COMMITMENT,
    "another recipient": Fault.WRONG_RECIPIENT,
    "the null address as recipient": Fault.NULL_RECIPIENT,
    "the null address as sender": Fault.NULL_SENDER,
    "the twin of the signature with a high s": Fault.BAD_SIGNATURE,
    "the other v": Fault.TOO_MANY_SIGNERS,  # another key's, and nobody asked the chain about it
    "no signature": Fault.BAD_SIGNATURE,
    "the signature of another ticket": Fault.TOO_MANY_SIGNERS,
    "a key that was not approved": Fault.TOO_MANY_SIGNERS,
}


# Quotes.


def test_a_quote_is_worth_what_was_asked_for() -> None:
    params = quote(make_recipient(), expected_wei=10**12)
    # 150,000 gas at 1 gwei, a hundred times
    assert params.face_value == 15 * 10**15
    worth = expected_value(face_value=params.face_value, win_prob=params.win_prob)
    assert 10**12 <= worth < 10**12 + 1
    assert params.recipient == RECIPIENT
    assert params.expiration_block == 140
    assert params.creation_round == CreationRound(7, b"\x41" * 32)


def test_each_seed_has_its_own_commitment() -> None:
    recipient = make_recipient()
    assert len({quote(recipient, seed=seed).recipient_rand_hash for seed in range(20)}) == 20


def test_a_quote_for_nothing_never_wins_and_asks_nothing_of_the_account() -> None:
    params = quote(make_recipient(), moment(account=money(deposit=0, claimable=0)), expected_wei=0)
    assert (params.face_value, params.win_prob) == (0, 0)


def test_the_face_value_is_at_most_the_float_and_the_setting() -> None:
    recipient = make_recipient()
    poor = moment(account=money(claimable=10**15))
    assert quote(recipient, poor).face_value == 10**15
    assert quote(make_recipient(RecipientConfig(face_value_max_wei=10**15 + 7))).face_value == 10**15 + 7


def test_what_is_pending_lowers_the_float_of_a_small_deposit_only() -> None:
    recipient = make_recipient()
    pending = 6 * 10**15
    small = moment(account=money(deposit=3 * pending - 1, claimable=10**16), pending_wei=pending)
    large = moment(account=money(deposit=3 * pending, claimable=10**16), pending_wei=pending)
    assert quote(recipient, small).face_value == 4 * 10**15
    assert quote(recipient, large).face_value == 10**16


@pytest.mark.parametrize(
    ("account", "pending"),
    [
        (money(claimable=10**11), 0),
        (money(deposit=0, claimable=10**16), 10**16),
        (money(claimable=10**14), 0),  # below the cost of its redemption
        (money(state=SenderState.FROZEN), 0),
        (money(state=SenderState.UNLOCKING, withdraw_round=8), 0),
        (money(state=SenderState.UNLOCKED), 0),
        (money(deposit=0, claimable=0, state=SenderState.UNLOCKED), 0),
    ],
)
def test_who_cannot_pay_gets_no_quote(account: object, pending: int) -> None:
    now = Moment(NOW, view(), account, pending)  # type: ignore[arg-type]  # parametrised as an object
    refusal = make_recipient().quote(now, sender=ANNA.address, expected_value_wei=10**12, price=PRICE, salt=bytes(24))
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.FUNDS_TOO_LOW
    assert refusal.facts["reason"]


def test_a_cheap_moment_does_not_lower_the_face_value_below_the_floor() -> None:
    cheap = moment(view(gas_price=0))
    assert quote(make_recipient(), cheap).face_value == 100 * 10**12
    assert quote(make_recipient(RecipientConfig(gas_price_floor_wei=10**9)), cheap).face_value == 15 * 10**15


def test_dear_gas_refuses_a_face_value_that_the_float_holds_below_its_cost() -> None:
    dear = moment(view(gas_price=10**11), money(claimable=10**14))
    refusal = make_recipient().quote(dear, sender=ANNA.address, expected_value_wei=10**12, price=PRICE, salt=bytes(24))
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.FUNDS_TOO_LOW
    assert set(refusal.facts) == {"reason"}, "what is guaranteed would tell anybody which ticket has won"


def test_nothing_is_quoted_or_taken_while_a_winner_might_never_be_redeemed() -> None:
    """The contract counts rounds whether or not they are begun."""
    fresh = view()
    late = replace(fresh, is_round_initialized=False, present_round=fresh.creation_round.number + 1)
    assert isinstance(
        make_recipient().quote(
            moment(late), sender=ANNA.address, expected_value_wei=10**12, price=PRICE, salt=bytes(24)
        ),
        Rejected,
    )
    assert fresh.is_redeemable
    assert not late.is_redeemable
    assert not replace(late, present_round=fresh.creation_round.number + 5).is_redeemable


def test_a_negative_expected_value_is_our_mistake() -> None:
    with pytest.raises(LocalError):
        make_recipient().quote(moment(), sender=ANNA.address, expected_value_wei=-1, price=PRICE, salt=bytes(24))


def test_parameters_end_40_blocks_after_the_highest_block_seen() -> None:
    recipient = make_recipient()
    quote(recipient, moment(view(block=200)))
    assert quote(recipient, moment(view(block=190))).expiration_block == 240


# Tickets.


def test_good_tickets_are_taken_and_credited_exactly() -> None:
    recipient = make_recipient()
    params = quote(recipient)
    receipt = receive(recipient, ANNA.pay(params, range(1, 11), PRICE))
    assert faults(receipt) == [None] * 10
    assert receipt.expected_value == 10 * expected_value(face_value=params.face_value, win_prob=params.win_prob)
    assert receipt.credited_wei == 10 * 10**12
    assert recipient.commitments == 1


def test_every_ticket_that_wins_is_a_winner_with_all_that_redeems_it() -> None:
    recipient = make_recipient(RecipientConfig(cost_multiplier=1))
    params = quote(recipient, expected_wei=5 * 10**13)  # a third of the face value
    payment = ANNA.pay(params, range(1, 101), PRICE)
    receipt = receive(recipient, payment)
    assert faults(receipt) == [None] * 100
    winner = receipt.winners[0]
    wanted = [signed for signed in payment.tickets if draw(signed.signature, winner.recipient_rand) < params.win_prob]
    assert [one.signed for one in receipt.winners] == wanted
    assert 10 < len(wanted) < 60
    assert is_opened_by(params.recipient_rand_hash, winner.recipient_rand)
    assert (winner.params, winner.sender, winner.creation_round) == (params, ANNA.address, params.creation_round)


def test_a_payment_without_tickets_has_an_empty_receipt() -> None:
    recipient = make_recipient()
    assert receive(recipient, Payment(ANNA.address)) == Receipt(sender=ANNA.address)
    assert receive(recipient, Payment(ANNA.address, quote(recipient))) == Receipt(sender=ANNA.address)


def test_a_payment_that_names_no_price_is_one_for_nothing() -> None:
    recipient = make_recipient()
    free = quote(recipient, price=Price(0))
    assert receive(recipient, ANNA.pay(free, [1])).taken == 1
    assert faults(receive(recipient, ANNA.pay(quote(recipient), [2]))) == [Fault.WRONG_COMMITMENT]


def test_tickets_for_nothing_are_taken_and_credit_nothing() -> None:
    recipient = make_recipient()
    now = moment(account=money(deposit=0, claimable=0, state=SenderState.UNLOCKED))
    receipt = receive(recipient, ANNA.pay(quote(recipient, now, expected_wei=0), [1, 2], PRICE), now)
    assert (receipt.taken, receipt.credited_wei, receipt.winners) == (2, 0, ())


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.name)
def test_no_cheat_is_credited(cheat: object) -> None:
    recipient = make_recipient()
    params = quote(recipient)
    payment = cheat.pay(ANNA, params, PRICE)  # type: ignore[attr-defined]  # parametrised as an object
    receipt = receive(recipient, payment)
    assert faults(receipt) == [CHEAT_FAULTS[cheat.name]]  # type: ignore[attr-defined]  # as above
    assert (receipt.credited_wei, receipt.winners) == (0, ())
    assert receive(recipient, ANNA.pay(params, [1], PRICE)).taken == 1  # the honest ticket is as good as before


def test_every_cheat_has_its_wanted_fault() -> None:
    assert {cheat.name for cheat in CHEATS} == CHEAT_FAULTS.keys()


def test_parameters_are_for_the_sender_that_asked() -> None:
    recipient = make_recipient()
    assert faults(receive(recipient, BERTA.pay(quote(recipient), [1], PRICE))) == [Fault.WRONG_COMMITMENT]


def test_parameters_of_another_chain_or_broker_are_not_ours() -> None:
    recipient = make_recipient()
    payment = ANNA.pay(quote(recipient), [1], PRICE)
    for elsewhere in (replace(view(), chain_id=1), replace(view(), broker=Address(b"\xb1" * 20))):
        assert faults(receive(recipient, payment, moment(elsewhere))) == [Fault.WRONG_COMMITMENT]


def test_parameters_survive_a_restart_and_another_secret_knows_them_not() -> None:
    params = quote(make_recipient())
    assert receive(make_recipient(), ANNA.pay(params, [1], PRICE)).taken == 1


def test_only_tickets_of_the_last_round_are_taken() -> None:
    recipient = make_recipient()
    payment = ANNA.pay(quote(recipient), [1], PRICE)
    assert faults(receive(recipient, payment, moment(view(round_number=8)))) == [Fault.ROUND_OVER]
    assert faults(receive(recipient, payment, moment(view(round_hash=b"\x42" * 32)))) == [Fault.WRONG_ROUND_HASH]


def test_parameters_end_at_their_block_and_stay_ended_after_a_reorganisation() -> None:
    recipient = make_recipient()
    payment = ANNA.pay(quote(recipient), [1], PRICE)
    assert receive(recipient, payment, moment(view(block=139))).taken == 1
    assert recipient.commitments == 1
    assert faults(receive(recipient, payment, moment(view(block=140)))) == [Fault.PARAMS_EXPIRED]
    assert recipient.commitments == 0
    assert faults(receive(recipient, payment, moment(view(block=139)))) == [Fault.PARAMS_EXPIRED]


def test_parameters_end_after_a_day_on_a_chain_that_stands_still() -> None:
    recipient = make_recipient()
    payment = ANNA.pay(quote(recipient), [1], PRICE)
    day = 24 * 3_600_000
    for wait_ms in (day, 2 * day, -day):
        late = moment(now=Instant(NOW + wait_ms))
        assert faults(receive(recipient, payment, late)) == [Fault.PARAMS_EXPIRED]
    assert receive(recipient, payment, moment(now=Instant(NOW + day - 1))).taken == 1


def test_a_salt_has_24_bytes() -> None:
    for size_bytes in (23, 25):
        with pytest.raises(LocalError):
            make_recipient().quote(
                moment(), sender=ANNA.address, expected_value_wei=1, price=PRICE, salt=bytes(size_bytes)
            )


@pytest.mark.parametrize(
    ("account", "pending", "wanted"),
    [
        (money(state=SenderState.FROZEN), 0, Fault.FROZEN),
        (money(state=SenderState.UNLOCKING, withdraw_round=8), 0, Fault.UNLOCKED_SOON),
        (money(state=SenderState.UNLOCKING, withdraw_round=9), 0, None),
        (money(claimable=15 * 10**15 - 1), 0, Fault.FLOAT_TOO_LOW),
        (money(claimable=15 * 10**15), 0, None),
        (money(deposit=ETHER, claimable=15 * 10**15), ETHER, Fault.FLOAT_TOO_LOW),
        (money(deposit=3 * ETHER, claimable=15 * 10**15), ETHER, None),
    ],
)
def test_the_account_is_judged_again_when_tickets_come(account: object, pending: int, wanted: Fault | None) -> None:
    recipient = make_recipient()
    payment = ANNA.pay(quote(recipient), [1], PRICE)
    now = Moment(NOW, view(), account, pending)  # type: ignore[arg-type]  # parametrised as an object
    assert faults(receive(recipient, payment, now)) == [wanted]


def test_gas_that_became_dear_refuses_what_would_not_pay_for_its_redemption() -> None:
    recipient = make_recipient(RecipientConfig(cost_multiplier=1))
    payment = ANNA.pay(quote(recipient), [1], PRICE)
    assert faults(receive(recipient, payment, moment(view(gas_price=10**9 + 1)))) == [Fault.GAS_TOO_DEAR]
    assert receive(recipient, payment).taken == 1
    patient = make_recipient(RecipientConfig(cost_multiplier=3))
    payment = ANNA.pay(quote(patient), [1], PRICE)
    assert receive(patient, payment, moment(view(gas_price=10**12))).taken == 1  # above 3 gwei it is a moment's price


def test_one_winner_more_than_the_float_bears_stops_the_payment_there() -> None:
    recipient = make_recipient(RecipientConfig(cost_multiplier=1))
    # The face value is 1.5e14; the deposit is too small to be relied on, the share bears two winners.
    now = moment(account=money(deposit=1, claimable=4 * 10**14))
    params = quote(recipient, now, expected_wei=10**14)
    receipt = receive(recipient, ANNA.pay(params, range(1, 51), PRICE), now)
    assert len(receipt.winners) == 2
    first_refused = faults(receipt).index(Fault.FLOAT_TOO_LOW)
    assert set(faults(receipt)[:first_refused]) == {None}
    assert set(faults(receipt)[first_refused:]) == {Fault.FLOAT_TOO_LOW}
    assert receipt.verdicts[first_refused - 1].nonce == receipt.winners[-1].signed.nonce
    later = receive(recipient, ANNA.pay(params, [first_refused + 1], PRICE), now)
    assert later.taken == 1  # once what is pending is paid, a nonce that was refused for it is good


# Signers.


def test_an_approved_signer_signs_for_its_sender() -> None:
    recipient = make_recipient()
    payment = ANNAS_AGENT.pay(quote(recipient), [1], PRICE)
    assert receive(recipient, payment, approved={ANNAS_AGENT.address: True}).taken == 1


def test_a_signer_that_is_not_approved_does_not() -> None:
    recipient = make_recipient()
    payment = ANNAS_AGENT.pay(quote(recipient), [1], PRICE)
    assert faults(receive(recipient, payment, approved={ANNAS_AGENT.address: False})) == [Fault.WRONG_SIGNER]
    assert faults(receive(recipient, payment)) == [Fault.TOO_MANY_SIGNERS]
    assert recipient.commitments == 0  # what nobody signed takes no room


def test_each_ticket_of_a_payment_has_its_own_verdict() -> None:
    recipient = make_recipient()
    params = quote(recipient)
    good = ANNA.pay(params, [1, 2, 3, 3, 4], PRICE)
    spoilt = [signed.signature for signed in good.tickets]
    spoilt[1] = bytes(65)
    spoilt[4] = ANNAS_AGENT.pay(params, [4], PRICE).tickets[0].signature
    receipt = receive(recipient, ANNA.signed(good, spoilt), approved={ANNAS_AGENT.address: False})
    assert faults(receipt) == [None, Fault.BAD_SIGNATURE, None, Fault.NONCE_SEEN, Fault.WRONG_SIGNER]
    assert receipt.credited_wei == 2 * 10**12
    assert receive(recipient, ANNA.pay(params, [2, 4], PRICE)).taken == 2


# Nonces.


def test_a_nonce_is_taken_once_whatever_signature_comes_with_it() -> None:
    recipient = make_recipient()
    params = quote(recipient)
    assert receive(recipient, ANNA.pay(params, [5], PRICE)).taken == 1
    again = ANNA.pay(params, [5], PRICE)
    assert faults(receive(recipient, again)) == [Fault.NONCE_SEEN]


def test_nonces_come_out_of_order_by_default_and_ascending_where_told() -> None:
    loose, strict = make_recipient(), make_recipient(RecipientConfig(nonce_rule=NonceRule.STRICT))
    order = [3, 1, 2]
    assert faults(receive(loose, ANNA.pay(quote(loose), order, PRICE))) == [None] * 3
    assert faults(receive(strict, ANNA.pay(quote(strict), order, PRICE))) == [
        None,
        Fault.NONCE_TOO_LOW,
        Fault.NONCE_TOO_LOW,
    ]


def test_a_leap_to_the_highest_nonce_costs_the_sender_its_own_parameters_only() -> None:
    recipient = make_recipient()
    params = quote(recipient)
    assert receive(recipient, ANNA.pay(params, [NONCE_MAX], PRICE)).taken == 1
    assert faults(receive(recipient, ANNA.pay(params, [1], PRICE))) == [Fault.NONCE_TOO_LOW]
    assert receive(recipient, ANNA.pay(quote(recipient, seed=2), [1], PRICE)).taken == 1


def test_a_new_commitment_starts_its_nonces_anew() -> None:
    recipient = make_recipient()
    for seed in (1, 2):
        assert receive(recipient, ANNA.pay(quote(recipient, seed=seed), [1], PRICE)).taken == 1


def test_nonces_of_another_process_are_refused_and_asked_about_once() -> None:
    recipient = make_recipient()
    payment = ANNA.pay(quote(recipient), [1, 1_100], PRICE)
    assert faults(receive(recipient, payment, foreign=[0])) == [Fault.FOREIGN_NONCE, None]
    opened = recipient.open(payment, moment())
    assert isinstance(opened, Opened)
    assert recipient.windows(opened, [None, None]) == {}


def test_the_next_windows_are_claimed_with_the_first() -> None:
    recipient = make_recipient()
    opened = recipient.open(ANNA.pay(quote(recipient), [300], PRICE), moment())
    assert isinstance(opened, Opened)
    assert list(recipient.windows(opened, [None])) == [1, 2, 3, 4]
    for number, is_ours in ((1, True), (3, False)):
        assert not recipient.is_claimed(opened, number)
        recipient.note_claim(opened, number, is_ours=is_ours)
        assert recipient.is_claimed(opened, number)
    assert recipient.windows(opened, [None]) == {}
    later = recipient.open(ANNA.pay(opened.params, [600], PRICE), moment())
    assert isinstance(later, Opened)
    assert list(recipient.windows(later, [None])) == [2, 4, 5]


def test_nonces_that_are_spread_cost_at_most_eight_claims_a_payment() -> None:
    recipient = make_recipient(RecipientConfig(nonce_window=65_536))
    payment = ANNA.pay(quote(recipient), [number * 1_024 for number in range(20)], PRICE)
    assert faults(receive(recipient, payment)) == [None] * 8 + [Fault.NONCES_SPREAD] * 12
    assert faults(receive(recipient, payment)) == [Fault.NONCE_SEEN] * 8 + [None] * 8 + [Fault.NONCES_SPREAD] * 4


def test_a_full_payment_of_consecutive_nonces_is_not_too_wide() -> None:
    recipient = make_recipient()
    assert receive(recipient, ANNA.pay(quote(recipient), range(200, 1_200), PRICE)).taken == 1_000


def test_a_sender_has_so_many_parameters_in_use_at_once() -> None:
    recipient = make_recipient(RecipientConfig(commitments_per_sender=2))
    receipts = [receive(recipient, ANNA.pay(quote(recipient, seed=seed), [1], PRICE)) for seed in range(3)]
    assert [faults(receipt) for receipt in receipts] == [[None], [None], [Fault.TOO_MANY_COMMITMENTS]]
    later = view(block=140)
    fresh = quote(recipient, moment(later), seed=9)
    assert receive(recipient, ANNA.pay(fresh, [1], PRICE), moment(later)).taken == 1


# What happens between opening and settling.


def test_what_changed_while_the_caller_waited_is_seen() -> None:
    recipient = make_recipient()
    payment = ANNA.pay(quote(recipient), [1], PRICE)
    assert faults(receive(recipient, payment, settled_at=moment(view(block=140)))) == [Fault.PARAMS_EXPIRED]
    other = make_recipient()
    payment = ANNA.pay(quote(other), [1], PRICE)
    assert faults(receive(other, payment, settled_at=moment(is_revealed=True))) == [Fault.REVEALED]


def test_claims_that_come_after_the_end_of_the_parameters_are_noted_nowhere() -> None:
    recipient = make_recipient()
    opened = recipient.open(ANNA.pay(quote(recipient), [1], PRICE), moment())
    assert isinstance(opened, Opened)
    recipient.quote(moment(view(block=140)), sender=ANNA.address, expected_value_wei=0, price=PRICE, salt=bytes(24))
    assert recipient.windows(opened, [None]) == {}
    recipient.note_claim(opened, 0, is_ours=True)
    assert recipient.commitments == 0


def test_a_claim_that_finds_no_room_is_noted_nowhere() -> None:
    recipient = make_recipient(RecipientConfig(commitments_total=1))
    opened = recipient.open(ANNA.pay(quote(recipient), [1], PRICE), moment())
    assert receive(recipient, ANNA.pay(quote(recipient, seed=2), [1], PRICE)).taken == 1
    assert isinstance(opened, Opened)
    recipient.note_claim(opened, 0, is_ours=True)
    assert faults(recipient.settle(opened, [None], moment())) == [Fault.TOO_MANY_COMMITMENTS]


# Revealed commitments and the grace.


def test_a_revealed_commitment_is_worth_nothing_and_tolerated_for_a_while() -> None:
    recipient = make_recipient(RecipientConfig(grace_tickets=3))
    params = quote(recipient)
    now = moment(is_revealed=True)
    first = receive(recipient, ANNA.pay(params, [1, 2], PRICE), now)
    assert faults(first) == [Fault.REVEALED] * 2
    assert (first.tolerated, first.credited_wei, first.winners) == (2, 0, ())
    second = receive(recipient, ANNA.pay(params, [3, 4], PRICE), now)
    assert [verdict.is_tolerated for verdict in second.verdicts] == [True, False]
    assert receive(recipient, ANNA.pay(params, [5], PRICE), now).tolerated == 0


def test_nobody_else_uses_up_the_grace_of_a_sender() -> None:
    recipient = make_recipient(RecipientConfig(grace_tickets=1))
    params = quote(recipient)
    now = moment(is_revealed=True)
    forged = ANNA.unsigned(params, [1], PRICE)
    for _ in range(3):
        receipt = receive(recipient, forged, now)
        assert (faults(receipt), receipt.tolerated) == ([Fault.BAD_SIGNATURE], 0)
    assert receive(recipient, ANNA.pay(params, [1], PRICE), now).tolerated == 1


def test_without_grace_a_revealed_commitment_is_refused_at_once() -> None:
    recipient = make_recipient(RecipientConfig(grace_tickets=0))
    opened = recipient.open(ANNA.pay(quote(recipient), [1], PRICE), moment(is_revealed=True))
    assert isinstance(opened, Receipt)
    assert faults(opened) == [Fault.REVEALED]


def test_grace_is_forgotten_with_the_parameters() -> None:
    recipient = make_recipient()
    receive(recipient, ANNA.pay(quote(recipient), [1], PRICE), moment(is_revealed=True))
    assert len(recipient._grace_used) == 1
    quote(recipient, moment(view(block=140)))
    assert recipient._grace_used == {}


def test_settings_have_ranges() -> None:
    for setting in ({"nonce_window": 0}, {"grace_tickets": -1}, {"cost_multiplier": 0}, {"redeem_gas": 1.5}):
        with pytest.raises(ConfigError):
            RecipientConfig(**setting)


def test_the_secret_is_nowhere_in_what_is_shown() -> None:
    assert "05" * 32 not in repr(SECRET)


def test_crediting_is_a_fraction_of_a_wei_exactly() -> None:
    recipient = make_recipient()
    params = quote(recipient, expected_wei=7)
    receipt = receive(recipient, ANNA.pay(params, [1, 2, 3], PRICE))
    assert receipt.expected_value == Fraction(3 * params.face_value * params.win_prob, 2**256 - 1)
    assert receipt.credited_wei == 21
