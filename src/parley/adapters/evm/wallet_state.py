"""What a wallet is told, and what it holds in memory of its acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Final

from parley.adapters.evm.act_records import Act
from parley.errors import ErrorCode, LocalError

__all__ = ["ACT_NAME_MAX_BYTES", "GAP_PREFIX", "KnownActs", "WalletConfig", "check_act_name"]

ACT_NAME_MAX_BYTES: Final = 200
"""The longest name of an act, in bytes of UTF-8."""

GAP_PREFIX: Final = "gap".ljust(ACT_NAME_MAX_BYTES, "/")
"""How the names of acts begin that only use up a nonce; longer than the name of any other act."""

_FEE_CAP_MAX_WEI: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletConfig:
    """How a wallet pays and waits.

    Attributes:
        fee_cap_wei: the most to pay per gas, 1 <= fee_cap_wei < 2**63.
        patience_blocks: how long the first act in line waits before its fee is raised, 1..1000.
        final_blocks: confirmations after which an act is final, 1..10,000.
        memory_blocks: how far back the chain is sure to know what became of a transaction, >= final_blocks. Nodes
            keep that for a year by default.
    """

    fee_cap_wei: int = 500_000_000_000
    patience_blocks: int = 3
    final_blocks: int = 12
    memory_blocks: int = 1_000_000

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LocalError: a number is out of its range; the fact `setting` names it.
        """
        for name, value, minimum, maximum in (
            ("fee_cap_wei", self.fee_cap_wei, 1, _FEE_CAP_MAX_WEI),
            ("patience_blocks", self.patience_blocks, 1, 1_000),
            ("final_blocks", self.final_blocks, 1, 10_000),
            ("memory_blocks", self.memory_blocks, self.final_blocks, 2**53),
        ):
            if not minimum <= value <= maximum:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, setting=name, minimum=minimum, maximum=maximum)


@dataclass(slots=True)
class KnownActs:
    """What the wallet holds in memory of what stands in the store.

    Attributes:
        chain_id: of the chain.
        open_space: namespace of the acts that are not final.
        done_space: namespace of those that are.
        acts: those that are not final, by name.
        used_nonces: how many nonces of the account are used, as last seen.
        front: nonce of the first in line, and the head when it became that.
        displaced: name of an act whose nonce another transaction has used, and the head when that was noticed.
    """

    chain_id: int
    open_space: str
    done_space: str
    acts: dict[str, Act]
    used_nonces: int = 0
    front: tuple[int, int] = (-1, 0)
    displaced: dict[str, int] = field(default_factory=dict)

    def free_nonce(self) -> int:
        """Return the least nonce that is neither used nor spoken for."""
        taken = {act.nonce for act in self.acts.values()}
        return next(nonce for nonce in count(self.used_nonces) if nonce not in taken)

    def has_gap(self) -> bool:
        """Say whether acts wait behind a nonce that is neither used nor spoken for."""
        nonces = {act.nonce for act in self.acts.values()}
        return self.used_nonces not in nonces and any(nonce > self.used_nonces for nonce in nonces)


def check_act_name(name: str) -> None:
    """Check the name of an act.

    Raises:
        LocalError: not 1..200 bytes of UTF-8.
    """
    try:
        size_bytes = len(name.encode())
    except UnicodeEncodeError as error:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, surrogate_at=error.start) from None
    if not 1 <= size_bytes <= ACT_NAME_MAX_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, name_bytes=size_bytes, maximum_bytes=ACT_NAME_MAX_BYTES)
