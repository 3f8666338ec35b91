"""Ticket brokers on a chain: ours, and the deployed one of Livepeer.

                 ours                                     Livepeer's
    neighbours   broker.rounds(), broker.recipients()     broker.controller(), controller.getContract(hash of a name)
    parts        recipients of the present round          pool of the next round
    a sender     state, freeze, signers                   no freeze, no signers; an unlock that is complete stays
    batch        32, each refusal named                   refusals leave no trace, nor does running out of gas

Everything that one view says is read at the hash of one block, and kept for that block. Where the round that was last
initialised has no block hash (which happened on Arbitrum), tickets are of the round before it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, assert_never

from parley.adapters.evm.livepeer_broker import LivepeerBroker
from parley.adapters.evm.parley_broker import ParleyBroker
from parley.ledgers.evm.addresses import parse_address
from parley.ports.broker import Broker
from parley.ports.chain import EvmChain
from parley.ports.clock import Clock
from parley.primitives.ids import Address

__all__ = ["ARBITRUM_ONE_BROKER", "ARBITRUM_ONE_ID", "BrokerProfile", "LivepeerBroker", "ParleyBroker", "open_broker"]

ARBITRUM_ONE_ID: Final = 42_161
"""The chain on which Livepeer's broker is deployed."""

ARBITRUM_ONE_BROKER: Final = parse_address("0xa8bB618B1520E284046F3dFc448851A1Ff26e41B")
"""The proxy of Livepeer's broker there; all else is found through it. Source: livepeer/protocol, deployments."""


class BrokerProfile(Enum):
    """Which interface and rules a broker has; the value is what a person writes into a setting."""

    PARLEY = "parley"
    LIVEPEER_2023 = "livepeer-2023"
    LIVEPEER_2026 = "livepeer-2026"


def open_broker(
    profile: BrokerProfile, chain: EvmChain, address: Address, clock: Clock, *, head_age_ms: int = 0
) -> Broker:
    """Speak to a broker of a profile.

    The two builds of Livepeer's share one interface; which refusals a winner may meet follows from the build at the
    address, and is told by `Broker.preflight`.

    Args:
        profile: of the contract at the address.
        chain: where it is.
        address: of the contract, 20 bytes.
        clock: tells how old the head is that is known.
        head_age_ms: for how long a head is taken for the newest one, >= 0.

    Raises:
        LocalError: not 20 bytes, or a negative age.
    """
    match profile:
        case BrokerProfile.PARLEY:
            return ParleyBroker(chain, address, clock, head_age_ms=head_age_ms)
        case BrokerProfile.LIVEPEER_2023 | BrokerProfile.LIVEPEER_2026:
            return LivepeerBroker(chain, address, clock, head_age_ms=head_age_ms)
        case other:
            assert_never(other)
