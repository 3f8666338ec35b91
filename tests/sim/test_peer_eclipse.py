"""An attacker with many addresses in few groups cannot surround a node.

The attacker holds nine tenths of all addresses, in 3 of 63 groups. All of them answer at once and for ever, knock at
the victim's door, and name only each other; honest nodes come and go, and half of what they name is the attacker's.
Were outbound slots given to addresses at random, nine of ten would be the attacker's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from parley.pool.addresses import Address, address_group, address_host
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import Closed, Started
from tests.sim.peer_world import BookNode, Puppet, World, identity
from tests.unit.pool.peer_stage import at

CONFIG = PeersConfig()
BAD_GROUPS = 3
HONEST_GROUPS = 60
MINUTE_MS = 60_000
VICTIM = at("9.9.9.9:1")


@dataclass
class Siege:
    """One victim with a real book among puppets."""

    seed: int

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.world = World()
        self.bad = [at(f"{200 + group}.0.0.{last}:1") for group in range(BAD_GROUPS) for last in range(1, 251)]
        self.honest = [at(f"{20 + group}.0.0.1:1") for group in range(HONEST_GROUPS)]
        self.bad_set = set(self.bad)
        for address in self.bad:
            self.world.move_in(Puppet(address, lambda limit: self.some(self.bad, limit)))
        for address in self.honest:
            self.world.move_in(Puppet(address, self.name_anybody))
        self.victim = BookNode(self.world, VICTIM, CONFIG, f"seed {self.seed}".encode())
        self.tokens = 0

    def some(self, among: Sequence[Address], limit: int) -> tuple[Address, ...]:
        return tuple(self.dice.sample(among, min(limit, len(among))))

    def name_anybody(self, limit: int) -> tuple[Address, ...]:
        return self.some(self.honest, limit // 2) + self.some(self.bad, limit // 2)

    def knock(self, address: Address) -> None:
        """Let somebody greet the victim."""
        self.victim.greet(identity(address), address, address_host(address), lambda _: None)

    def pass_minute(self) -> None:
        """Let 60 attackers and 2 honest nodes knock, and a fifth of the honest ones be away for this minute."""
        away = {address: self.world.homes.pop(address) for address in self.dice.sample(self.honest, 12)}
        for second in range(60):
            self.world.later(second * 1_000, lambda: self.knock(self.dice.choice(self.bad)))
        for address in self.some([address for address in self.honest if address not in away], 2):
            self.world.later(self.dice.randrange(MINUTE_MS), partial(self.knock, address))
        self.world.run(MINUTE_MS)
        self.world.homes.update(away)

    def outbound(self) -> list[Address]:
        return [address for address, is_outbound in self.victim.links() if is_outbound]

    def bad_share_percent(self) -> int:
        outbound = self.outbound()
        return 100 * sum(address in self.bad_set for address in outbound) // max(1, len(outbound))

    def restart(self) -> None:
        """Restart the victim with what it remembered."""
        self.victim.deliver(Closed())
        remembered = self.victim.remembered
        self.victim = BookNode(self.world, VICTIM, CONFIG, f"again {self.seed}".encode())
        self.victim.deliver(Started((), remembered.anchors, remembered.known))


def besieged(seed: int) -> Siege:
    """Return a siege that has begun: the victim knows ten honest nodes and ten of the attacker's."""
    print(f"eclipse seed {seed}")  # noqa: T201  # shown with a failure, which it repeats
    siege = Siege(seed)
    siege.victim.deliver(Started(known=(*siege.some(siege.honest, 10), *siege.some(siege.bad, 10))))
    return siege


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_few_groups_get_few_slots_however_many_addresses_they_have(seed: int) -> None:
    siege = besieged(seed)
    for _ in range(10):
        siege.pass_minute()
        outbound = siege.outbound()
        groups = [address_group(address) for address in outbound]
        # By rule: two slots for a group, so at most six of eight, whatever the lots say.
        assert all(groups.count(group) <= CONFIG.slots_per_group for group in groups)
        # By lot, and so for these seeds: about one slot for each of the three groups.
        assert siege.bad_share_percent() <= 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 12))
def test_a_restart_under_siege_leads_back_to_honest_anchors(seed: int) -> None:
    siege = besieged(seed)
    for _ in range(5):
        siege.pass_minute()
    before = set(siege.outbound()) - siege.bad_set
    siege.restart()
    siege.pass_minute()
    after = set(siege.outbound()) - siege.bad_set
    assert before & after
    assert len(after) >= CONFIG.outbound_slots // 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 22))
def test_inbound_slots_and_the_list_of_addresses_stay_open_to_honest_nodes(seed: int) -> None:
    siege = besieged(seed)
    for _ in range(5):
        siege.pass_minute()
    inbound = [address for address, is_outbound in siege.victim.links() if not is_outbound]
    assert len(set(inbound) - siege.bad_set) >= 5
    known = {peer.address for peer in siege.victim.book.status(siege.world.now)}
    assert len(known) <= CONFIG.known_max
    # 60 honest addresses exist; a list that was flooded with 750 others still knows most of them.
    assert len(known - siege.bad_set) >= 40


@pytest.mark.slow
def test_a_full_list_gives_up_the_flooders_addresses_first() -> None:
    siege = besieged(30)
    small = PeersConfig(known_max=200)
    siege.victim = BookNode(siege.world, VICTIM, small, b"small")
    siege.victim.deliver(Started(known=tuple(siege.honest[:40])))
    for _ in range(5):
        siege.pass_minute()
    known = {peer.address for peer in siege.victim.book.status(siege.world.now)}
    assert len(known) <= small.known_max
    assert set(siege.honest[:40]) <= known
