"""Who may send without work: subscriptions that the node's owner grants, each to some senders or to all who know it.

They are read once, when the node starts, and changed by its owner's commands in this process alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, Rejected
from parley.node.registry import Audience, Command, NoParameters
from parley.ports.store import Documents

if TYPE_CHECKING:  # slow to load, and the command line only reads the commands
    from parley.node.wiring import Node

__all__ = [
    "SUBSCRIPTIONS_MAX",
    "SUBSCRIPTION_COMMANDS",
    "SubscriptionAdd",
    "SubscriptionRemove",
    "Subscriptions",
]

SUBSCRIPTIONS_MAX: Final = 10_000
"""Most subscriptions of one node."""

_SENDERS_MAX: Final = 1_000
_NAMESPACE: Final = "upload/subscriptions"
_ID: Final = re.compile(r"[!-~]{1,128}")


class _Stored(msgspec.Struct, frozen=True):
    """A subscription as it is stored; no senders: all who know it."""

    senders: list[str] | None


_STORED: Final = msgspec.json.Decoder(_Stored)


class Subscriptions:
    """The subscriptions of one node."""

    def __init__(self, documents: Documents) -> None:
        """Know none until they are loaded."""
        self._documents = documents
        self._senders: dict[str, frozenset[bytes] | None] = {}

    @property
    def senders(self) -> Mapping[str, frozenset[bytes] | None]:
        """Return the hashes that each lets in, None for all; follows what is added and removed."""
        return MappingProxyType(self._senders)

    async def load(self) -> None:
        """Read what was stored."""
        for document in await self._documents.list(_NAMESPACE):
            listed = _STORED.decode(document.value).senders
            self._senders[document.key] = None if listed is None else frozenset(map(bytes.fromhex, listed))

    async def add(self, subscription_id: str, senders: frozenset[bytes] | None) -> Rejected | None:
        """Keep a subscription in place of what was there under its id.

        Returns:
            None, or QUOTA_EXCEEDED.
        """
        if subscription_id not in self._senders and len(self._senders) >= SUBSCRIPTIONS_MAX:
            return Rejected(ErrorCode.QUOTA_EXCEEDED, {"subscriptions_maximum": SUBSCRIPTIONS_MAX})
        listed = None if senders is None else sorted(sender.hex() for sender in senders)
        await self._documents.put(_NAMESPACE, subscription_id, msgspec.json.encode(_Stored(listed)))
        self._senders[subscription_id] = senders
        return None

    async def remove(self, subscription_id: str) -> bool:
        """Drop a subscription; return whether there was one."""
        self._senders.pop(subscription_id, None)
        return await self._documents.delete(_NAMESPACE, subscription_id)


Id = Annotated[str, Meta(min_length=1, max_length=128, description="visible ASCII, hard to guess when open to all")]
Hash = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", max_length=64)]


class SubscriptionAdd(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of subscription_add."""

    id: Id
    senders: Annotated[
        list[Hash], Meta(max_length=_SENDERS_MAX, description="hashes of the senders; none: all who know the id")
    ] = msgspec.field(default_factory=list)


class SubscriptionRemove(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of subscription_remove."""

    id: Id


async def _subscription_add(node: Node, parameters: SubscriptionAdd) -> Rejected | None:
    if _ID.fullmatch(parameters.id) is None:
        return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "id", "expected": "visible ASCII"})
    senders = frozenset(map(bytes.fromhex, parameters.senders)) or None
    return await node.subscriptions.add(parameters.id, senders)


async def _subscription_list(node: Node, parameters: NoParameters) -> list[dict[str, object]]:
    del parameters
    return [
        {"id": name, "senders": None if senders is None else sorted(sender.hex() for sender in senders)}
        for name, senders in sorted(node.subscriptions.senders.items())
    ]


async def _subscription_remove(node: Node, parameters: SubscriptionRemove) -> Rejected | None:
    return None if await node.subscriptions.remove(parameters.id) else Rejected(ErrorCode.NOT_FOUND)


SUBSCRIPTION_COMMANDS: Final = (
    Command(
        method="subscription_add",
        audience=Audience.OWNER,
        parameters=SubscriptionAdd,
        run=_subscription_add,
        summary="Let senders in without work.",
        words=("subscription", "add"),
        arguments=("id", "senders"),
        codes=(ErrorCode.INVALID_PARAMS, ErrorCode.QUOTA_EXCEEDED),
    ),
    Command(
        method="subscription_list",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=_subscription_list,
        summary="List who is let in without work.",
        words=("subscription", "list"),
        result="list of {id, senders}; no senders: all who know the id",
    ),
    Command(
        method="subscription_remove",
        audience=Audience.OWNER,
        parameters=SubscriptionRemove,
        run=_subscription_remove,
        summary="Let a subscription's senders in no more.",
        words=("subscription", "rm"),
        arguments=("id",),
        codes=(ErrorCode.NOT_FOUND,),
    ),
)
"""What the node's owner may do with subscriptions."""
