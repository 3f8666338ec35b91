"""Contract and model side by side: random histories over all entry points have the same outcome in both.

After each step every account is compared, and what must always hold is checked on the chain itself: the balance is the
sum of what senders have, fees are what was paid, no part of a reserve is exceeded, nobody withdraws early.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from parley.lottery.broker import BrokerModel
from parley.lottery.rules import Periods, Refusal, RoundView, claimable_wei, sender_state
from parley.lottery.tickets import Ticket, ticket_hash
from parley.primitives.ids import Address
from tests.onchain.evm import Receipt, Reverted, account
from tests.onchain.tickets import ALWAYS, RAND, Key, RoundTicket, high_s_twin, rand_hash
from tests.onchain.world import FREEZE, UNLOCK, VALIDITY, World

KEYS: Final = (Key(1), Key(2), Key(3))
SENDERS: Final = KEYS[:2]
RECIPIENTS: Final = tuple(account(number) for number in range(4))
WEI = st.integers(min_value=0, max_value=60)
BROKER: Final = World().broker

signatures = st.sampled_from(["sender", "sender", "sender", "sender", "signer", "stranger", "high s", "short", "v"])
tickets = st.fixed_dictionaries(
    {
        "sender": st.sampled_from([key.address for key in SENDERS] * 8 + [bytes(20)]),
        "recipient": st.sampled_from([*RECIPIENTS * 4, bytes(20)]),
        "face_value": st.integers(min_value=0, max_value=120),
        "win_prob": st.sampled_from([ALWAYS, ALWAYS, ALWAYS, 2**255, 0]),
        "nonce": st.integers(min_value=0, max_value=5),
        "rounds_ago": st.sampled_from([0, 0, 0, 0, 1, 2, -1]),
        "wrong_hash": st.sampled_from([False] * 9 + [True]),
        "wrong_rand": st.sampled_from([False] * 9 + [True]),
        "signature": signatures,
    }
)


class BrokerHistory(RuleBasedStateMachine):
    """Two senders, one approved signer, four recipients who come and go."""

    @initialize(registered=st.integers(min_value=0, max_value=3))
    def start(self, registered: int) -> None:
        self.world = World()
        self.model = BrokerModel(Periods(unlock_rounds=UNLOCK, freeze_rounds=FREEZE, ticket_validity_rounds=VALIDITY))
        self.now = self.world.round
        self.hashes = {self.now: self.world.rounds.call("blockHashForRound", self.now)}
        self.registered: frozenset[bytes] = frozenset()
        self.registered_next: frozenset[bytes] = frozenset()
        self.staked = 0
        self.paid = dict.fromkeys(RECIPIENTS, 0)
        for recipient in RECIPIENTS[:registered]:
            self.turn(recipient)
        self.pass_round(initialized=True)

    @property
    def view(self) -> RoundView:
        return RoundView(number=self.now, recipients=self.registered)

    def send(self, sender: bytes, call: str, *arguments: object, value_wei: int = 0) -> Receipt | Refusal:
        try:
            return self.world.broker.send(sender, call, *arguments, value_wei=value_wei)
        except Reverted as reverted:
            return Refusal(str(reverted))

    @rule(initialized=st.sampled_from([True, True, True, False]))
    def pass_round(self, *, initialized: bool) -> None:
        self.world.evm.pass_blocks(5)
        self.now += 1
        self.registered = self.registered_next
        self.hashes[self.now] = bytes(32)
        if initialized:
            self.world.rounds.send(self.world.stranger, "initializeRound")
            self.hashes[self.now] = self.world.evm.block_hash(self.world.evm.block_number - 1)

    @rule(recipient=st.sampled_from(RECIPIENTS))
    def turn(self, recipient: bytes) -> None:
        """Register who is not registered, and let who is resign."""
        if recipient in self.registered_next:
            self.world.recipients.send(recipient, "resign")
            self.registered_next -= {recipient}
        else:
            self.world.register(recipient)
            self.staked += 1  # each registration brings a wei, and nobody takes one back
            self.registered_next |= {recipient}

    @rule(key=st.sampled_from(SENDERS), deposit=WEI, reserve=WEI, call=st.sampled_from(["both", "deposit", "reserve"]))
    def fund(self, key: Key, deposit: int, reserve: int, call: str) -> None:
        sender = key.address
        if call == "deposit":
            reserve = 0
            outcome = self.send(sender, "fundDeposit", value_wei=deposit)
        elif call == "reserve":
            deposit = 0
            outcome = self.send(sender, "fundReserve", value_wei=reserve)
        else:
            outcome = self.send(sender, "fundDepositAndReserve", deposit, reserve, value_wei=deposit + reserve)
        refusal = self.model.fund(sender, self.now, deposit_wei=deposit, reserve_wei=reserve)
        assert refusal is (outcome if isinstance(outcome, Refusal) else None)

    @rule(key=st.sampled_from(SENDERS))
    def unlock(self, key: Key) -> None:
        outcome = self.send(key.address, "unlock")
        refusal = self.model.unlock(key.address, self.now)
        assert refusal is (outcome if isinstance(outcome, Refusal) else None)

    @rule(key=st.sampled_from(SENDERS))
    def cancel_unlock(self, key: Key) -> None:
        outcome = self.send(key.address, "cancelUnlock")
        refusal = self.model.cancel_unlock(key.address, self.now)
        assert refusal is (outcome if isinstance(outcome, Refusal) else None)

    @rule(key=st.sampled_from(SENDERS))
    def withdraw(self, key: Key) -> None:
        before = self.world.evm.balance(key.address)
        outcome = self.send(key.address, "withdraw")
        got = self.model.withdraw(key.address, self.now)
        if isinstance(outcome, Refusal):
            assert got is outcome
        else:
            assert self.world.evm.balance(key.address) - before == got

    @rule(key=st.sampled_from(SENDERS), signer=st.sampled_from([KEYS[2].address, bytes(20)]))
    def approve(self, key: Key, signer: bytes) -> None:
        outcome = self.send(key.address, "approveSigner", signer)
        refusal = self.model.approve_signer(key.address, signer)
        assert refusal is (outcome if isinstance(outcome, Refusal) else None)

    @rule(key=st.sampled_from(SENDERS))
    def revoke(self, key: Key) -> None:
        outcome = self.send(key.address, "revokeSigner", KEYS[2].address)
        refusal = self.model.revoke_signer(key.address, KEYS[2].address, self.now)
        assert refusal is (outcome if isinstance(outcome, Refusal) else None)

    def make(self, drawn: dict[str, Any]) -> tuple[RoundTicket, bytes]:
        number = max(self.now - drawn["rounds_ago"], 0)
        ticket = RoundTicket(
            recipient=drawn["recipient"],
            sender=drawn["sender"],
            face_value=drawn["face_value"],
            win_prob=drawn["win_prob"],
            nonce=drawn["nonce"],
            rand_hash=rand_hash(RAND + drawn["wrong_rand"]),
            creation_round=number,
            creation_hash=b"\x07" * 32 if drawn["wrong_hash"] else self.hashes.get(number, bytes(32)),
        )
        own = next((key for key in SENDERS if key.address == ticket.sender), KEYS[0])
        signature = own.sign(ticket.hash())
        match drawn["signature"]:
            case "signer":
                signature = KEYS[2].sign(ticket.hash())
            case "stranger":
                signature = Key(99).sign(ticket.hash())
            case "high s":
                signature = high_s_twin(signature)
            case "short":
                signature = signature[:64]
            case "v":
                signature = signature[:64] + bytes([signature[64] - 27])
            case _:
                pass
        return ticket, signature

    def redeem_in_model(self, ticket: RoundTicket, signature: bytes) -> int | Refusal:
        same = Ticket(
            recipient=Address(ticket.recipient),
            sender=Address(ticket.sender),
            face_value=ticket.face_value,
            win_prob=ticket.win_prob,
            sender_nonce=ticket.nonce,
            recipient_rand_hash=ticket.rand_hash,
            creation_round=ticket.creation_round,
            creation_round_hash=ticket.creation_hash,
        )
        round_hash = self.hashes.get(ticket.creation_round, bytes(32))
        paid = self.model.redeem(same, signature, RAND, view=self.view, round_hash=round_hash)
        if not isinstance(paid, Refusal):
            self.paid[ticket.recipient] += paid
        return paid

    @rule(drawn=tickets)
    def redeem(self, drawn: dict[str, Any]) -> None:
        ticket, signature = self.make(drawn)
        outcome = self.send(RECIPIENTS[3], "redeemWinningTicket", ticket.arguments(), signature, RAND)
        paid = self.redeem_in_model(ticket, signature)
        if isinstance(outcome, Refusal):
            assert paid is outcome
        else:
            assert sum(event["amount"] for event in outcome.named("WinningTicketTransfer")) == paid

    @rule(batch=st.lists(tickets, max_size=4))
    def redeem_batch(self, batch: list[dict[str, Any]]) -> None:
        made = [self.make(drawn) for drawn in batch]
        outcome = self.send(
            RECIPIENTS[3],
            "batchRedeemWinningTickets",
            [ticket.arguments() for ticket, _ in made],
            [signature for _, signature in made],
            [RAND] * len(made),
        )
        assert isinstance(outcome, Receipt)
        results = [(ticket, self.redeem_in_model(ticket, signature)) for ticket, signature in made]
        refused = [
            {"ticketHash": each.hash(), "reason": got.value} for each, got in results if isinstance(got, Refusal)
        ]
        assert outcome.named("TicketRefused") == refused
        paid = [got for _, got in results if not isinstance(got, Refusal) and got]
        assert [event["amount"] for event in outcome.named("WinningTicketTransfer")] == paid

    def started(self) -> bool:
        return hasattr(self, "model")

    @precondition(started)
    @invariant()
    def accounts_agree(self) -> None:
        for key in SENDERS:
            mine = self.model.account(key.address)
            (deposit, withdraw_round), reserve = self.world.broker.call("getSenderInfo", key.address)
            assert (deposit, withdraw_round) == (mine.deposit_wei, mine.withdraw_round)
            assert reserve == (
                mine.reserve_at_creation_wei,
                mine.reserve_remaining_wei,
                mine.freeze_round,
                len(mine.frozen_recipients),
            )
            assert self.world.state(key.address) == sender_state(mine, self.now, self.model.periods).value

    @precondition(started)
    @invariant()
    def claims_agree_and_stay_within_the_parts(self) -> None:
        for key in SENDERS:
            mine = self.model.account(key.address)
            recipient = RECIPIENTS[len(self.model.used) % len(RECIPIENTS)]  # one of them, for time
            claimable = self.world.broker.call("claimableReserve", key.address, recipient)
            assert claimable == claimable_wei(mine, recipient, self.view)
            assert sum(mine.claimed_wei.values()) == mine.reserve_at_creation_wei - mine.reserve_remaining_wei

    @precondition(started)
    @invariant()
    def money_is_conserved(self) -> None:
        assert self.world.held() == self.model.held_wei
        assert self.world.held(self.world.recipients) == sum(self.paid.values()) + self.staked


TestBrokerHistory = BrokerHistory.TestCase
TestBrokerHistory.settings = settings(max_examples=max(10, settings().max_examples // 10), stateful_step_count=25)

WORDS = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(min_value=0, max_value=2**256 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
ROUNDS = st.integers(min_value=1, max_value=2**256 - 1)  # round 0 stands for "none" off the chain


@settings(max_examples=max(10, settings().max_examples // 4))
@given(st.tuples(ADDRESSES, ADDRESSES, NUMBERS, NUMBERS, NUMBERS, WORDS, ROUNDS, WORDS))
def test_contract_and_package_hash_a_ticket_alike(fields: tuple[Any, ...]) -> None:
    assert BROKER.call("getTicketHash", fields) == ticket_hash(Ticket(*fields))
