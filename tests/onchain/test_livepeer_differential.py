"""The deployed broker's stand-in and the model of its rules side by side, for both builds."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from parley.lottery.livepeer_rules import LivepeerModel, LivepeerRefusal, LivepeerRules, LivepeerView
from parley.lottery.tickets import Ticket
from parley.primitives.ids import Address
from tests.onchain.evm import Receipt, Reverted, account
from tests.onchain.livepeer import FOO, LIVEPEER_ROUND, LivepeerTicket, LivepeerWorld
from tests.onchain.tickets import ALWAYS, RAND, Key, high_s_twin, rand_hash

UNLOCK_ROUNDS: Final = 2
SENDERS: Final = (Key(1), Key(2))
RECIPIENTS: Final = tuple(account(number) for number in range(3))
WEI = st.integers(min_value=0, max_value=60)
tickets = st.fixed_dictionaries(
    {
        "sender": st.sampled_from([key.address for key in SENDERS] * 8 + [bytes(20)]),
        "recipient": st.sampled_from([*RECIPIENTS * 4, bytes(20)]),
        "face_value": st.integers(min_value=0, max_value=120),
        "win_prob": st.sampled_from([ALWAYS, ALWAYS, ALWAYS, 0]),
        "nonce": st.integers(min_value=0, max_value=5),
        "rounds_ago": st.sampled_from([0, 0, 0, 0, 1, 2, -1]),
        "wrong_hash": st.sampled_from([False] * 9 + [True]),
        "wrong_rand": st.sampled_from([False] * 9 + [True]),
        "signature": st.sampled_from(["sender"] * 6 + ["stranger", "high s", "short", "v", "nobody"]),
    }
)


class LivepeerHistory(RuleBasedStateMachine):
    """Two senders and three recipients; a round may be stopped, or not be initialised."""

    @initialize(rules=st.sampled_from(LivepeerRules))
    def start(self, rules: LivepeerRules) -> None:
        self.world = LivepeerWorld(rules)
        self.world.broker.send(self.world.owner, "setUnlockPeriod", UNLOCK_ROUNDS)
        self.model = LivepeerModel(rules, unlock_rounds=UNLOCK_ROUNDS)
        self.now = LIVEPEER_ROUND
        self.hashes = {LIVEPEER_ROUND: FOO}
        self.initialized = True
        self.paused = False
        self.pool_size = 1
        self.active = frozenset[bytes]()
        self.paid = 0
        self.choose_active(count=1, pool_size=1)

    @property
    def view(self) -> LivepeerView:
        return LivepeerView(
            round_number=self.now,
            initialized=self.initialized,
            paused=self.paused,
            active=self.active,
            registered=frozenset(RECIPIENTS[:2]) | self.active,
            pool_size=self.pool_size,
        )

    def send(self, sender: bytes, call: str, *arguments: object, value_wei: int = 0) -> Receipt | LivepeerRefusal:
        try:
            return self.world.broker.send(sender, call, *arguments, value_wei=value_wei)
        except Reverted as reverted:
            return LivepeerRefusal(str(reverted))

    def agree(self, outcome: Receipt | LivepeerRefusal, refusal: LivepeerRefusal | None) -> None:
        assert refusal is (outcome if isinstance(outcome, LivepeerRefusal) else None)

    @rule(initialized=st.sampled_from([True, True, True, False]))
    def pass_round(self, *, initialized: bool) -> None:
        self.now += 1
        self.initialized = initialized
        self.hashes[self.now] = rand_hash(self.now) if initialized else bytes(32)
        self.world.set_round(self.now, self.hashes[self.now], initialized=initialized)

    @rule(paused=st.sampled_from([False, False, True]))
    def pause(self, *, paused: bool) -> None:
        self.paused = paused
        self.world.protocol.send(self.world.owner, "setPaused", paused)

    @rule(count=st.integers(min_value=0, max_value=3), pool_size=st.integers(min_value=0, max_value=3))
    def choose_active(self, count: int, pool_size: int) -> None:
        """Let the pool of the next round differ from those active in this one, as there."""
        self.pool_size = pool_size
        self.world.protocol.send(self.world.owner, "setPoolSize", pool_size)
        self.active = frozenset(RECIPIENTS[:count])
        for recipient in RECIPIENTS:
            flags = (recipient in self.view.registered, recipient in self.active)
            self.world.protocol.send(self.world.owner, "setTranscoder", recipient, *flags)

    @rule(key=st.sampled_from(SENDERS), payer=st.sampled_from([*SENDERS, Key(3)]), deposit=WEI, reserve=WEI)
    def fund(self, key: Key, payer: Key, deposit: int, reserve: int) -> None:
        outcome = self.send(
            payer.address, "fundDepositAndReserveFor", key.address, deposit, reserve, value_wei=deposit + reserve
        )
        refusal = self.model.fund(key.address, self.view, deposit_wei=deposit, reserve_wei=reserve, payer=payer.address)
        self.agree(outcome, refusal)

    @rule(key=st.sampled_from(SENDERS))
    def unlock(self, key: Key) -> None:
        self.agree(self.send(key.address, "unlock"), self.model.unlock(key.address, self.view))

    @rule(key=st.sampled_from(SENDERS))
    def cancel_unlock(self, key: Key) -> None:
        self.agree(self.send(key.address, "cancelUnlock"), self.model.cancel_unlock(key.address, self.view))

    @rule(key=st.sampled_from(SENDERS))
    def withdraw(self, key: Key) -> None:
        before = self.world.evm.balance(key.address)
        outcome = self.send(key.address, "withdraw")
        got = self.model.withdraw(key.address, self.view)
        if isinstance(outcome, LivepeerRefusal):
            assert got is outcome
        else:
            assert self.world.evm.balance(key.address) - before == got

    @rule(drawn=tickets)
    def redeem(self, drawn: dict[str, Any]) -> None:
        number = self.now - drawn["rounds_ago"]
        round_hash = rand_hash(77) if drawn["wrong_hash"] else self.hashes.get(number, rand_hash(78))
        made: LivepeerTicket = (
            drawn["recipient"],
            drawn["sender"],
            drawn["face_value"],
            drawn["win_prob"],
            drawn["nonce"],
            rand_hash(RAND + drawn["wrong_rand"]),
            number.to_bytes(32, "big") + round_hash,
        )
        own = next((key for key in SENDERS if key.address == drawn["sender"]), SENDERS[0])
        signature = self.world.sign(made, Key(99) if drawn["signature"] == "stranger" else own)
        match drawn["signature"]:
            case "high s":
                signature = high_s_twin(signature)
            case "short":
                signature = signature[:64]
            case "v":
                signature = signature[:64] + b"\x01"
            case "nobody":
                signature = bytes(64) + b"\x1b"
            case _:
                pass
        outcome = self.send(RECIPIENTS[2], "redeemWinningTicket", made, signature, RAND)
        same = Ticket(
            recipient=Address(made[0]),
            sender=Address(made[1]),
            face_value=made[2],
            win_prob=made[3],
            sender_nonce=made[4],
            recipient_rand_hash=made[5],
            creation_round=number,
            creation_round_hash=round_hash,
        )
        stored = self.hashes.get(number, bytes(32))
        paid = self.model.redeem(same, signature, RAND, view=self.view, round_hash=stored)
        if isinstance(outcome, LivepeerRefusal):
            assert paid is outcome
        else:
            assert sum(event["amount"] for event in outcome.named("WinningTicketTransfer")) == paid
            self.paid += int(paid) if isinstance(paid, int) else 0

    def started(self) -> bool:
        return hasattr(self, "model")

    @precondition(started)
    @invariant()
    def accounts_agree(self) -> None:
        for key in SENDERS:
            mine = self.model.account(key.address)
            assert self.world.broker.call("getSenderInfo", key.address) == (
                (mine.deposit_wei, mine.withdraw_round),
                (mine.reserve_wei, mine.claimed_in_round_wei(self.now)),
            )

    @precondition(started)
    @invariant()
    def money_is_conserved(self) -> None:
        # the minter keeps what belongs to recipients, too
        assert self.world.held() == self.model.held_wei + self.paid


TestLivepeerHistory = LivepeerHistory.TestCase
TestLivepeerHistory.settings = settings(max_examples=max(10, settings().max_examples // 10), stateful_step_count=25)
