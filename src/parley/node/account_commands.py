"""What the node's owner does with accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, Rejected
from parley.node.registry import Audience, Command, NoParameters
from parley.primitives.hashing import sha256

if TYPE_CHECKING:  # slow to load, and the command line only reads the commands
    from parley.node.wiring import Node

__all__ = ["ACCOUNT_COMMANDS", "AccountAdd", "AccountRemove"]

_KEYS_MAX: Final = 8
_KEY_MAX_CHARACTERS: Final = 8_192
_NAME_MAX_CHARACTERS: Final = 128

Hash = Annotated[
    str, Meta(pattern="^[0-9a-fA-F]{64}$", max_length=64, description="SHA-256 of the account's name, in hexadecimal")
]
KeyText = Annotated[str, Meta(min_length=1, max_length=_KEY_MAX_CHARACTERS)]


class AccountAdd(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of account_add: a name or a hash, and keys."""

    keys: Annotated[list[KeyText], Meta(min_length=1, max_length=_KEYS_MAX, description="public keys: PEM or JWK")]
    name: (
        Annotated[str, Meta(min_length=1, max_length=_NAME_MAX_CHARACTERS, description="the account's name")] | None
    ) = None
    hash: Hash | None = None


class AccountRemove(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of account_remove."""

    hash: Hash


async def _account_add(node: Node, parameters: AccountAdd) -> dict[str, str] | Rejected:
    hash_ = _hash_of(parameters)
    if hash_ is None:
        return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "one of name and hash"})
    refusal = await node.accounts.add(hash_, parameters.keys, parameters.name or "")
    return {"hash": hash_.hex()} if refusal is None else refusal


def _hash_of(parameters: AccountAdd) -> bytes | None:
    """Return the account that is meant, None where both or none of its names are given."""
    match parameters.name, parameters.hash:
        case str(name), None:
            return sha256(name.encode())
        case None, str(text):
            return bytes.fromhex(text)
        case _:
            return None


async def _account_list(node: Node, parameters: NoParameters) -> list[dict[str, object]]:
    del parameters
    return [
        {"hash": account.hash.hex(), "name": account.name, "keys": [key.algorithm for key in account.keys]}
        for account in await node.accounts.list()
    ]


async def _account_remove(node: Node, parameters: AccountRemove) -> Rejected | None:
    is_gone = await node.accounts.remove(bytes.fromhex(parameters.hash))
    return None if is_gone else Rejected(ErrorCode.NOT_FOUND)


ACCOUNT_COMMANDS: Final = (
    Command(
        method="account_add",
        audience=Audience.OWNER,
        parameters=AccountAdd,
        run=_account_add,
        summary="Let an account send through this node and have a mailbox here.",
        words=("account", "add"),
        arguments=("keys",),
        result="{hash}",
        codes=(ErrorCode.INVALID_PARAMS, ErrorCode.QUOTA_EXCEEDED),
    ),
    Command(
        method="account_list",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=_account_list,
        summary="List the accounts of this node.",
        words=("account", "list"),
        result="list of {hash, name, keys}",
    ),
    Command(
        method="account_remove",
        audience=Audience.OWNER,
        parameters=AccountRemove,
        run=_account_remove,
        summary="Forget an account; what is in its mailbox stays.",
        words=("account", "rm"),
        arguments=("hash",),
        codes=(ErrorCode.NOT_FOUND,),
    ),
)
"""What the node's owner may do with accounts."""
