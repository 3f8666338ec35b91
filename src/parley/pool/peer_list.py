"""The addresses that a node knows: bounded, fairly kept, and which of them to dial next.

Room is shared fairly over *sources*: an address that has answered stands for its own group, one that was only
heard of stands for the group of whoever named it. When there is no room, the source that holds most loses
one. So an attacker in few groups can fill its own shares only, however many addresses it has or invents.

Source: docs/spec/peers.md §3 and §6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from parley.pool.addresses import ONION_GROUP, Address, AddressKind, address_group, address_kind
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import Link, PeerPhase
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant

__all__ = ["Draw", "Peer", "PeerList", "Slots"]

_DRAW_BYTES = 8


class Draw:
    """Picks among equals: the same seed and parts give the same number, and no stranger foretells it."""

    __slots__ = ("_seed",)

    def __init__(self, seed: bytes) -> None:
        """Keep the seed: entropy of the node, secret."""
        self._seed = seed

    def number(self, *parts: str) -> int:
        """Return a number of 64 bits for these parts."""
        text = "\n".join(parts).encode()
        return int.from_bytes(tagged_hash("parley/peers/draw", self._seed, text)[:_DRAW_BYTES], "big")


@dataclass(slots=True, eq=False)
class Peer:
    """One address and all that is known of it.

    Attributes:
        address: where it is.
        group: of the address.
        kind: of the address.
        source: the group that its place in the list is charged to.
        wake_ms: when time acts on it: the next try, the end of a greeting, the next hello, the end of a ban.
        ask_ms: of an outbound link: when to ask for addresses next, or when to stop waiting for them.
        phase: where it is in its life.
        node_id: who answered here last.
        expected: who must answer the greeting under way; None when anybody may.
        exchange: of the greeting under way.
        asking: exchange of the question for addresses under way.
        token: of the caller that waits for a call-back to this address.
        is_static: set by the owner.
        is_anchor: dialled first after a restart.
        is_outbound: chosen by this node.
        is_verified: has answered, perhaps before a restart.
        failures: greetings in a row that failed, while it is no link.
        missed: greetings in a row without an answer, while it is a link.
        useful: answers that brought something new, since the link was made.
        id_changes: how often another node answered than before.
        linked_ms: since when it is a link.
        seen_ms: when it last answered.
        claimed_address: what it calls its own address: text from a remote.
    """

    address: Address
    source: str
    wake_ms: Instant
    ask_ms: Instant = field(init=False)
    group: str = field(init=False)
    kind: AddressKind = field(init=False)
    phase: PeerPhase = PeerPhase.KNOWN
    node_id: NodeId | None = None
    expected: NodeId | None = None
    exchange: int | None = None
    asking: int | None = None
    token: int | None = None
    is_static: bool = False
    is_anchor: bool = False
    is_outbound: bool = False
    is_verified: bool = False
    failures: int = 0
    missed: int = 0
    useful: int = 0
    id_changes: int = 0
    linked_ms: Instant | None = None
    seen_ms: Instant | None = None
    claimed_address: str | None = None

    def __post_init__(self) -> None:
        """Derive group and kind, which are asked for often."""
        self.ask_ms = self.wake_ms
        self.group = address_group(self.address)
        self.kind = address_kind(self.address)


@dataclass(slots=True)
class Slots:
    """How many slots are in use; static peers use none.

    Attributes:
        outbound: links that this node chose, and its greetings under way for more.
        inbound: links that others chose, and call-backs under way.
        inbound_links: links that others chose.
        names: how many of `outbound` lead to DNS names.
        outbound_groups: `outbound` by address group.
        call_backs: call-backs under way by address group.
    """

    outbound: int = 0
    inbound: int = 0
    inbound_links: int = 0
    names: int = 0
    outbound_groups: Counter[str] = field(default_factory=Counter)
    call_backs: Counter[str] = field(default_factory=Counter)

    def count(self, peer: Peer) -> None:
        """Count one peer that is a link or is being greeted."""
        if peer.phase is PeerPhase.GREETING and not peer.is_outbound:
            self.call_backs[peer.group] += 1
        if peer.is_static:
            return
        if peer.is_outbound:
            self.outbound += 1
            self.outbound_groups[peer.group] += 1
            self.names += peer.kind is AddressKind.NAME
        else:
            self.inbound += 1
            self.inbound_links += peer.phase is PeerPhase.LINKED

    def has_room_for(self, peer: Peer, config: PeersConfig) -> bool:
        """Say whether an outbound slot is free that this peer may take."""
        if peer.is_static:
            return True
        limit = config.onion_slots if peer.group == ONION_GROUP else config.slots_per_group
        if self.outbound >= config.outbound_slots or self.outbound_groups[peer.group] >= limit:
            return False
        is_name = peer.kind is AddressKind.NAME and not peer.group.startswith("loopback:")
        return not is_name or self.names < config.name_slots


class PeerList:
    """Every known address once; those not set by the owner are at most `known_max`."""

    def __init__(self, config: PeersConfig, draw: Draw) -> None:
        """Begin knowing none."""
        self._config = config
        self._draw = draw
        self._peers: dict[Address, Peer] = {}
        self._linked: dict[NodeId, Peer] = {}
        self._dials = 0

    def __len__(self) -> int:
        """Return how many addresses are known."""
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        """Go through a copy, so that peers may be added and forgotten meanwhile."""
        return iter(tuple(self._peers.values()))

    def get(self, address: Address) -> Peer | None:
        """Return the peer at an address, or None."""
        return self._peers.get(address)

    def linked(self, node_id: NodeId) -> Peer | None:
        """Return the link with a node, or None."""
        return self._linked.get(node_id)

    def links(self) -> tuple[Link, ...]:
        """Return the links, oldest first."""
        return tuple(Link(node, peer.address, peer.is_outbound) for node, peer in self._linked.items())

    def slots(self) -> Slots:
        """Count the slots in use."""
        slots = Slots()
        for peer in self._peers.values():
            if peer.phase in (PeerPhase.GREETING, PeerPhase.LINKED):
                slots.count(peer)
        return slots

    def add(self, address: Address, source: str | None, now: Instant, *, is_static: bool = False) -> Peer | None:
        """Learn of an address; a known one is returned as it is.

        Args:
            address: to keep.
            source: the group that its place is charged to; None: its own.
            now: from when it may be dialled.
            is_static: set by the owner: kept whether there is room or not.

        Returns:
            The peer, or None when there is no room that another one could make.
        """
        known = self._peers.get(address)
        if known is not None:
            return known
        if not is_static and not self._make_room():
            return None
        peer = self._peers[address] = Peer(address, source or "", now, is_static=is_static)
        peer.source = source or peer.group
        return peer

    def forget(self, peer: Peer) -> None:
        """Forget an address that is no link."""
        del self._peers[peer.address]
        peer.phase = PeerPhase.UNKNOWN

    def link(self, peer: Peer, node_id: NodeId) -> None:
        """Make a peer the link with a node that has none."""
        self._linked[node_id] = peer
        peer.node_id = node_id
        peer.phase = PeerPhase.LINKED

    def unlink(self, peer: Peer) -> None:
        """End a link; the address stays known."""
        self._linked.pop(NodeId(peer.node_id or b""), None)
        peer.phase = PeerPhase.KNOWN
        peer.linked_ms = None

    def next_to_dial(self, now: Instant) -> Peer | None:
        """Choose whom to dial, or None when no slot or no peer is free.

        Static peers first, then anchors. Then every other time whoever has answered before, so that invented
        addresses do not keep honest ones waiting; then the groups with the fewest links, one of them by lot;
        within it who failed least.
        """
        slots = self.slots()
        free = [
            peer
            for peer in self._peers.values()
            if peer.phase is PeerPhase.KNOWN and peer.wake_ms <= now and slots.has_room_for(peer, self._config)
        ]
        if not free:
            return None
        self._dials += 1
        turn = str(self._dials)
        is_turn_of_verified = self._dials % 2 == 1
        lots = {group: self._draw.number("group", turn, group) for group in {peer.group for peer in free}}

        def rank(peer: Peer) -> tuple[bool, bool, bool, int, int]:
            is_passed_over = is_turn_of_verified and not peer.is_verified
            used = slots.outbound_groups[peer.group]
            return not peer.is_static, not peer.is_anchor, is_passed_over, used, lots[peer.group]

        best = min(map(rank, free))
        return min(
            (peer for peer in free if rank(peer) == best),
            key=lambda peer: (peer.failures, self._draw.number("address", peer.address)),
        )

    def worst_inbound(self, group: str) -> Peer | None:
        """Return the link that makes room for a newcomer of a group: the youngest of the fullest group.

        Returns:
            None when no group has more than the newcomer's would have.
        """
        inbound = [peer for peer in self._linked.values() if not peer.is_outbound]
        groups = Counter(peer.group for peer in inbound)
        crowded = [peer for peer in inbound if groups[peer.group] > groups[group] + 1]
        return max(crowded, key=lambda peer: (groups[peer.group], peer.linked_ms or 0, peer.address), default=None)

    def anchors(self) -> tuple[Address, ...]:
        """Choose the anchors: of the outbound links half the oldest, half the most useful; then those of before.

        Age cannot be faked; usefulness alone could, by whoever floods the pool with records of its own.
        """
        wanted = self._config.anchors
        chosen = [peer for peer in self._linked.values() if peer.is_outbound and not peer.is_static]
        oldest = chosen[: (wanted + 1) // 2]
        useful = sorted((peer for peer in chosen if peer not in oldest), key=lambda peer: -peer.useful)
        before = [peer for peer in self._peers.values() if peer.is_anchor and peer not in chosen]
        return tuple(peer.address for peer in [*oldest, *useful, *before][:wanted])

    def to_remember(self) -> tuple[Address, ...]:
        """Return the addresses worth storing, the best first: those that have answered and are not barred."""
        known = [
            peer
            for peer in self._peers.values()
            if peer.is_verified and not peer.is_static and peer.phase is not PeerPhase.BANNED
        ]
        known.sort(key=lambda peer: (peer.phase is not PeerPhase.LINKED, peer.failures, peer.address))
        return tuple(peer.address for peer in known)

    def _make_room(self) -> bool:
        others = [peer for peer in self._peers.values() if not peer.is_static]
        if len(others) < self._config.known_max:
            return True
        sources = Counter(peer.source for peer in others)
        groups = Counter(peer.group for peer in others)

        def rank(peer: Peer) -> tuple[int, int, bool, int]:
            return sources[peer.source], groups[peer.group], not peer.is_verified, peer.failures

        candidates = [peer for peer in others if peer.phase is PeerPhase.KNOWN and not peer.is_anchor]
        worst = max(map(rank, candidates), default=None)
        victim = max(
            (peer for peer in candidates if rank(peer) == worst),
            key=lambda peer: self._draw.number("evict", peer.address),
            default=None,
        )
        if victim is not None:
            self.forget(victim)
        return victim is not None
