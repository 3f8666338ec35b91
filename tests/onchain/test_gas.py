"""What a call costs, exactly: `contracts/gas.txt` is the table, and the limits that it must keep."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.onchain.evm import ROOT
from tests.onchain.tickets import RAND, RoundTicket
from tests.onchain.world import UNLOCK, World

GAS_TABLE = ROOT / "contracts" / "gas.txt"
BATCH = 10


def paid_world() -> World:
    """Return a world whose first recipient was paid in this round."""
    world = World(registered=2)
    world.fund(10**18, 10**18)
    world.redeem(world.ticket(world.members[0], 100, nonce=1_000_000))
    return world


def tickets(world: World, count: int) -> list[RoundTicket]:
    """Make winners with nonces and values of a usual size."""
    return [world.ticket(world.members[0], 10**15 + nonce, nonce=nonce) for nonce in range(1, count + 1)]


def redeem_again() -> int:
    world = paid_world()
    return world.redeem(tickets(world, 1)[0]).gas_used


def redeem_first() -> int:
    world = paid_world()
    return world.redeem(world.ticket(world.members[1], 10**15)).gas_used


def redeem_singly() -> int:
    world = paid_world()
    return sum(world.redeem(ticket).gas_used for ticket in tickets(world, BATCH))


def redeem_together() -> int:
    world = paid_world()
    winners = tickets(world, BATCH)
    calls = [ticket.arguments() for ticket in winners]
    signatures = [world.key.sign(ticket.hash()) for ticket in winners]
    return world.broker.send(world.stranger, "batchRedeemWinningTickets", calls, signatures, [RAND] * BATCH).gas_used


def redeem_with_freeze() -> int:
    world = paid_world()
    return world.redeem(world.ticket(world.members[0], 10**18 + 10**15)).gas_used


def redeem_from_frozen_reserve() -> int:
    world = paid_world()
    world.redeem(world.ticket(world.members[0], 10**18 + 10**15))
    return world.redeem(world.ticket(world.members[0], 10**15, nonce=2)).gas_used


def redeem_by_approved_signer() -> int:
    from_signer = paid_world()
    from_signer.broker.send(from_signer.sender, "approveSigner", from_signer.key.address)
    ticket = from_signer.ticket(from_signer.members[0], 10**15, sender=from_signer.stranger)
    from_signer.fund(10**18, 0, from_signer.stranger)
    from_signer.broker.send(from_signer.stranger, "approveSigner", from_signer.key.address)
    return from_signer.redeem(ticket).gas_used


def call(name: str, *arguments: object, before: tuple[str, ...] = (), rounds: int = 0, value_wei: int = 0) -> int:
    """Return the gas of one of the sender's own calls."""
    world = paid_world()
    for step in before:
        world.broker.send(world.sender, step)
    world.next_round(rounds)
    return world.broker.send(world.sender, name, *arguments, value_wei=value_wei).gas_used


def initialize() -> int:
    world = World()
    world.evm.pass_blocks(5)
    return world.rounds.send(world.stranger, "initializeRound").gas_used


def register() -> int:
    world = World(registered=1)
    return world.recipients.send(world.stranger, "register", 0, value_wei=1).gas_used


def claim() -> int:
    world = paid_world()
    return world.recipients.send(world.members[0], "claimFees", world.members[0], [world.round]).gas_used


CASES: tuple[tuple[str, Callable[[], int]], ...] = (
    ("redeem: from the deposit, recipient paid before in the round", redeem_again),
    ("redeem: from the deposit, recipient's first in the round", redeem_first),
    ("redeem: beyond the deposit, freezing the reserve", redeem_with_freeze),
    ("redeem: from a frozen reserve", redeem_from_frozen_reserve),
    ("redeem: signed by an approved signer", redeem_by_approved_signer),
    ("redeem: ten, one by one", redeem_singly),
    ("redeem: ten, as a batch", redeem_together),
    ("fundDeposit: again", lambda: call("fundDeposit", value_wei=1)),
    ("fundReserve: again", lambda: call("fundReserve", value_wei=1)),
    ("fundDepositAndReserve: again", lambda: call("fundDepositAndReserve", 1, 1, value_wei=2)),
    ("unlock", lambda: call("unlock")),
    ("cancelUnlock", lambda: call("cancelUnlock", before=("unlock",))),
    ("withdraw", lambda: call("withdraw", before=("unlock",), rounds=UNLOCK)),
    ("approveSigner", lambda: call("approveSigner", b"\x09" * 20)),
    ("Rounds.initializeRound", initialize),
    ("Recipients.register", register),
    ("Recipients.claimFees: one round", claim),
)


def table() -> dict[str, int]:
    """Read the committed table."""
    lines = GAS_TABLE.read_text(encoding="utf-8").splitlines()
    rows = [line.rsplit(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {name.strip(): int(gas.replace(",", "")) for name, gas in rows}


@pytest.mark.parametrize(("name", "measure"), CASES, ids=[name for name, _ in CASES])
def test_a_call_costs_what_the_table_says(name: str, measure: Callable[[], int]) -> None:
    assert measure() == table()[name]


def test_the_table_names_nothing_else() -> None:
    assert set(table()) == {name for name, _ in CASES}


def test_redeeming_from_the_deposit_stays_within_its_limit() -> None:
    assert table()["redeem: from the deposit, recipient paid before in the round"] <= 120_000
    assert table()["redeem: from the deposit, recipient's first in the round"] <= 120_000


def test_a_batch_of_ten_saves_a_fifth() -> None:
    assert table()["redeem: ten, as a batch"] <= 0.8 * table()["redeem: ten, one by one"]
