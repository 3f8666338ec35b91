"""What happens to one peer at a time: it is greeted, becomes a link, falls silent, is barred, and is freed.

    UNKNOWN ──named──▶ KNOWN ──dialled or called back──▶ GREETING ──same node answers──▶ LINKED
                         ▲                                  │ fails                        │ silent, refuses,
                         ├──────────── waits, longer each time ◀──────────────────────────┤ or another answers
                         └── score below half ── PAUSED (static) or BANNED ◀── too many points ──┘

Source: docs/spec/peers.md §4 to §7.
"""

from __future__ import annotations

from collections import deque

from parley.errors import ErrorCode, Fact, Rejected
from parley.pool.addresses import (
    ONION_GROUP,
    Address,
    address_group,
    address_scope,
    is_exchanged,
    parse_address,
)
from parley.pool.peer_config import PeersConfig
from parley.pool.peer_list import Draw, Peer, PeerList
from parley.pool.peer_scores import Scores
from parley.pool.peering import (
    AskAddresses,
    HelloAccepted,
    HelloAnswered,
    PeerBookOutput,
    PeerPhase,
    Reply,
    Report,
    SayHello,
)
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask

__all__ = ["OWN_ADDRESSES_MAX", "PeerLife"]

OWN_ADDRESSES_MAX = 16
"""Most addresses remembered at which this node met itself."""

_CLAIMED_MAX = 256
_DOUBLINGS_MAX = 40

# These say that a peer is not there, or not now; any other code says that it does not want the link.
_SILENCE = frozenset(
    {
        ErrorCode.UNREACHABLE,
        ErrorCode.BUSY,
        ErrorCode.RATE_LIMITED,
        ErrorCode.STORE_UNAVAILABLE,
        ErrorCode.INTERNAL_ERROR,
    }
)


class PeerLife:
    """Moves peers from phase to phase; whom to choose is for the peer book to say."""

    def __init__(
        self,
        *,
        config: PeersConfig,
        own_id: NodeId,
        own_address: Address | None,
        peers: PeerList,
        scores: Scores,
        draw: Draw,
        outputs: deque[PeerBookOutput],
    ) -> None:
        """Begin with no question under way; `outputs` is where effects go."""
        self._config = config
        self._own_id = own_id
        self._own_address = own_address
        self._own_scope = None if own_address is None else address_scope(own_address)
        self._met_itself_at: tuple[Address, ...] = ()
        self._peers = peers
        self._scores = scores
        self._draw = draw
        self._outputs = outputs
        self._exchanges: dict[int, Peer] = {}
        self._next_exchange = 0

    @property
    def exchanges(self) -> int:
        """How many questions are under way."""
        return len(self._exchanges)

    def is_own(self, address: Address) -> bool:
        """Say whether this node itself is known to be there."""
        return address == self._own_address or address in self._met_itself_at

    def learn(self, address: Address, source: str | None, now: Instant) -> Peer | None:
        """Take note of an address that this node could dial; None when it could not, or when there is no room."""
        is_out_of_reach = not self._config.onion_slots and address_group(address) == ONION_GROUP
        if is_out_of_reach or self.is_own(address):
            return None
        return self._peers.add(address, source, now)

    def hear(self, text: str, source: str, now: Instant) -> None:
        """Take note of an address that a peer named, when it is one that a peer may name."""
        address = self._exchanged(text)
        if address is not None:
            self.learn(address, source, now)

    def dial(self, peer: Peer, now: Instant) -> None:
        """Greet a peer that this node chose."""
        peer.is_outbound = True
        self._greet(peer, peer.node_id, self._config.hello_timeout_ms, now)

    def call_back(self, peer: Peer, caller: NodeId, token: int, now: Instant) -> None:
        """Greet the address that a caller named; only the caller may answer there."""
        peer.is_outbound = peer.is_static
        peer.token = token
        self._greet(peer, caller, self._config.hello_timeout_ms // 2, now)

    def hello_answered(self, event: HelloAnswered, now: Instant) -> None:
        """Make the link, keep it, or refuse who answered. A late answer changes nothing."""
        peer = self._exchanges.get(event.exchange)
        if peer is None or peer.exchange != event.exchange:
            return
        self._end_hello(peer)
        peer.claimed_address = None if event.claimed_address is None else event.claimed_address[:_CLAIMED_MAX]
        if event.node_id == self._own_id:
            self._met_itself(peer)
        elif peer.expected is not None and peer.expected != event.node_id:
            self._another_answered(peer, event.node_id, now)
        elif self._scores.is_barred(event.node_id, now):
            peer.node_id = event.node_id
            self._bar(peer, now)
        elif peer.phase is PeerPhase.LINKED:
            peer.missed = 0
            peer.seen_ms = now
            peer.wake_ms = Instant(now + self._config.hello_interval_ms)
        elif self._lives_elsewhere(peer):
            # Perhaps somebody passes our greetings on to another node and wants to stand between: go there directly.
            self._refuse_caller(peer, {"reason": "the node names another address"})
            self._rest(peer, now)
            self.hear(event.claimed_address or "", peer.group, now)
        else:
            self._greeted(peer, event.node_id, now)

    def addresses_answered(self, exchange: int, now: Instant) -> Peer | None:
        """Return the link that was asked for addresses, or None when the answer is late."""
        peer = self._exchanges.get(exchange)
        if peer is None or peer.asking != exchange:
            return None
        self._end_asking(peer, now)
        return peer

    def failed(self, exchange: int, code: ErrorCode, now: Instant) -> None:
        """Take a question as not answered."""
        peer = self._exchanges.get(exchange)
        if peer is None:
            return
        if peer.asking == exchange:
            self._end_asking(peer, now)
            return
        self._end_hello(peer)
        if peer.phase is not PeerPhase.LINKED:
            self._not_greeted(peer, code, now)
        elif code in _SILENCE:
            self._missed(peer, now)
        else:
            self.drop(peer)
            self._not_greeted(peer, code, now)

    def wake(self, peer: Peer, now: Instant) -> None:
        """Let time act on a peer whose moment has come."""
        match peer.phase:
            case PeerPhase.GREETING if peer.wake_ms <= now:
                self._end_hello(peer)
                self._not_greeted(peer, ErrorCode.UNREACHABLE, now)
            case PeerPhase.PAUSED | PeerPhase.BANNED if peer.wake_ms <= now:
                self._free(peer, now)
            case PeerPhase.LINKED:
                self._tend(peer, now)
            case _:
                pass

    def charge(self, node_id: NodeId, code: ErrorCode, evidence: tuple[bytes, ...], now: Instant) -> None:
        """Add the points of one fault to a node, and bar its addresses when there are too many."""
        if not self._scores.charge(node_id, code, now):
            return
        until_ms = self._scores.free_at(node_id, now)
        for peer in self._peers:
            is_meant = peer.phase is PeerPhase.GREETING and peer.expected == node_id
            if peer.phase is PeerPhase.UNKNOWN or (peer.node_id != node_id and not is_meant):
                continue
            if peer.phase in (PeerPhase.PAUSED, PeerPhase.BANNED):
                peer.wake_ms = until_ms
                continue
            peer.node_id = node_id if is_meant else peer.node_id
            self._bar(peer, now)
            self._outputs.append(Report(node_id, peer.address, code, evidence, until_ms))

    def drop(self, peer: Peer) -> None:
        """End a link and whatever is under way with a peer; the address stays known."""
        self._end_hello(peer)
        if peer.asking is not None:
            del self._exchanges[peer.asking]
            peer.asking = None
        self._refuse_caller(peer, {"reason": "the address is wanted no longer"})
        if peer.phase is PeerPhase.LINKED:
            self._peers.unlink(peer)

    def forget(self, peer: Peer) -> None:
        """Forget an address, whatever goes on there."""
        self.drop(peer)
        self._peers.forget(peer)

    def close(self) -> None:
        """Forget everybody; whoever waits for a call-back is told that the node stops."""
        for peer in self._peers:
            self._answer_caller(peer, Rejected(ErrorCode.SHUTTING_DOWN))
            self.forget(peer)

    def make_inbound_room(self, group: str, now: Instant) -> bool:
        """Free an inbound slot for a newcomer where that makes the groups more even, and say whether one is free."""
        if self._peers.slots().inbound_links < self._config.inbound_slots:
            return True
        worst = self._peers.worst_inbound(group)
        if worst is None:
            return False
        self.drop(worst)
        self._back_off(worst, now)
        return True

    def _greet(self, peer: Peer, expected: NodeId | None, timeout_ms: int, now: Instant) -> None:
        if peer.phase is PeerPhase.KNOWN:
            peer.phase = PeerPhase.GREETING
        peer.exchange = self._number(peer)
        peer.expected = expected
        peer.wake_ms = Instant(now + timeout_ms)
        self._outputs.append(Ask(peer.exchange, SayHello(peer.address, expected)))

    def _number(self, peer: Peer) -> int:
        self._next_exchange += 1
        self._exchanges[self._next_exchange] = peer
        return self._next_exchange

    def _end_hello(self, peer: Peer) -> None:
        if peer.exchange is not None:
            del self._exchanges[peer.exchange]
            peer.exchange = None

    def _end_asking(self, peer: Peer, now: Instant) -> None:
        self._exchanges.pop(peer.asking or 0, None)
        peer.asking = None
        peer.ask_ms = Instant(now + self._config.exchange_interval_ms)

    def _exchanged(self, text: str) -> Address | None:
        # What does not parse may be of a kind that only newer releases know: no fault.
        address = parse_address(text)
        with_loopback = self._config.exchanges_loopback
        if isinstance(address, Rejected) or not is_exchanged(address, self._own_scope, with_loopback=with_loopback):
            return None
        return address

    def _lives_elsewhere(self, peer: Peer) -> bool:
        # The owner's word for a static peer outweighs the peer's own.
        if peer.is_static or peer.claimed_address is None:
            return False
        claimed = self._exchanged(peer.claimed_address)
        return claimed is not None and claimed != peer.address

    def _greeted(self, peer: Peer, node_id: NodeId, now: Instant) -> None:
        peer.seen_ms = now
        peer.is_verified = True
        peer.failures = 0
        peer.source = peer.group
        peer.node_id = node_id
        other = self._peers.linked(node_id)
        if other is not None and (other.is_static or not peer.is_static):
            self._rest(peer, now)
            self._answer_caller(peer, HelloAccepted(is_link=True))
            return
        if other is not None:
            self.drop(other)
            self._rest(other, now)
        if not peer.is_outbound and not self.make_inbound_room(peer.group, now):
            self._refuse_caller(peer, {"inbound_slots": self._config.inbound_slots})
            self._back_off(peer, now)
            return
        self._peers.link(peer, node_id)
        peer.missed = peer.useful = 0
        peer.linked_ms = now
        peer.wake_ms = Instant(now + self._config.hello_interval_ms)
        peer.ask_ms = now
        self._answer_caller(peer, HelloAccepted(is_link=True))

    def _rest(self, peer: Peer, now: Instant) -> None:
        # A second address of a link is of use only when the first one fails.
        peer.phase = PeerPhase.KNOWN
        peer.wake_ms = Instant(now + self._config.retry_max_ms)

    def _met_itself(self, peer: Peer) -> None:
        self._met_itself_at = (*self._met_itself_at, peer.address)[-OWN_ADDRESSES_MAX:]
        self.forget(peer)

    def _another_answered(self, peer: Peer, node_id: NodeId, now: Instant) -> None:
        # An id belongs to its key, an address only to whoever answers there: the old binding is void, and with
        # it what it earned. The newcomer is greeted as a stranger, later: nobody gains by taking an address over.
        if peer.phase is PeerPhase.LINKED:
            self.drop(peer)
        if node_id != peer.node_id:
            self._unbind(peer)
        self._not_greeted(peer, ErrorCode.WRONG_RECIPIENT, now)

    def _unbind(self, peer: Peer) -> None:
        peer.id_changes += peer.node_id is not None
        peer.node_id = None
        peer.is_anchor = False

    def _not_greeted(self, peer: Peer, code: ErrorCode, now: Instant) -> None:
        self._refuse_caller(peer, {"reason": "the node was not found at the address it gave", "code": int(code)})
        if code is ErrorCode.WRONG_RECIPIENT and peer.expected == peer.node_id:
            self._unbind(peer)
        self._back_off(peer, now)
        is_wanted = peer.is_static or peer.is_anchor or peer.is_verified
        if not is_wanted and (not peer.is_outbound or peer.failures >= self._config.unanswered_max):
            self._peers.forget(peer)

    def _missed(self, peer: Peer, now: Instant) -> None:
        peer.missed += 1
        if peer.missed < self._config.silence_limit:
            peer.wake_ms = Instant(now + self._config.hello_interval_ms)
            return
        self.drop(peer)
        self._back_off(peer, now)

    def _tend(self, peer: Peer, now: Instant) -> None:
        if peer.wake_ms <= now:
            if peer.exchange is None:
                self._greet(peer, peer.node_id, self._config.hello_timeout_ms, now)
            else:
                self._end_hello(peer)
                self._missed(peer, now)
        if peer.phase is not PeerPhase.LINKED or not peer.is_outbound or peer.ask_ms > now or peer.node_id is None:
            return
        if peer.asking is not None:
            self._end_asking(peer, now)
            return
        peer.asking = self._number(peer)
        peer.ask_ms = Instant(now + self._config.hello_timeout_ms)
        question = AskAddresses(peer.node_id, peer.address, self._config.exchange_limit)
        self._outputs.append(Ask(peer.asking, question))

    def _bar(self, peer: Peer, now: Instant) -> None:
        self.drop(peer)
        if not peer.is_static:
            barred = [other for other in self._peers if other.phase is PeerPhase.BANNED]
            if len(barred) >= self._config.bans_max:
                self._peers.forget(min(barred, key=lambda other: (other.wake_ms, other.address)))
        peer.phase = PeerPhase.PAUSED if peer.is_static else PeerPhase.BANNED
        peer.is_anchor = False
        peer.wake_ms = now if peer.node_id is None else self._scores.free_at(peer.node_id, now)

    def _free(self, peer: Peer, now: Instant) -> None:
        if peer.node_id is not None and self._scores.is_barred(peer.node_id, now):
            peer.wake_ms = self._scores.free_at(peer.node_id, now)
            return
        peer.failures = 0
        self._back_off(peer, now)

    def _back_off(self, peer: Peer, now: Instant) -> None:
        peer.failures += 1
        peer.phase = PeerPhase.KNOWN
        longest_ms = self._config.retry_base_ms << min(peer.failures - 1, _DOUBLINGS_MAX)
        longest_ms = min(longest_ms, self._config.retry_max_ms)
        lot = self._draw.number("retry", peer.address, str(peer.failures), str(now))
        peer.wake_ms = Instant(now + longest_ms - lot % (longest_ms // 2 + 1))

    def _answer_caller(self, peer: Peer, answer: HelloAccepted | Rejected) -> None:
        if peer.token is not None:
            self._outputs.append(Reply(peer.token, answer))
            peer.token = None

    def _refuse_caller(self, peer: Peer, facts: dict[str, Fact]) -> None:
        self._answer_caller(peer, Rejected(ErrorCode.PEER_REFUSED, facts))
