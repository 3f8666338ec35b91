"""The contracts of the lottery on an embedded chain, and rounds that begin by themselves.

    owner ─► Rounds ─► Recipients(rounds) ─► TicketBroker(rounds, recipients)    blocks 1, 2, 3
    owner ─► Rounds.initializeRound()                                         first in the first block of a round

The owner is an account apart, so that no nonce of anybody else is touched. Its addresses are the same on every embedded
chain, as they follow from its key and its nonces.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Final

from parley.devchains.evm.accounts import OWNER_INDEX, development_account
from parley.devchains.evm.config import USUAL_TIP_WEI, ContractsConfig, keep_config, kept_config
from parley.devchains.evm.headers import Header
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.machine import Raised, State
from parley.devchains.evm.transactions import SignedTransaction, parse_signed
from parley.errors import ErrorCode, LocalError, Rejected
from parley.ledgers.evm.packing import pack_address, pack_uint256, selector
from parley.ledgers.evm.transactions import Transaction, created_address, sign_transaction
from parley.ports.chain import Call
from parley.primitives.ids import Address

__all__ = ["Deployment", "RoundKeeper", "deploy", "send"]

_CONTRACTS: Final = ("Rounds", "Recipients", "TicketBroker")
_DEPLOY_GAS: Final = 6_000_000
_ROUND_GAS: Final = 200_000
_INITIALIZE_ROUND: Final = selector("initializeRound()")
_IS_INITIALIZED: Final = selector("currentRoundInitialized()")
_START_BLOCK: Final = selector("startBlock()")
_ROUND_LENGTH: Final = selector("roundLength()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where the contracts are.

    Attributes:
        chain_id: of the chain.
        rounds: address of `Rounds`, 20 bytes.
        recipients: address of `Recipients`, 20 bytes.
        broker: address of `TicketBroker`, 20 bytes.
    """

    chain_id: int
    rounds: Address
    recipients: Address
    broker: Address


def deploy(local: LocalChain, config: ContractsConfig | None = None) -> tuple[Deployment, ContractsConfig]:
    """Put the contracts on a chain where they are not yet, and say where they are and what they were made with.

    Goes on where an earlier start was cut short.

    Raises:
        LocalError: WRONG_STATE: the chain does not take them.
        ConfigError: the contracts were made otherwise.
    """
    _, config = kept_config(local.storage, None, config)
    local.storage.write(keep_config(config))
    owner = development_account(OWNER_INDEX).address
    rounds, recipients, broker = (created_address(owner, nonce) for nonce in range(len(_CONTRACTS)))
    periods = (config.unlock_rounds, config.freeze_rounds, config.ticket_validity_rounds)
    arguments: tuple[tuple[Address | int, ...], ...] = (
        (config.round_blocks,),
        (rounds, config.minimum_stake_wei, config.recipients_max),
        (rounds, recipients, *periods),
    )
    for name, values in list(zip(_CONTRACTS, arguments, strict=True))[local.nonce(owner) :]:
        _create(local, name, values)
    if not all(local.history.state().code(one) for one in (rounds, recipients, broker)):
        raise LocalError(ErrorCode.WRONG_STATE, fault="the contracts are not where they belong")
    deployment = Deployment(chain_id=local.config.chain_id, rounds=rounds, recipients=recipients, broker=broker)
    return deployment, config


def send(local: LocalChain, secret: bytes, account: Address, call: Call, *, gas: int | None = None) -> bytes:
    """Sign a call for an account and publish it; return the name of the transaction.

    Args:
        local: the chain.
        secret: the account's key, 32 bytes.
        account: 20 bytes.
        call: what to do.
        gas: the most that it may take; None to ask the machine.

    Raises:
        LocalError: REVERTED: the contract would refuse it; WRONG_STATE: the chain does not take it.
    """
    asked = Call(to=call.to, data=call.data, value_wei=call.value_wei, sender=account)
    estimate = gas or local.history.state().estimate_gas(asked)
    if isinstance(estimate, Raised):
        raise LocalError(ErrorCode.REVERTED, reason=estimate.reverted().reason)
    transaction = Transaction(
        chain_id=local.config.chain_id,
        nonce=local.mempool.next_nonce(account, local.nonce(account)),
        max_priority_fee_wei=USUAL_TIP_WEI,
        max_fee_wei=2 * local.base_fee_wei + USUAL_TIP_WEI,
        gas_limit=min(estimate * 6 // 5, local.config.gas_limit),
        to=call.to,
        value_wei=call.value_wei,
        data=call.data,
    )
    published = local.publish(sign_transaction(transaction, secret))
    if isinstance(published, Rejected):
        raise LocalError(ErrorCode.WRONG_STATE, **published.facts)
    return published


class RoundKeeper:
    """Begins each round in its first block."""

    def __init__(self, local: LocalChain, deployment: Deployment) -> None:
        """Keep the rounds of a chain."""
        self._rounds = deployment.rounds
        self._owner = development_account(OWNER_INDEX)
        self._chain_id = deployment.chain_id
        state = local.history.state()
        self._start_block = self._ask(state, _START_BLOCK)
        self._round_blocks = self._ask(state, _ROUND_LENGTH)
        self._is_sure = False

    def __call__(self, draft: Header, state: State) -> tuple[SignedTransaction, ...]:
        """Return what begins the round of the block that is being made, where nothing has yet.

        A round that this keeper has begun stays begun in every block after it, so only the first block of a round is
        looked at, and the first of all.
        """
        is_first = (draft.number - self._start_block) % self._round_blocks == 0
        if (self._is_sure and not is_first) or self._ask(state, _IS_INITIALIZED):
            self._is_sure = True
            return ()
        self._is_sure = True
        transaction = Transaction(
            chain_id=self._chain_id,
            nonce=state.account(self._owner.address).nonce,
            max_priority_fee_wei=0,
            max_fee_wei=draft.base_fee_wei,
            gas_limit=_ROUND_GAS,
            to=self._rounds,
            data=_INITIALIZE_ROUND,
        )
        return (parse_signed(sign_transaction(transaction, self._owner.secret), self._chain_id),)

    def _ask(self, state: State, data: bytes) -> int:
        output = state.call(Call(to=self._rounds, data=data))
        if isinstance(output, Raised):
            raise LocalError(ErrorCode.WRONG_STATE, fault="the contract of rounds does not answer")
        return int.from_bytes(output, "big")


def _create(local: LocalChain, name: str, arguments: tuple[Address | int, ...]) -> None:
    file = resources.files("parley.ledgers.evm") / "artifacts" / f"{name}.json"
    bytecode = bytes.fromhex(json.loads(file.read_text(encoding="utf-8"))["bytecode"].removeprefix("0x"))
    words = b"".join(pack_address(one) if isinstance(one, bytes) else pack_uint256(one) for one in arguments)
    owner = development_account(OWNER_INDEX)
    send(local, owner.secret, owner.address, Call(to=None, data=bytecode + words), gas=_DEPLOY_GAS)
    if not local.is_automatic:
        local.mine()
