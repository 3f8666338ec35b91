"""The page of the peers: links, who is barred and for what, and which addresses are known beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.node.wiring import Node
from parley.pool.peering import PeerPhase, PeerStatus
from parley.primitives.instants import Instant
from parley.web.page import Asked, Page, Screen
from parley.web.texts import ago, counted, lasting

__all__ = ["PEERS_PAGE"]

_OTHERS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class _Shown:
    """One peer, ready for the template.

    Attributes:
        address: where it is.
        node_id: hex; empty when nobody has answered there.
        claimed_address: what it calls its own address, where that is another; a remote's text.
        phase: in lower case.
        traits: who chose it and why it is kept.
        since: of its phase, in words.
        points: of misbehaviour, now.
        percent: of the points that bar a peer, at most 100.
        reasons: what it was charged for, and how often.
        useful: answers that brought something new.
        seen: when it last answered, in words.
    """

    address: str
    node_id: str
    claimed_address: str
    phase: str
    traits: tuple[str, ...]
    since: str
    points: int
    percent: int
    reasons: tuple[tuple[str, int], ...]
    useful: int
    seen: str


async def _render(node: Node, asked: Asked) -> Screen:
    del asked
    now = node.clock.now()
    peers = [(peer.phase, _shown(peer, now, node.config.peering.ban_score)) for peer in node.links.status()]
    links = [shown for phase, shown in peers if phase is PeerPhase.LINKED]
    barred = [shown for phase, shown in peers if phase in {PeerPhase.BANNED, PeerPhase.PAUSED}]
    others = [shown for phase, shown in peers if phase in {PeerPhase.KNOWN, PeerPhase.GREETING}]
    return Screen(
        "peers.html",
        {
            "links": links,
            "barred": barred,
            "others": others[:_OTHERS_MAX],
            "others_total": len(others),
            "ban_score": node.config.peering.ban_score,
            "half_life": lasting(node.config.peering.score_half_life_ms),
        },
    )


def _shown(peer: PeerStatus, now: Instant, ban_score: int) -> _Shown:
    claimed = peer.claimed_address
    return _Shown(
        address=peer.address,
        node_id="" if peer.node_id is None else peer.node_id.hex(),
        claimed_address="" if claimed is None or claimed == peer.address else claimed,
        phase=peer.phase.name.lower(),
        traits=_traits(peer),
        since=_since(peer, now),
        points=peer.points,
        percent=min(100, 100 * peer.points // ban_score),
        reasons=tuple((code.summary, count) for code, count in peer.reasons),
        useful=peer.useful,
        seen="never" if peer.seen_ms is None else ago(now - peer.seen_ms),
    )


def _traits(peer: PeerStatus) -> tuple[str, ...]:
    found = []
    if peer.phase is PeerPhase.LINKED:
        found.append("chosen by this node" if peer.is_outbound else "came by itself")
    if peer.is_static:
        found.append("set by you")
    if peer.is_anchor:
        found.append("anchor")
    if peer.id_changes:
        found.append(f"answered under {counted(peer.id_changes + 1, 'id', 'ids')}")
    return tuple(found)


def _since(peer: PeerStatus, now: Instant) -> str:
    match peer.phase:
        case PeerPhase.LINKED:
            return "" if peer.linked_ms is None else f"for {lasting(now - peer.linked_ms)}"
        case PeerPhase.BANNED | PeerPhase.PAUSED:
            return f"free again in {lasting(peer.next_ms - now)}"
        case PeerPhase.GREETING:
            return "being greeted"
        case PeerPhase.KNOWN | PeerPhase.UNKNOWN:
            failed = f"{counted(peer.failures, 'try', 'tries')} failed" if peer.failures else "not tried yet"
            return f"{failed}; next in {lasting(peer.next_ms - now)}" if peer.next_ms > now else failed


PEERS_PAGE: Final = Page(path="/peers", title="Peers", render=_render, is_live=True)
"""Whom this node talks to."""
