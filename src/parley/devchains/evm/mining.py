"""How one block is made: its draft, what is applied in it, and the roots that bind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from parley.devchains.evm.blocks import MinedBlock, bloom_of, receipts_root, transactions_root
from parley.devchains.evm.headers import Header
from parley.devchains.evm.machine import Outcome, State
from parley.devchains.evm.transactions import SignedTransaction
from parley.errors import Rejected

__all__ = ["Filling", "Keeper", "fill_block", "seal_block"]

Keeper = Callable[[Header, State], Iterable[SignedTransaction]]
"""Is asked before each block for transactions of its own, which come first in it."""


@dataclass(slots=True)
class Filling:
    """What has come into a block, and what turned out to fit into none.

    Attributes:
        taken: transactions with what they did, in order.
        dropped: transactions that the state refuses.
    """

    taken: list[tuple[SignedTransaction, Outcome]] = field(default_factory=list)
    dropped: list[SignedTransaction] = field(default_factory=list)


def fill_block(draft: Header, state: State, sources: Iterable[Iterable[SignedTransaction]]) -> Filling:
    """Apply transactions in the order of the sources, as long as the block has gas for what each may take."""
    filling = Filling()
    gas_left = draft.gas_limit
    for source in sources:
        for transaction in source:
            if transaction.gas > gas_left:
                continue
            outcome = state.apply(transaction)
            if isinstance(outcome, Rejected):
                filling.dropped.append(transaction)
            else:
                gas_left -= outcome.gas_used
                filling.taken.append((transaction, outcome))
    return filling


def seal_block(draft: Header, root: bytes, filling: Filling) -> MinedBlock:
    """Bind the draft of a head to what came into the block.

    Args:
        draft: all but what follows from the transactions.
        root: of the state after them.
        filling: the transactions and what they did.
    """
    raws = tuple(one.raw for one, _ in filling.taken)
    outcomes = tuple(outcome for _, outcome in filling.taken)
    header = replace(
        draft,
        state_root=root,
        transactions_root=transactions_root(raws),
        receipts_root=receipts_root(raws, outcomes),
        bloom=bloom_of(log for outcome in outcomes for log in outcome.logs),
        gas_used=sum(outcome.gas_used for outcome in outcomes),
    )
    return MinedBlock(
        header=header,
        block_hash=header.hash(),
        raws=raws,
        hashes=tuple(one.hash for one, _ in filling.taken),
        outcomes=outcomes,
    )
