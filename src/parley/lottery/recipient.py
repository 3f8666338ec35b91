"""The recipient: what it asks a sender for, and which tickets it takes. Pure: the chain and the moment are arguments.

    quote     face value and win probability for a sender, under a fresh commitment; nothing is remembered
    open      the checks of the whole payment, cheap ones first           Opened, or the receipt of a refusal
    judge     who signed each ticket, against who may
    windows   which claims the nonces need; `note_claim` says whose they are
    settle    the checks of the payment once more, where the moment is another one than at `open`; then nonce by nonce:
              taken, drawn, written into the receipt

The order is that of "Validating Tickets": null addresses, commitment, round and its hash, signature, nonce. Between
the hash and the signature, the dearest check, stand those that a recipient needs beyond it: expiry, revealed
commitments, the sender's account, and whether face value and float still are worth it. Between `open` and `settle`
the caller waits for others, so what may have changed is judged again; `settle` itself is one step.

    ticket taken   =>   its parameters were quoted by this secret to this sender, hold, and are not revealed;
                        it is signed by the sender or an approved signer; its nonce was never taken before;
                        its face value is within the float that was left after all winners so far

Source: "Probabilistic Micropayments", Validating Tickets; "PM Client", RNG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from parley.errors import ErrorCode, LocalError, Rejected
from parley.lottery.commitments import Quote, derive_rand
from parley.lottery.draws import recipient_rand_hash
from parley.lottery.floats import check_account, max_float_wei
from parley.lottery.known_commitments import KnownCommitments
from parley.lottery.nonces import NonceBook, make_policy, window_key
from parley.lottery.opened import Moment, Opened
from parley.lottery.params import CreationRound, Payment, Price, TicketParams, params_expiration
from parley.lottery.quoting import ReserveTooSmall, quote_face_value, quote_win_prob
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.verdicts import Fault, Receipt, Verdict, refuse_all
from parley.lottery.wire import Winner
from parley.lottery.worth import worth_shares
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address
from parley.primitives.one_shot import SecretKey

__all__ = ["PARAMS_MAX_MS", "SALT_BYTES", "Recipient", "check_economics"]

PARAMS_MAX_MS: Final = 86_400_000
"""How long parameters hold at the most, whatever the chain does: 24 hours."""

SALT_BYTES: Final = 24
"""How much of a seed is entropy; the other 8 bytes are the moment of the quote."""

_NULL_ADDRESS: Final = Address(bytes(ADDRESS_BYTES))
_CLAIMS_PER_PAYMENT: Final = 8
_CLAIMED_TOGETHER: Final = 4
_MOMENT_BYTES: Final = 8
_DEAR_GAS_PRICE_WEI: Final = 3 * 10**9


def check_economics(params: TicketParams, moment: Moment, config: RecipientConfig) -> Fault | None:
    """Judge whether tickets that are worth something are worth taking, by what the chain says now.

    A face value below the cost of its redemption is taken while gas is dear for a moment only, as when quoting.
    """
    gas_price_wei = min(max(moment.view.gas_price_wei, config.gas_price_floor_wei), _DEAR_GAS_PRICE_WEI)
    if params.face_value < config.redeem_gas * gas_price_wei:
        return Fault.GAS_TOO_DEAR
    return Fault.FLOAT_TOO_LOW if params.face_value > max_float_wei(moment.money, moment.pending_wei) else None


class Recipient:
    """One account that is paid, and everything it keeps in mind of those who pay.

    Attributes:
        address: who is paid, 20 bytes.
        config: the settings.
    """

    def __init__(self, secret: SecretKey, address: Address, config: RecipientConfig) -> None:
        """Start with nothing taken.

        Args:
            secret: behind all commitments, and the same after every start.
            address: who is paid, 20 bytes.
            config: the settings.
        """
        self.address, self.config = address, config
        self._secret = secret
        self._commitments = KnownCommitments(secret)
        self._book = NonceBook(
            lambda: make_policy(config.nonce_rule, config.nonce_window),
            per_sender_max=config.commitments_per_sender,
            total_max=config.commitments_total,
        )
        self._last_block = 0
        self._grace_used: dict[bytes, tuple[int, int]] = {}

    @property
    def commitments(self) -> int:
        """How many commitments are in use."""
        return len(self._book)

    def quote(
        self, moment: Moment, *, sender: Address, expected_value_wei: int, price: Price, salt: bytes
    ) -> TicketParams | Rejected:
        """Make ticket parameters for a sender; nothing is remembered of them.

        Args:
            moment: what is known now.
            sender: who may use them, 20 bytes.
            expected_value_wei: what one ticket is to be worth, >= 0; for 0 it is worth nothing and never wins.
            price: what the work costs; payments repeat it.
            salt: 24 bytes of entropy; with the moment behind them they are the seed.

        Returns:
            The parameters, or FUNDS_TOO_LOW: the sender's money does not bear such tickets.

        Raises:
            LocalError: an argument out of range.
        """
        if len(salt) != SALT_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="salt", wanted_bytes=SALT_BYTES)
        view = moment.view
        self._advance(view.block_number)
        face_value = 0
        if expected_value_wei != 0:
            chosen = self._choose_face_value(moment, expected_value_wei)
            if isinstance(chosen, Rejected):
                return chosen
            face_value = chosen
        quote = Quote(
            chain_id=view.chain_id,
            broker=view.broker,
            recipient=self.address,
            sender=sender,
            face_value=face_value,
            win_prob=quote_win_prob(expected_value_wei=expected_value_wei, face_value_wei=face_value),
            expiration_block=params_expiration(self._last_block),
            price=price,
            creation_round=view.creation_round,
            seed=int.from_bytes(salt + moment.now.to_bytes(_MOMENT_BYTES, "big"), "big"),
        )
        return TicketParams(
            recipient=self.address,
            face_value=face_value,
            win_prob=quote.win_prob,
            recipient_rand_hash=recipient_rand_hash(derive_rand(self._secret, quote)),
            seed=quote.seed,
            expiration_block=quote.expiration_block,
            creation_round=quote.creation_round,
        )

    def _choose_face_value(self, moment: Moment, expected_value_wei: int) -> int | Rejected:
        fault = check_account(moment.view, moment.money) if moment.view.is_redeemable else Fault.ROUND_OVER
        if fault is not None:
            return Rejected(fault.code, {"reason": fault.text})
        float_wei = max_float_wei(moment.money, moment.pending_wei)
        chosen = quote_face_value(
            expected_value_wei=expected_value_wei,
            redeem_gas=self.config.redeem_gas,
            gas_price_wei=max(moment.view.gas_price_wei, self.config.gas_price_floor_wei),
            cost_multiplier=self.config.cost_multiplier,
            max_float_wei=min(float_wei, self.config.face_value_max_wei or float_wei),
        )
        if isinstance(chosen, ReserveTooSmall):
            # What is guaranteed falls with each winner: told to whoever asks, it would say which ticket won.
            return Rejected(ErrorCode.FUNDS_TOO_LOW, {"reason": Fault.FLOAT_TOO_LOW.text})
        return chosen

    def open(self, payment: Payment, moment: Moment) -> Opened | Receipt:
        """Judge what all tickets of a payment have in common.

        Returns:
            What is needed to judge each, or the receipt where none is taken, or where there is none.
        """
        params, made_in = payment.params, payment.round
        if params is None or made_in is None or not payment.tickets:
            return Receipt(sender=payment.sender)
        fault = self._check_parties(payment, params)
        commitment = None if fault is not None else self._commitments.find(payment, params, made_in, moment.view)
        if commitment is None:
            return _refuse(payment, Fault.WRONG_COMMITMENT if fault is None else fault)
        fault = self._check_moment(params, made_in, moment)
        if fault is not None and not (fault is Fault.REVEALED and self._grace_left(params.recipient_rand_hash)):
            return _refuse(payment, fault)
        return Opened(payment, params, made_in, commitment, moment, fault)

    def _check_parties(self, payment: Payment, params: TicketParams) -> Fault | None:
        if params.recipient == _NULL_ADDRESS:
            return Fault.NULL_RECIPIENT
        if payment.sender == _NULL_ADDRESS:
            return Fault.NULL_SENDER
        return None if params.recipient == self.address else Fault.WRONG_RECIPIENT

    def _check_moment(self, params: TicketParams, made_in: CreationRound, moment: Moment) -> Fault | None:
        self._advance(moment.view.block_number)
        # The contract counts rounds, begun or not: where the present one is not, a ticket might never be redeemed.
        if made_in.number != moment.view.creation_round.number or not moment.view.is_redeemable:
            return Fault.ROUND_OVER
        if made_in.block_hash != moment.view.creation_round.block_hash:
            return Fault.WRONG_ROUND_HASH
        # By the clock too: on a chain that stands still, parameters must not outlive the claims of their nonces.
        age_ms = moment.now - params.seed % 2 ** (8 * _MOMENT_BYTES)
        if params.expiration_block <= self._last_block or abs(age_ms) >= PARAMS_MAX_MS:
            return Fault.PARAMS_EXPIRED
        if moment.is_revealed:
            return Fault.REVEALED
        if worth_shares(params) == 0:
            return None
        return check_account(moment.view, moment.money) or check_economics(params, moment, self.config)

    def judge(
        self, opened: Opened, signers: Sequence[Address | None], *, approved: Mapping[Address, bool]
    ) -> list[Fault | None]:
        """Judge who signed each ticket.

        Args:
            opened: the payment.
            signers: who signed each ticket; None where nobody did.
            approved: of other keys than the sender's, whether each may sign for it; one that is missing was not
                asked about.

        Returns:
            One fault or None per ticket.
        """
        faults: dict[Address | None, Fault | None] = {None: Fault.BAD_SIGNATURE}
        for signer in approved:
            faults[signer] = None if approved[signer] else Fault.WRONG_SIGNER
        faults[opened.payment.sender] = None
        return [faults.get(signer, Fault.TOO_MANY_SIGNERS) for signer in signers]

    def windows(self, opened: Opened, faults: Sequence[Fault | None]) -> Mapping[int, bytes]:
        """Return the claims that the tickets without a fault need: window numbers with what is to be claimed.

        Each is a durable write, so a payment gets at most eight: consecutive nonces of a full one need five. Where it
        needs one, the next three are claimed with it, in the same write: most senders count up.
        """
        params, sender = opened.params, opened.payment.sender
        held = self._book.find(sender, params.recipient_rand_hash)
        if held is not None and held.owns(opened.nonces):
            return {}
        nonces = [nonce for nonce, fault in zip(opened.nonces, faults, strict=True) if fault is None]
        if not nonces or params.expiration_block <= self._last_block:
            return {}
        held = self._book.begin(sender, params.recipient_rand_hash, params.expiration_block)
        if held is None:
            return {}
        wanted = sorted(held.unclaimed(nonces))[:_CLAIMS_PER_PAYMENT]
        if len(wanted) == 1:
            wanted += [number for number in range(wanted[0] + 1, wanted[0] + _CLAIMED_TOGETHER) if held.is_open(number)]
        return {number: window_key(params.recipient_rand_hash, sender, number) for number in wanted}

    def is_claimed(self, opened: Opened, window: int) -> bool:
        """Say whether it is known whose a window of nonces is, or the parameters have ended meanwhile."""
        held = self._book.find(opened.payment.sender, opened.params.recipient_rand_hash)
        return held is None or not held.is_open(window)

    def note_claim(self, opened: Opened, window: int, *, is_ours: bool) -> None:
        """Note whose a window of nonces is; nothing where the parameters have ended meanwhile."""
        params = opened.params
        if params.expiration_block > self._last_block:
            held = self._book.begin(opened.payment.sender, params.recipient_rand_hash, params.expiration_block)
            if held is not None:
                held.settle_claim(window, is_ours=is_ours)

    def settle(self, opened: Opened, faults: Sequence[Fault | None], moment: Moment) -> Receipt:
        """Take what is good, and draw. One step: no other payment is judged in between.

        Args:
            opened: the payment.
            faults: of `judge`.
            moment: what is known now; `pending_wei` counts every winner of an earlier receipt.
        """
        sender, shares = opened.payment.sender, worth_shares(opened.params)
        fault = opened.fault
        # What was judged at this very moment needs no second look, unless the chain was seen further on since.
        if moment is not opened.moment or moment.view.block_number < self._last_block:
            fault = self._check_moment(opened.params, opened.made_in, moment)
        if fault is Fault.REVEALED:
            verdicts = self._tolerate(opened, faults)
            return Receipt(sender=sender, verdicts=verdicts, ticket_shares=shares, view=moment.view)
        if fault is not None:
            return _refuse(opened.payment, fault)
        verdicts, winners = self._take(opened, faults, moment)
        return Receipt(sender=sender, verdicts=verdicts, ticket_shares=shares, winners=winners, view=moment.view)

    def _take(
        self, opened: Opened, faults: Sequence[Fault | None], moment: Moment
    ) -> tuple[tuple[Verdict, ...], tuple[Winner, ...]]:
        params, sender, commitment = opened.params, opened.payment.sender, opened.commitment
        held = None
        if None in faults:
            held = self._book.begin(sender, params.recipient_rand_hash, params.expiration_block)
        # As in `parley.lottery.draws.wins`, with what is the same for all tickets made once.
        rand_word, win_below = commitment.rand_word, commitment.win_below
        verdicts, winners, economics = [], [], None
        for signed, fault in zip(opened.payment.tickets, faults, strict=True):
            found = fault or economics
            if found is None:
                found = Fault.TOO_MANY_COMMITMENTS if held is None else held.take(signed.nonce)
            verdicts.append(Verdict(signed.nonce, found))
            if found is None and keccak256(signed.signature, rand_word) < win_below:
                winners.append(Winner(params, sender, opened.made_in, signed, commitment.recipient_rand))
                pending_wei = moment.pending_wei + len(winners) * params.face_value
                economics = check_economics(params, moment._replace(pending_wei=pending_wei), self.config)
        return tuple(verdicts), tuple(winners)

    def _tolerate(self, opened: Opened, faults: Sequence[Fault | None]) -> tuple[Verdict, ...]:
        commitment = opened.params.recipient_rand_hash
        left, verdicts = self._grace_left(commitment), []
        for nonce, fault in zip(opened.nonces, faults, strict=True):
            is_tolerated = fault is None and left > 0
            left -= is_tolerated
            verdicts.append(Verdict(nonce, fault or Fault.REVEALED, is_tolerated))
        self._grace_used[commitment] = (self.config.grace_tickets - left, opened.params.expiration_block)
        return tuple(verdicts)

    def _grace_left(self, commitment: bytes) -> int:
        return self.config.grace_tickets - self._grace_used.get(commitment, (0, 0))[0]

    def _advance(self, block_number: int) -> None:
        """Never go back: parameters that have ended stay ended when the chain is reorganised."""
        if block_number <= self._last_block:
            return
        self._last_block = block_number
        self._book.expire(block_number)
        self._grace_used = {name: used for name, used in self._grace_used.items() if used[1] > block_number}


def _refuse(payment: Payment, fault: Fault) -> Receipt:
    return refuse_all(payment.sender, tuple(signed.nonce for signed in payment.tickets), fault)
