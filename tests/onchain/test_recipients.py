"""Recipients: who is registered in which round, and whose the fees of a round are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.onchain.evm import Contract, Evm, Reverted, account

LENGTH = 5
MINIMUM = 100
MOST = 3
FIRST, SECOND, DELEGATOR, PAYER = (account(number) for number in range(4))
EVERYBODY = (FIRST, SECOND, DELEGATOR)


class Registry:
    """The registry with its clock."""

    def __init__(self) -> None:
        self.evm = Evm()
        self.rounds = self.evm.deploy("Rounds", LENGTH)
        self.recipients = self.evm.deploy("Recipients", self.rounds.address, MINIMUM, MOST)

    @property
    def round(self) -> int:
        return int(self.rounds.call("currentRound"))

    def next_round(self, count: int = 1) -> None:
        self.evm.pass_blocks(LENGTH * count)

    def send(self, sender: bytes, call: str, *arguments: object, value_wei: int = 0) -> None:
        self.recipients.send(sender, call, *arguments, value_wei=value_wei)

    def register(self, recipient: bytes, commission: int = 0, stake: int = MINIMUM) -> None:
        self.send(recipient, "register", commission, value_wei=stake)

    def is_registered(self, recipient: bytes, number: int | None = None) -> bool:
        return bool(self.recipients.call("isRegistered", recipient, self.round if number is None else number))

    def credit(self, recipient: bytes, wei: int, number: int | None = None) -> None:
        self.send(PAYER, "creditFees", recipient, self.round if number is None else number, value_wei=wei)

    def claimable(self, recipient: bytes, *people: bytes, number: int | None = None) -> list[int]:
        asked = self.round if number is None else number
        return [int(self.recipients.call("claimableFees", each, recipient, asked)) for each in people]

    def claim(self, person: bytes, recipient: bytes, *numbers: int) -> int:
        before = self.evm.balance(person)
        self.send(person, "claimFees", recipient, list(numbers) or [self.round])
        return self.evm.balance(person) - before


@pytest.fixture
def registry() -> Registry:
    return Registry()


def refused(registry: Registry, sender: bytes, call: str, *arguments: object, value_wei: int = 0) -> str:
    with pytest.raises(Reverted) as reverted:
        registry.send(sender, call, *arguments, value_wei=value_wei)
    return str(reverted.value)


def test_the_constructors_check_their_arguments() -> None:
    evm = Evm()
    for arguments, reason in (((bytes(20), 1, 1), "rounds is null address"), ((FIRST, 1, 0), "no recipients allowed")):
        with pytest.raises(Reverted) as reverted:
            evm.deploy("Recipients", *arguments)
        assert str(reverted.value) == reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((bytes(20), SECOND, 2, 2, 2), "rounds is null address"),
        ((FIRST, bytes(20), 2, 2, 2), "recipients is null address"),
        ((FIRST, SECOND, 2, 2, 0), "ticketValidityPeriod is zero"),
        ((FIRST, SECOND, 0, 0, 0), "ticketValidityPeriod is zero"),
        ((FIRST, SECOND, 1, 2, 2), "unlockPeriod is below ticketValidityPeriod"),
        ((FIRST, SECOND, 0, 1, 1), "unlockPeriod is below ticketValidityPeriod"),
        ((FIRST, SECOND, 2, 1, 2), "freezePeriod is below ticketValidityPeriod"),
        ((FIRST, SECOND, 1, 0, 1), "freezePeriod is below ticketValidityPeriod"),
    ],
)
def test_the_broker_checks_its_arguments(arguments: tuple[object, ...], reason: str) -> None:
    with pytest.raises(Reverted) as reverted:
        Evm().deploy("TicketBroker", *arguments)
    assert str(reverted.value) == reason


def test_registration_counts_from_the_next_round(registry: Registry) -> None:
    registry.register(FIRST)
    assert (registry.is_registered(FIRST), registry.recipients.call("recipientCount")) == (False, 0)
    assert registry.is_registered(FIRST, registry.round + 1)
    registry.next_round()
    assert (registry.is_registered(FIRST), registry.recipients.call("recipientCount")) == (True, 1)


def test_the_count_of_a_round_is_the_number_registered_in_it(registry: Registry) -> None:
    steps = ((FIRST, None), (None, SECOND), (SECOND, FIRST), (FIRST, SECOND), (None, None))
    for joining, leaving in steps:
        if joining is not None:
            registry.register(joining)
        if leaving is not None and registry.is_registered(leaving, registry.round + 1):
            registry.send(leaving, "resign")
        for _ in range(2):
            members = [each for each in EVERYBODY if registry.is_registered(each)]
            assert registry.recipients.call("recipientCount") == len(members)
            registry.next_round()


def test_resignation_counts_from_the_next_round_and_the_past_is_kept(registry: Registry) -> None:
    registry.register(FIRST)
    registry.next_round()
    began = registry.round
    registry.next_round(3)
    registry.send(FIRST, "resign")
    assert registry.is_registered(FIRST)
    registry.next_round()
    ended = registry.round
    registry.register(FIRST)
    registry.next_round()
    history = [registry.is_registered(FIRST, number) for number in range(began - 1, ended + 2)]
    assert history == [False, True, True, True, True, False, True]


def test_who_registers_and_resigns_in_one_round_was_never_registered(registry: Registry) -> None:
    registry.register(FIRST)
    registry.send(FIRST, "resign")
    registry.next_round()
    assert (registry.is_registered(FIRST), registry.recipients.call("recipientCount")) == (False, 0)


def test_registering_is_refused(registry: Registry) -> None:
    assert refused(registry, FIRST, "register", 1_000_001, value_wei=MINIMUM) == "commission above one million"
    assert refused(registry, FIRST, "register", 0, value_wei=MINIMUM - 1) == "stake below minimum"
    registry.register(FIRST)
    assert refused(registry, FIRST, "register", 0, value_wei=MINIMUM) == "already registered"
    registry.register(SECOND)
    registry.register(DELEGATOR)
    assert refused(registry, PAYER, "register", 0, value_wei=MINIMUM) == "no place free"
    registry.send(FIRST, "resign")
    registry.register(PAYER)


def test_only_the_registered_resign_or_set_a_commission(registry: Registry) -> None:
    assert refused(registry, FIRST, "resign") == "not registered"
    assert refused(registry, FIRST, "setCommission", 1) == "not registered"
    registry.register(FIRST)
    assert refused(registry, FIRST, "setCommission", 1_000_001) == "commission above one million"
    assert refused(registry, DELEGATOR, "bond", SECOND, value_wei=1) == "not registered"
    assert refused(registry, DELEGATOR, "bond", FIRST) == "nothing to bond"


def test_fees_are_shared_by_the_stake_of_their_round(registry: Registry) -> None:
    registry.register(FIRST, stake=300)
    registry.send(DELEGATOR, "bond", FIRST, value_wei=100)
    registry.next_round()
    registry.send(SECOND, "bond", FIRST, value_wei=1_000)
    registry.credit(FIRST, 1_000)
    # who bonds in a round has no share of it
    assert registry.claimable(FIRST, FIRST, DELEGATOR, SECOND) == [750, 250, 0]
    registry.next_round()
    registry.credit(FIRST, 1_400)
    assert registry.claimable(FIRST, FIRST, DELEGATOR, SECOND) == [300, 100, 1_000]
    assert registry.claimable(FIRST, FIRST, DELEGATOR, SECOND, number=registry.round - 1) == [750, 250, 0]


def test_a_commission_comes_first_and_changes_with_the_next_round(registry: Registry) -> None:
    registry.register(FIRST, commission=100_000)
    registry.send(DELEGATOR, "bond", FIRST, value_wei=MINIMUM)
    registry.next_round()
    registry.send(FIRST, "setCommission", 1_000_000)
    registry.credit(FIRST, 1_000)
    assert registry.claimable(FIRST, FIRST, DELEGATOR) == [550, 450]
    registry.next_round()
    registry.credit(FIRST, 1_000)
    assert registry.claimable(FIRST, FIRST, DELEGATOR) == [1_000, 0]


def test_fees_of_who_has_no_stake_are_its_own(registry: Registry) -> None:
    registry.credit(FIRST, 70)
    assert registry.claimable(FIRST, FIRST, DELEGATOR) == [70, 0]
    assert registry.claim(FIRST, FIRST) == 70


def test_claiming_pays_once_and_later_fees_later(registry: Registry) -> None:
    registry.register(FIRST)
    registry.send(DELEGATOR, "bond", FIRST, value_wei=MINIMUM)
    registry.next_round()
    number = registry.round
    registry.credit(FIRST, 100)
    assert registry.claim(DELEGATOR, FIRST) == 50
    assert refused(registry, DELEGATOR, "claimFees", FIRST, [number]) == "nothing to claim"
    registry.next_round()
    registry.credit(FIRST, 60, number)
    assert registry.claim(DELEGATOR, FIRST, number, number, number + 1) == 30
    assert registry.claim(FIRST, FIRST, number) == 80
    assert registry.evm.balance(registry.recipients.address) == 2 * MINIMUM


def test_a_round_ahead_cannot_be_claimed(registry: Registry) -> None:
    registry.credit(FIRST, 10, registry.round + 1)
    assert refused(registry, FIRST, "claimFees", FIRST, [registry.round + 1]) == "round lies ahead"


def test_stake_leaves_after_its_round(registry: Registry) -> None:
    registry.register(FIRST)
    registry.send(DELEGATOR, "bond", FIRST, value_wei=100)
    registry.next_round()
    registry.send(DELEGATOR, "unbond", FIRST, 40)
    free_in = registry.round + 1
    assert registry.recipients.call("stakeInRound", DELEGATOR, FIRST, registry.round) == 100
    assert refused(registry, DELEGATOR, "withdrawStake", free_in) == "not released yet"
    registry.next_round()
    assert registry.recipients.call("standingInRound", FIRST, registry.round)[1] == MINIMUM + 60
    before = registry.evm.balance(DELEGATOR)
    registry.send(DELEGATOR, "withdrawStake", free_in)
    assert registry.evm.balance(DELEGATOR) - before == 40
    assert refused(registry, DELEGATOR, "withdrawStake", free_in) == "nothing to withdraw"


def test_a_registered_recipient_keeps_its_minimum(registry: Registry) -> None:
    registry.register(FIRST, stake=MINIMUM + 5)
    assert refused(registry, FIRST, "unbond", FIRST, 6) == "stake below minimum"
    registry.send(FIRST, "unbond", FIRST, 5)
    registry.send(FIRST, "resign")
    registry.send(FIRST, "unbond", FIRST, MINIMUM)
    registry.next_round()
    registry.send(FIRST, "withdrawStake", registry.round)
    assert registry.evm.balance(registry.recipients.address) == 0


@pytest.mark.parametrize("amount", [0, MINIMUM + 1])
def test_nobody_unbonds_nothing_or_more_than_is_staked(registry: Registry, amount: int) -> None:
    registry.register(FIRST)
    assert refused(registry, FIRST, "unbond", FIRST, amount) == "more than is staked"
    assert refused(registry, SECOND, "unbond", FIRST, 1) == "more than is staked"


def test_stake_that_stays_after_a_resignation_counts_again(registry: Registry) -> None:
    registry.register(FIRST)
    registry.send(FIRST, "resign")
    registry.send(FIRST, "register", 0)
    registry.next_round()
    assert registry.recipients.call("standingInRound", FIRST, registry.round) == (registry.round, MINIMUM, 0, True)


def test_a_contract_that_calls_back_gets_its_fees_once(registry: Registry) -> None:
    registry.credit(FIRST, 70)
    registry.credit(SECOND, 70)
    again = registry.recipients.data("claimFees", FIRST, [registry.round])
    # store the call data word by word, call the caller with it, and ignore the outcome
    words = [again[start : start + 32].ljust(32, b"\0") for start in range(0, len(again), 32)]
    code = b"".join(b"\x7f" + word + b"\x61" + (32 * n).to_bytes(2, "big") + b"\x52" for n, word in enumerate(words))
    code += b"\x5f\x5f\x61" + len(again).to_bytes(2, "big") + b"\x5f\x5f\x33\x5a\xf1\x50"
    registry.evm.state.set_code(FIRST, code)  # type: ignore[arg-type]  # any 20 bytes are an address
    assert registry.claim(FIRST, FIRST) == 70
    assert registry.evm.balance(registry.recipients.address) == 70


def test_the_contracts_take_no_money_without_a_call() -> None:
    registry = Registry()
    contracts: tuple[Contract, ...] = (registry.rounds, registry.recipients)
    for contract in contracts:
        with pytest.raises(Reverted):
            contract.send_data(PAYER, b"", value_wei=1)


@settings(max_examples=max(5, settings().max_examples // 10))
@given(
    commission=st.integers(min_value=0, max_value=1_000_000),
    stakes=st.lists(st.integers(min_value=1, max_value=10**20), max_size=4),
    fees=st.lists(st.integers(min_value=1, max_value=10**20), min_size=1, max_size=3),
)
def test_shares_add_up_to_the_fees_but_for_rounding(commission: int, stakes: list[int], fees: list[int]) -> None:
    registry = Registry()
    registry.register(FIRST, commission)
    delegators = [account(100 + number) for number in range(len(stakes))]
    for delegator, stake in zip(delegators, stakes, strict=True):
        registry.send(delegator, "bond", FIRST, value_wei=stake)
    registry.next_round()
    staked = registry.evm.balance(registry.recipients.address)
    for wei in fees:
        registry.credit(FIRST, wei)
    people = [FIRST, *delegators]
    paid = sum(registry.claim(each, FIRST) for each in people if registry.claimable(FIRST, each) != [0])
    left = registry.evm.balance(registry.recipients.address) - staked
    assert paid + left == sum(fees)
    assert 0 <= left < len(people)
