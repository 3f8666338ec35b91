"""Brokers of both kinds on an embedded chain with the adapters that speak to them, and winners made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from eth_abi import encode  # type: ignore[attr-defined]  # built at import from a codec

from parley.adapters.evm.brokers import LivepeerBroker, ParleyBroker
from parley.devchains.evm import ContractsConfig, Devchain, DevelopmentAccount, open_devchain
from parley.ledgers.evm.packing import selector
from parley.lottery.livepeer_rules import LivepeerRules
from parley.lottery.params import CreationRound, SignedNonce, TicketParams
from parley.lottery.wire import Winner
from parley.ports.chain import Call, Receipt
from parley.primitives.ids import Address
from parley.testing.clock import VirtualClock
from tests.onchain.evm import STAND_INS
from tests.onchain.tickets import ALWAYS, RAND, Key, RoundTicket, rand_hash

__all__ = ["FREEZE", "ROUND_BLOCKS", "UNLOCK", "LivepeerChain", "ParleyChain", "spoiled", "winner_of"]

ROUND_BLOCKS: Final = 8
UNLOCK: Final = 2
FREEZE: Final = 3
CONTRACTS: Final = ContractsConfig(
    round_blocks=ROUND_BLOCKS, unlock_rounds=UNLOCK, freeze_rounds=FREEZE, minimum_stake_wei=1
)


def winner_of(
    sender: DevelopmentAccount,
    recipient: Address,
    made_in: CreationRound,
    *,
    face_value: int = 1_000,
    nonce: int = 1,
    win_prob: int = ALWAYS,
    signer: DevelopmentAccount | None = None,
) -> Winner:
    """Make a ticket and sign it, with the hash and the signature of the tests' own code."""
    ticket = RoundTicket(
        recipient=recipient,
        sender=sender.address,
        face_value=face_value,
        win_prob=win_prob,
        nonce=nonce,
        creation_round=made_in.number,
        creation_hash=made_in.block_hash,
    )
    key = Key(int.from_bytes((signer or sender).secret, "big"))
    params = TicketParams(recipient, face_value, win_prob, rand_hash(RAND), seed=1, expiration_block=40)
    return Winner(params, sender.address, made_in, SignedNonce(nonce, key.sign(ticket.hash())), RAND)


@dataclass(slots=True)
class ParleyChain:
    """Our broker: two recipients are registered, the sender has funded nothing yet."""

    dev: Devchain
    broker: ParleyBroker
    clock: VirtualClock

    @classmethod
    async def begin(cls, *, head_age_ms: int = 0, recipients: int = 2) -> ParleyChain:
        """Begin a chain, in the first round after the recipients have registered."""
        dev = await open_devchain(contracts=CONTRACTS)
        clock = VirtualClock()
        broker = ParleyBroker(dev.chain, dev.deployment.broker, clock, head_age_ms=head_age_ms)
        world = cls(dev, broker, clock)
        for recipient in world.recipients[:recipients]:
            await dev.register(recipient)
        await dev.next_round()
        return world

    @property
    def sender(self) -> DevelopmentAccount:
        """Return who pays."""
        return self.dev.accounts[0]

    @property
    def recipients(self) -> Sequence[DevelopmentAccount]:
        """Return who may be paid; the first ones are registered."""
        return self.dev.accounts[1:4]

    @property
    def stranger(self) -> DevelopmentAccount:
        """Return somebody who is neither."""
        return self.dev.accounts[9]

    async def fund(self, deposit_wei: int, reserve_wei: int) -> None:
        """Let the sender fund itself, through the broker's own call."""
        receipt = await self.dev.send(
            self.sender, self.broker.fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei)
        )
        assert receipt.succeeded

    async def winner(self, *, face_value: int = 1_000, nonce: int = 1, recipient: int = 0) -> Winner:
        """Make a winner of the round for new tickets."""
        view = await self.broker.view()
        to = self.recipients[recipient].address
        return winner_of(self.sender, to, view.creation_round, face_value=face_value, nonce=nonce)

    async def redeem(self, winners: Sequence[Winner], *, gas: int | None = None) -> Receipt:
        """Redeem winners in one transaction of the stranger."""
        return await self.dev.send(self.stranger, self.broker.redeem_call(winners), gas=gas)

    async def fees_wei(self, recipient: int, number: int) -> int:
        """Return the fees of a recipient for a round."""
        data = selector("feePool(address,uint256)") + encode(
            ["address", "uint256"], [self.recipients[recipient].address, number]
        )
        answer = await self.dev.chain.call(Call(to=self.dev.deployment.recipients, data=data))
        assert isinstance(answer, bytes)
        return int.from_bytes(answer, "big")


@dataclass(slots=True)
class LivepeerChain:
    """The stand-in of the deployed broker in round 10; the first recipient is active, alone."""

    dev: Devchain
    broker: LivepeerBroker
    protocol: Address

    @classmethod
    async def begin(cls, rules: LivepeerRules, *, batch_max: int = 1) -> LivepeerChain:
        """Begin a chain."""
        dev = await open_devchain(contracts=CONTRACTS)
        owner = dev.accounts[8]
        newer = rules is LivepeerRules.BUILD_2026
        protocol = await _create(dev, owner, "LivepeerProtocol", encode(["bool"], [newer]))
        arguments = encode(["address", "uint256", "uint256", "uint256"], [protocol, UNLOCK, 2, rules.value])
        address = await _create(dev, owner, "LivepeerBroker", arguments)
        broker = LivepeerBroker(dev.chain, address, VirtualClock(), batch_max=batch_max)
        world = cls(dev, broker, protocol)
        await world.set_round(9, b"\x09" * 32)
        await world.set_round(10, b"\x10" * 32)
        await world.activate(world.recipients[0].address)
        await world.tell("setPoolSize(uint256)", ["uint256"], 1)
        return world

    @property
    def sender(self) -> DevelopmentAccount:
        """Return who pays."""
        return self.dev.accounts[0]

    @property
    def recipients(self) -> Sequence[DevelopmentAccount]:
        """Return who may be paid; the first one is active."""
        return self.dev.accounts[1:4]

    async def tell(self, signature: str, kinds: list[str], *arguments: object) -> None:
        """Tell the neighbours of the broker what to be."""
        call = Call(to=self.protocol, data=selector(signature) + encode(kinds, arguments))
        assert (await self.dev.send(self.dev.accounts[8], call)).succeeded

    async def set_round(self, number: int, round_hash: bytes, *, is_initialized: bool = True) -> None:
        """Make a round the present one."""
        kinds = ["uint256", "bytes32", "bool"]
        await self.tell("setRound(uint256,bytes32,bool)", kinds, number, round_hash, is_initialized)

    async def activate(self, recipient: Address, *, is_active: bool = True) -> None:
        """Let a recipient be registered and active, or registered only."""
        is_registered = True
        kinds = ["address", "bool", "bool"]
        await self.tell("setTranscoder(address,bool,bool)", kinds, recipient, is_registered, is_active)

    async def fund(self, deposit_wei: int, reserve_wei: int) -> None:
        """Let the sender fund itself, through the broker's own call."""
        receipt = await self.dev.send(
            self.sender, self.broker.fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei)
        )
        assert receipt.succeeded

    async def winner(self, *, face_value: int = 1_000, nonce: int = 1, recipient: int = 0) -> Winner:
        """Make a winner of the round for new tickets."""
        view = await self.broker.view()
        to = self.recipients[recipient].address
        return winner_of(self.sender, to, view.creation_round, face_value=face_value, nonce=nonce)

    async def redeem(self, winners: Sequence[Winner], *, gas: int | None = None) -> Receipt:
        """Redeem winners in one transaction of a stranger."""
        return await self.dev.send(self.dev.accounts[9], self.broker.redeem_call(winners), gas=gas)


async def _create(dev: Devchain, owner: DevelopmentAccount, name: str, arguments: bytes) -> Address:
    document = json.loads((STAND_INS / f"{name}.json").read_text(encoding="utf-8"))
    data = bytes.fromhex(document["bytecode"].removeprefix("0x")) + arguments
    receipt = await dev.send(owner, Call(to=None, data=data), gas=6_000_000)
    assert receipt.contract is not None
    return receipt.contract


def spoiled(winner: Winner, **fields: object) -> Winner:
    """Return the same winner with other parameters, which its signature does not cover."""
    return replace(winner, params=replace(winner.params, **fields))  # type: ignore[arg-type]  # a test names them
