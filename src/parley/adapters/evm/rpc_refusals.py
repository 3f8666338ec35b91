"""What the errors of Ethereum nodes mean: each implementation has its own words, and their numbers do not agree.

The words below are those of geth, erigon, reth, nethermind, besu, nitro and anvil. What none of them says is no
verdict: a node that fails in its own way may have done what it was asked to. So the words are whole phrases: a provider
whose customer has an "insufficient balance" says nothing about a contract.
"""

from __future__ import annotations

import re
from typing import Final

from parley.adapters.evm.rpc_client import Refusal
from parley.errors import ErrorCode, PeerError, UnavailableError
from parley.ledgers.evm.reverts import revert_reason
from parley.ports.chain import Reverted

__all__ = ["REVERTED_CODES", "is_block_unknown", "is_known_already", "publishing_verdict", "revert_of", "unavailable"]

REVERTED_CODES: Final = frozenset({3, -32015})
"""What nodes answer where a contract reverts: most of them, and nethermind."""

_METHOD_NOT_FOUND: Final = -32601
_INVALID_PARAMS: Final = -32602
_HEX: Final = re.compile(r"(?:Reverted )?0x((?:[0-9a-fA-F]{2})*)")

_KNOWN_ALREADY: Final = re.compile(r"already ?known|\bknown transaction|already imported|already in the mempool")
_VERDICTS: Final = (
    (ErrorCode.STALE_SEQUENCE, ("nonce too low", "oldnonce", "nonce is too low")),
    (
        ErrorCode.QUOTA_EXCEEDED,
        ("insufficient funds", "insufficientfunds", "insufficient balance", "upfront cost exceeds", "overdraft"),
    ),
    (
        ErrorCode.PRICE_TOO_LOW,
        (
            "underpriced",
            "fee too low",
            "feetoolow",
            "gas price too low",
            "gas price below",
            "less than block base fee",
            "replacementnotallowed",
            "future transaction tries to replace",
        ),
    ),
    (
        ErrorCode.MALFORMED,
        (
            "rlp:",
            "decode transaction",
            "empty transaction",
            "intrinsic gas",
            "floor data gas",
            "gas limit too high",
            "exceeds the configured cap",
            "replay-protected",
            "exceeds block gas limit",
            "gaslimitexceeded",
            "chain id",
            "chainid",
            "chain-id",
            "invalid sender",
            "invalid signature",
            "invalid transaction signature",
            "transaction type",
            "oversized data",
            "init code size",
            "initcode size",
            "tip higher than",
            "priority fee per gas higher than",
        ),
    ),
)
_BLOCK_UNKNOWN: Final = (
    "header not found",
    "block not found",
    "unknown block",
    "resource not found",
    "not currently canonical",
    "hash is not canonical",
    "missing trie node",
    "state not available",
    "historical state",
    "could not find block",
)
_FAILED_WITHOUT_A_WORD: Final = (
    "reverted",
    "evm error",
    "vm execution error",
    "invalid opcode",
    "bad instruction",
    "out of gas",
    "outofgas",
    "stack underflow",
    "stack overflow",
    "gas required exceeds",
    "always failing transaction",
    "invalid jump",
    "insufficient funds for gas",
    "insufficient funds for transfer",
    "insufficient balance for transfer",
)


def is_known_already(refusal: Refusal) -> bool:
    """Say whether a node refuses a transaction because it has it."""
    return _KNOWN_ALREADY.search(refusal.untrusted_text.lower()) is not None


def publishing_verdict(refusal: Refusal) -> ErrorCode | None:
    """Return why a node refuses a transaction, as `EvmChain.publish` names it; None where it does not say."""
    for code, words in _VERDICTS:
        if _says(refusal, words):
            return code
    return ErrorCode.MALFORMED if refusal.code == _INVALID_PARAMS else None


def is_block_unknown(refusal: Refusal) -> bool:
    """Say whether a node refuses because it does not know the block, or its state, any more."""
    return _says(refusal, _BLOCK_UNKNOWN)


def revert_of(refusal: Refusal) -> Reverted | None:
    """Return what a contract said when it refused; None where it was not the contract that refused."""
    found = _HEX.fullmatch(refusal.data)
    if refusal.code not in REVERTED_CODES and not _says(refusal, _FAILED_WITHOUT_A_WORD):
        return None
    return Reverted("" if found is None else revert_reason(bytes.fromhex(found[1])))


def unavailable(refusal: Refusal) -> UnavailableError | PeerError:
    """Return the error for a refusal that is no verdict."""
    if refusal.code in {_METHOD_NOT_FOUND, _INVALID_PARAMS}:
        return PeerError(ErrorCode.MALFORMED, untrusted_text=refusal.untrusted_text, rpc_code=refusal.code)
    return UnavailableError(ErrorCode.UNREACHABLE, rpc_code=refusal.code)


def _says(refusal: Refusal, words: tuple[str, ...]) -> bool:
    text = refusal.untrusted_text.lower()
    return any(word in text for word in words)
