"""What a node's owner can ask of its peers and of the node itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, Rejected
from parley.node.registry import Audience, Command, NoParameters
from parley.pool.addresses import parse_address
from parley.pool.peering import PeerStatus

if TYPE_CHECKING:  # slow to load, and the command line only reads the commands
    from parley.node.wiring import Node

__all__ = ["PEER_COMMANDS", "PeerAddress", "node_id", "node_settings", "peers_add", "peers_list", "peers_remove"]


class PeerAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of peers_add and peers_remove."""

    url: Annotated[str, Meta(title="URL", max_length=256, description="such as http://127.0.0.1:7421")]


async def peers_list(node: Node, parameters: NoParameters) -> list[dict[str, Any]]:
    """List every known peer: where it is in its life, and what it has done wrong."""
    del parameters
    return [_shown(peer) for peer in node.links.status()]


async def peers_add(node: Node, parameters: PeerAddress) -> Rejected | None:
    """Keep a peer linked from now on, also after a restart."""
    address = parse_address(parameters.url)
    if isinstance(address, Rejected):
        return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "url", **address.facts})
    await node.links.add(address)
    return None


async def peers_remove(node: Node, parameters: PeerAddress) -> Rejected | None:
    """Forget a peer, also after a restart; a link to it ends."""
    address = parse_address(parameters.url)
    if isinstance(address, Rejected):
        return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "url", **address.facts})
    await node.links.remove(address)
    return None


async def node_id(node: Node, parameters: NoParameters) -> dict[str, Any]:
    """Say who this node is and where peers reach it."""
    del parameters
    return {
        "id": node.identity.node_id.hex(),
        "name": node.router.own_name,
        "address": node.links.own_address,
        "network": node.config.network,
        "public": node.config.public,
        "uptime_ms": node.clock.now() - node.started_ms,
    }


async def node_settings(node: Node, parameters: NoParameters) -> list[dict[str, str]]:
    """List the settings that this node runs with, and where each comes from."""
    del parameters
    return [{"name": one.name, "value": one.value, "origin": one.origin} for one in node.settings]


def _shown(peer: PeerStatus) -> dict[str, Any]:
    return {
        "address": peer.address,
        "id": None if peer.node_id is None else peer.node_id.hex(),
        "phase": peer.phase.name.lower(),
        "outbound": peer.is_outbound,
        "static": peer.is_static,
        "anchor": peer.is_anchor,
        "points": peer.points,
        "reasons": {code.name.lower(): count for code, count in peer.reasons},
        "failures": peer.failures,
        "useful": peer.useful,
        "id_changes": peer.id_changes,
        "linked_ms": peer.linked_ms,
        "seen_ms": peer.seen_ms,
    }


PEER_COMMANDS = (
    Command(
        method="peers_list",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=peers_list,
        summary="List every known peer, its state and its misbehaviour.",
        words=("peers", "ls"),
        result="list of peers",
    ),
    Command(
        method="peers_add",
        audience=Audience.OWNER,
        parameters=PeerAddress,
        run=peers_add,
        summary="Keep a peer linked, also after a restart.",
        words=("peers", "add"),
        arguments=("url",),
        codes=(ErrorCode.INVALID_PARAMS,),
    ),
    Command(
        method="peers_remove",
        audience=Audience.OWNER,
        parameters=PeerAddress,
        run=peers_remove,
        summary="Forget a peer.",
        words=("peers", "rm"),
        arguments=("url",),
        codes=(ErrorCode.INVALID_PARAMS,),
    ),
    Command(
        method="node_id",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=node_id,
        summary="Say who this node is and where peers reach it.",
        words=("node", "status"),
        result="{id, name, address, network, public, uptime_ms}",
    ),
    Command(
        method="config_show",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=node_settings,
        summary="List the settings that a running node has, and where each comes from.",
        result="list of {name, value, origin}",
    ),
)
