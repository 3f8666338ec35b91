"""The peer book: whom this node talks to, who may talk to it, and who no longer may.

One machine for all peers of a node. It is told what happened and says what to do: greet an address, ask a link
for addresses, answer a hello, which nodes are links now. A caller becomes a link only after this node has called
it back at the address that it named and found the same node there.

    we dial                                     we are called
    ───────                                     ─────────────
    Ask(SayHello)  ─▶ peer                      peer ─▶ HelloReceived
    HelloAnswered  ◀─ peer                      Ask(SayHello, expected) ─▶ address named
    LinksNow                                    HelloAnswered ◀─ the same node
                                                Reply(accepted), LinksNow

Source: docs/spec/peers.md.
"""

from __future__ import annotations

from collections import deque
from typing import assert_never

from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import (
    Address,
    AddressScope,
    address_group,
    address_scope,
    is_address_at,
    is_exchanged,
    parse_address,
)
from parley.pool.peer_config import PeersConfig
from parley.pool.peer_life import PeerLife
from parley.pool.peer_list import Draw, Peer, PeerList, Slots
from parley.pool.peer_scores import Scores
from parley.pool.peering import (
    PEER_BOOK_TABLE,
    AddressAdded,
    AddressesReceived,
    AddressRemoved,
    Closed,
    HelloAccepted,
    HelloAnswered,
    HelloFailed,
    HelloReceived,
    Link,
    LinksNow,
    LinkUsed,
    Misbehaved,
    PeerBookEvent,
    PeerBookOutput,
    PeerBookPhase,
    PeerPhase,
    PeerStatus,
    Remember,
    Reply,
    Started,
)
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant

__all__ = ["PeerBook"]


_Changing = (
    Started | AddressAdded | AddressRemoved | HelloAnswered | HelloFailed | AddressesReceived | Misbehaved | Closed
)


class PeerBook:
    """All peers of one node (a `Machine`)."""

    def __init__(self, *, config: PeersConfig, own_id: NodeId, own_address: Address | None, seed: bytes) -> None:
        """Begin open and knowing nobody.

        Args:
            config: limits.
            own_id: of this node.
            own_address: where others reach this node; None when they cannot.
            seed: 32 bytes of secret entropy, to pick among equals; the same seed and inputs give the same outputs.
        """
        self._config = config
        self._own_id = own_id
        self._own_scope = None if own_address is None else address_scope(own_address)
        self._draw = Draw(seed)
        self._outputs: deque[PeerBookOutput] = deque()
        self._peers = PeerList(config, self._draw)
        self._scores = Scores(
            half_life_ms=config.score_half_life_ms,
            ban_score=config.ban_score,
            bans_max=config.bans_max,
            scores_max=config.known_max,
        )
        self._life = PeerLife(
            config=config,
            own_id=own_id,
            own_address=own_address,
            peers=self._peers,
            scores=self._scores,
            draw=self._draw,
            outputs=self._outputs,
        )
        self._links: tuple[Link, ...] = ()
        self._remembered = Remember((), ())
        self._remember_ms = Instant(0)
        self._is_changed = False
        self._counted: Slots | None = None
        self._timeout: Instant | None = None
        self._is_timeout_known = True
        self.phase = PeerBookPhase.OPEN

    @property
    def links(self) -> tuple[Link, ...]:
        """The links now, oldest first."""
        return self._links

    def is_link(self, node_id: NodeId) -> bool:
        """Say whether a node is a link."""
        return self._peers.linked(node_id) is not None

    def is_barred(self, node_id: NodeId, now: Instant) -> bool:
        """Say whether a node misbehaved so much that nothing of it is accepted now."""
        return self._scores.is_barred(node_id, now)

    def receive(self, event: PeerBookEvent, now: Instant) -> None:
        """Take one input in. Refusals are replies, so nothing is raised for what a peer sends."""
        if not PEER_BOOK_TABLE.is_handled(self.phase, event):
            return
        if isinstance(event, LinkUsed):
            self._link_used(event.node_id, is_useful=event.is_useful)
        elif not isinstance(event, HelloReceived):
            self._take(event, now)
            self._settle()
        elif self._is_called_back(event, now):
            self._settle()

    def handle_timeout(self, now: Instant) -> None:
        """Give up on who is silent, greet and ask links again, free who has atoned, and dial while slots are free."""
        due = self.next_timeout()
        if due is None or now < due:
            return
        for peer in self._peers:
            self._life.wake(peer, now)
        while (chosen := self._peers.next_to_dial(now)) is not None:
            self._life.dial(chosen, now)
        if self._is_changed and self._remember_ms <= now:
            self._remember(now)
        self._settle(is_changed=False)

    def next_timeout(self) -> Instant | None:
        """Return the earliest moment at which a peer wants to be greeted, asked, given up or freed."""
        if not self._is_timeout_known:
            slots = self._slots()
            moments = [self._remember_ms] if self._is_changed else []
            for peer in self._peers:
                if peer.phase is not PeerPhase.KNOWN or slots.has_room_for(peer, self._config):
                    moments.append(peer.wake_ms)
                if peer.phase is PeerPhase.LINKED and peer.is_outbound:
                    moments.append(peer.ask_ms)
            self._timeout = min(moments, default=None)
            self._is_timeout_known = True
        return self._timeout

    def next_output(self) -> PeerBookOutput | None:
        """Take the next `Ask`, `LinksNow`, `Reply`, `Remember` or `Report`."""
        return self._outputs.popleft() if self._outputs else None

    def shared_addresses(self, asker: NodeId, limit: int) -> tuple[Address, ...]:
        """Return the addresses of links that a peer may be told of: a fixed choice per asker, never its own."""
        shared = [
            link.address
            for link in self._links
            if link.node_id != asker
            and is_exchanged(link.address, self._own_scope, with_loopback=self._config.exchanges_loopback)
        ]
        shared.sort(key=lambda address: self._draw.number("share", asker.hex(), address))
        return tuple(shared[: max(0, min(limit, self._config.exchange_limit))])

    def status(self, now: Instant) -> tuple[PeerStatus, ...]:
        """Return every known address for display: static ones first, then links, then by phase and address."""
        peers = sorted(
            self._peers,
            key=lambda peer: (
                not peer.is_static,
                peer.phase is not PeerPhase.LINKED,
                peer.phase.value,
                peer.address,
            ),
        )
        return tuple(self._status_of(peer, now) for peer in peers)

    def _status_of(self, peer: Peer, now: Instant) -> PeerStatus:
        node_id = peer.node_id
        return PeerStatus(
            address=peer.address,
            node_id=node_id,
            phase=peer.phase,
            is_static=peer.is_static,
            is_anchor=peer.is_anchor,
            is_outbound=peer.is_outbound and peer.phase is PeerPhase.LINKED,
            points=0 if node_id is None else self._scores.points(node_id, now),
            reasons=() if node_id is None else self._scores.reasons(node_id),
            failures=peer.failures,
            useful=peer.useful,
            linked_ms=peer.linked_ms,
            seen_ms=peer.seen_ms,
            next_ms=peer.wake_ms,
            id_changes=peer.id_changes,
            claimed_address=peer.claimed_address,
        )

    def _take(self, event: _Changing, now: Instant) -> None:
        match event:
            case Started():
                self._start(event, now)
            case AddressAdded(address, is_static):
                self._add(address, now, is_static=is_static)
            case AddressRemoved(address):
                self._remove(address)
            case HelloAnswered():
                self._life.hello_answered(event, now)
            case HelloFailed(exchange, code):
                self._life.failed(exchange, code, now)
            case AddressesReceived():
                self._addresses_received(event, now)
            case Misbehaved(node_id, code, evidence):
                self._life.charge(node_id, code, evidence, now)
            case Closed():
                self._close(now)
            case _:
                assert_never(event)

    def _start(self, event: Started, now: Instant) -> None:
        for address in event.static:
            self._add(address, now, is_static=True)
        anchors = event.anchors[: self._config.anchors]
        for address in (*event.anchors, *event.known):
            peer = self._life.learn(address, None, now)
            if peer is not None and not peer.is_static:
                peer.is_verified = True
                peer.is_anchor = peer.is_anchor or address in anchors

    def _add(self, address: Address, now: Instant, *, is_static: bool) -> None:
        if self._life.is_own(address):
            return
        peer = self._peers.add(address, None, now, is_static=is_static)
        if peer is None or not is_static:
            return
        peer.is_static = True
        peer.is_anchor = False
        if peer.phase is PeerPhase.KNOWN:
            peer.wake_ms = min(peer.wake_ms, now)
        elif peer.phase is PeerPhase.BANNED:
            peer.phase = PeerPhase.PAUSED
        elif not peer.is_outbound:
            peer.is_outbound = True
            peer.ask_ms = now

    def _remove(self, address: Address) -> None:
        peer = self._peers.get(address)
        if peer is not None:
            self._life.forget(peer)

    def _addresses_received(self, event: AddressesReceived, now: Instant) -> None:
        link = self._life.addresses_answered(event.exchange, now)
        if link is None or link.node_id is None:
            return
        for text in event.addresses[: self._config.exchange_limit]:
            self._life.hear(text, link.group, now)
        if len(event.addresses) > self._config.exchange_limit:
            self._life.charge(link.node_id, ErrorCode.NOT_ASKED_FOR, (), now)

    def _is_called_back(self, event: HelloReceived, now: Instant) -> bool:
        # A caller that is answered at once leaves all as it was, so that a flood of them costs next to nothing.
        answer = self._answer_to(event, now)
        if not isinstance(answer, Peer):
            self._outputs.append(Reply(event.token, answer))
            return False
        self._life.call_back(answer, event.node_id, event.token, now)
        return True

    def _answer_to(self, event: HelloReceived, now: Instant) -> Peer | HelloAccepted | Rejected:
        """Judge a caller: return the peer to call back, or the answer when it is clear already."""
        if self.phase is PeerBookPhase.CLOSED:
            return Rejected(ErrorCode.SHUTTING_DOWN)
        if event.node_id == self._own_id:
            # This node has dialled itself; the answer tells it so.
            return HelloAccepted(is_link=False)
        if self._scores.is_barred(event.node_id, now):
            wait_ms = self._scores.free_at(event.node_id, now) - now
            return Rejected(ErrorCode.PEER_REFUSED, {"reason": "misbehaved", "retry_after_ms": wait_ms})
        if self.is_link(event.node_id):
            return HelloAccepted(is_link=True)
        if event.address is None:
            is_served = self._config.answers_strangers
            return HelloAccepted(is_link=False) if is_served else _refused("no address to call back")
        address = parse_address(event.address)
        if isinstance(address, Rejected):
            return address
        if not is_address_at(address, event.source_host) or self._is_beside_proxy(address):
            return _refused("the address is not at the host that called")
        return self._admit(address, now)

    def _is_beside_proxy(self, address: Address) -> bool:
        """Say whether a caller names this very machine while the node is reached from elsewhere.

        Its callers then come through an onion service or a proxy on this machine, so that all of them seem to be here:
        any of them could make the node knock at every door of its own machine. Where the owner named the address, it
        is no caller's word.
        """
        peer = self._peers.get(address)
        if address_scope(address) is not AddressScope.LOOPBACK or (peer is not None and peer.is_static):
            return False
        return self._own_scope not in (None, AddressScope.LOOPBACK)

    def _admit(self, address: Address, now: Instant) -> Peer | HelloAccepted | Rejected:
        peer = self._peers.get(address)
        if peer is not None and peer.phase is PeerPhase.GREETING:
            # This node is asking there already, perhaps in answer to this very caller: to call back once more
            # would never end. Nothing is gained by lying: a link is made with whoever answers there.
            return HelloAccepted(is_link=False)
        if peer is not None and peer.phase is not PeerPhase.KNOWN:
            return _refused("the address is taken or barred")
        slots, config = self._slots(), self._config
        group = address_group(address)
        if slots.call_backs.total() >= config.call_backs_max or slots.call_backs[group] >= config.slots_per_group:
            return Rejected(ErrorCode.BUSY, {"retry_after_ms": config.hello_timeout_ms})
        is_static = peer is not None and peer.is_static
        if not is_static and slots.inbound >= config.inbound_slots and self._peers.worst_inbound(group) is None:
            return Rejected(ErrorCode.PEER_REFUSED, {"inbound_slots": config.inbound_slots})
        return self._life.learn(address, None, now) or _refused("the address cannot be called back")

    def _link_used(self, node_id: NodeId, *, is_useful: bool) -> None:
        peer = self._peers.linked(node_id)
        if peer is not None:
            peer.useful += is_useful

    def _remember(self, now: Instant) -> None:
        anchors = self._peers.anchors()
        for peer in self._peers:
            peer.is_anchor = peer.address in anchors
        known = self._peers.to_remember()
        remember = Remember(anchors, tuple(address for address in known if address not in anchors))
        self._is_changed = False
        self._remember_ms = Instant(now + self._config.remember_interval_ms)
        before = self._remembered
        if set(anchors) != set(before.anchors) or set(remember.known) != set(before.known):
            self._remembered = remember
            self._outputs.append(remember)

    def _slots(self) -> Slots:
        if self._counted is None:
            self._counted = self._peers.slots()
        return self._counted

    def _close(self, now: Instant) -> None:
        self._remember(now)
        self.phase = PeerBookPhase.CLOSED
        self._life.close()

    def _settle(self, *, is_changed: bool = True) -> None:
        self._is_timeout_known = False
        self._counted = None
        self._is_changed = (self._is_changed or is_changed) and self.phase is PeerBookPhase.OPEN
        links = self._peers.links()
        if links != self._links:
            self._links = links
            self._outputs.append(LinksNow(links))


def _refused(reason: str) -> Rejected:
    return Rejected(ErrorCode.PEER_REFUSED, {"reason": reason})
