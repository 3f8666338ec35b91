"""Opening what a node needs to pay and to be paid: chain, key, broker, wallet, and the three that work with them.

The key and the recipient's secret are kept in files that a passphrase opens. On a development chain, whose money is of
no worth, the passphrase is made and kept beside them; on any other chain it comes from a person.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from parley.adapters.evm.brokers import (
    ARBITRUM_ONE_BROKER,
    ARBITRUM_ONE_ID,
    BrokerProfile,
    open_broker,
)
from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.keystore import SCRYPT_COST, list_keys, make_key, open_key
from parley.adapters.evm.parley_broker import ParleyBroker
from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.files.private import check_private, create_private
from parley.adapters.lottery.checked_desk import CheckedDesk
from parley.adapters.lottery.desk import Desk
from parley.adapters.lottery.purse import Purse
from parley.adapters.lottery.redeeming import Redeemer
from parley.adapters.lottery.sealed_secret import open_sealed_secret
from parley.devchains.evm.accounts import OWNER_INDEX, development_account
from parley.devchains.evm.config import ChainConfig
from parley.devchains.evm.devchain import open_devchain
from parley.devchains.evm.embedded import EmbeddedChain
from parley.devchains.evm.sqlite_storage import SqliteStorage
from parley.errors import ConfigError, ErrorCode, PeerError
from parley.ledgers.evm.transactions import created_address
from parley.node.payments_config import ChainAccess, LotteryConfig, fee_cap_wei
from parley.ports.broker import Broker
from parley.ports.chain import EvmChain
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Store
from parley.primitives.one_shot import SecretKey

__all__ = ["DEVELOPMENT_CHAIN_ID", "PaymentParts", "open_parts"]

DEVELOPMENT_CHAIN_ID: Final = 31_337
"""Of chains on one machine for development: ours, and those of the usual tools. Their money is of no worth."""

_LOGGER: Final = logging.getLogger("parley.node")
_BROKER_NONCE: Final = 2
_DEVELOPMENT_SCRYPT_COST: Final = 2**12
"""Nobody waits for a key of no worth to be stretched."""
_PASSPHRASE_BYTES: Final = 32
_PASSPHRASE_MAX_BYTES: Final = 4_096
_MS_PER_SECOND: Final = 1_000


@dataclass(frozen=True, slots=True)
class PaymentParts:
    """What paying and being paid works with.

    Attributes:
        chain: the chain.
        chain_id: of it.
        embedded: the same chain where it is inside this process, None otherwise.
        broker: the ticket broker on it.
        wallet: pays for gas, deposits and reserves.
        purse: signs tickets.
        desk: takes tickets.
        redeemer: turns winners into money.
    """

    chain: EvmChain
    chain_id: int
    embedded: EmbeddedChain | None
    broker: Broker
    wallet: EvmWallet
    purse: Purse
    desk: CheckedDesk
    redeemer: Redeemer

    @property
    def is_development(self) -> bool:
        """Whether the chain's money is of no worth."""
        return self.chain_id == DEVELOPMENT_CHAIN_ID

    async def close(self) -> None:
        """Let go of everything; what is durable is durable already."""
        async with AsyncExitStack() as stack:
            # The last one pushed is closed first, and each one whatever becomes of the others.
            for part in (self.chain, self.wallet, self.purse, self.desk):
                stack.push_async_callback(part.close)


async def open_parts(
    folder: Path,
    access: ChainAccess,
    lottery: LotteryConfig,
    *,
    store: Store,
    clock: Clock,
    entropy: Entropy,
    passphrase: str | None,
) -> PaymentParts:
    """Open everything; blocks nobody, and takes a few seconds, most of them for the passphrase.

    Args:
        folder: the node's own directory.
        access: to the chain.
        lottery: the settings of paying and taking.
        store: durable.
        clock: gives `now`.
        entropy: draws keys and secrets.
        passphrase: that a person gave, or None.

    Raises:
        ConfigError: a setting, the passphrase or a file is wrong.
        UnavailableError: the chain or the store did not answer.
    """
    chain, embedded = await _open_chain(folder, access, clock)
    try:
        chain_id = await chain.chain_id()
        broker = await _find_broker(chain, chain_id, access, clock)
        _check_rounds(broker, lottery)
        await _warn_of_periods(broker)
        secrets = await asyncio.to_thread(_open_secrets, folder, access, chain_id, entropy, passphrase)
        limits = WalletConfig(fee_cap_wei=fee_cap_wei(access), final_blocks=lottery.confirmations)
        wallet = EvmWallet(chain, secrets.wallet_key, store.documents, limits)
        redeemer = Redeemer(broker, wallet, store.documents, clock, lottery.redemption())
        await redeemer.load()
    except BaseException:
        await chain.close()
        raise
    purse = Purse(secrets.wallet_key, broker, store.claims, entropy, clock, limits=lottery.sender_limits())
    desk = Desk(
        secrets.commitment_secret,
        wallet.address,
        broker,
        store.claims,
        store.documents,
        entropy=entropy,
        clock=clock,
        winnings=redeemer,
        config=lottery.recipient(),
    )
    found = (chain, chain_id, embedded, broker)
    return PaymentParts(*found, wallet, purse, CheckedDesk(desk, broker), redeemer)


async def _open_chain(folder: Path, access: ChainAccess, clock: Clock) -> tuple[EvmChain, EmbeddedChain | None]:
    if access.url:
        return JsonRpcChain(access.url), None
    storage = await asyncio.to_thread(SqliteStorage, folder / "chain.sqlite")
    config = ChainConfig(is_automatic=access.block_ms == 0)
    opened = await open_devchain(config, storage=storage, now_s=lambda: clock.now() // _MS_PER_SECOND)
    return opened.chain, opened.chain


async def _find_broker(chain: EvmChain, chain_id: int, access: ChainAccess, clock: Clock) -> Broker:
    profile = BrokerProfile(access.profile)
    address = access.broker_address()
    if address is None and profile is BrokerProfile.PARLEY and chain_id == DEVELOPMENT_CHAIN_ID:
        address = created_address(development_account(OWNER_INDEX).address, _BROKER_NONCE)
    if address is None and profile is not BrokerProfile.PARLEY and chain_id == ARBITRUM_ONE_ID:
        address = ARBITRUM_ONE_BROKER
    if address is None:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.broker", chain_id=chain_id, rule="its address")
    if not await chain.code(address):
        raise ConfigError(
            ErrorCode.CONFIG_INVALID, setting="chain.broker", chain_id=chain_id, fault="no contract there"
        )
    return open_broker(profile, chain, address, clock, head_age_ms=access.head_age_ms)


def _check_rounds(broker: Broker, lottery: LotteryConfig) -> None:
    if lottery.begin_rounds and not isinstance(broker, ParleyBroker):
        rule = "false: the rounds of this broker are begun by its own protocol"
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="lottery.begin_rounds", rule=rule)


async def _warn_of_periods(broker: Broker) -> None:
    """Say why nobody can pay this node with tickets; it may pay others, and take its own money back."""
    try:
        periods = await broker.periods()
    except PeerError as error:
        _LOGGER.warning("no tickets are taken: the broker's periods cannot be read: %s", error)
        return
    if not periods.outlast_tickets:
        _LOGGER.warning(
            "no tickets are taken: senders could withdraw while they can be redeemed (rounds: %s, %s for %s)",
            periods.unlock_rounds,
            periods.freeze_rounds,
            periods.ticket_validity_rounds,
        )


def _passphrase(folder: Path, access: ChainAccess, chain_id: int, entropy: Entropy, given: str | None) -> str:
    if given:
        return given
    if access.passphrase_file:
        return _first_line(Path(access.passphrase_file).expanduser())
    if chain_id != DEVELOPMENT_CHAIN_ID:
        rule = "a file whose first line opens the wallet; only `parley node run` in a terminal asks for it"
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.passphrase_file", rule=rule)
    path = folder / "development_passphrase"
    if not path.exists():
        create_private(path, entropy.take(_PASSPHRASE_BYTES).hex().encode() + b"\n")
    return _first_line(path)


def _first_line(path: Path) -> str:
    try:
        check_private(path)
        with path.open("rb") as file:
            line = file.read(_PASSPHRASE_MAX_BYTES).split(b"\n", 1)[0].decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.passphrase_file", path=str(path)) from error
    if not line:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.passphrase_file", path=str(path), fault="empty")
    return line


class _Secrets(NamedTuple):
    """What the passphrase opens: who pays and is paid, and what is behind the recipient's commitments."""

    wallet_key: SecretKey
    commitment_secret: SecretKey


def _open_secrets(folder: Path, access: ChainAccess, chain_id: int, entropy: Entropy, given: str | None) -> _Secrets:
    """Open or make both; blocks for as long as stretching the passphrase takes."""
    words = _passphrase(folder, access, chain_id, entropy, given)
    key = _wallet_key(folder / "keys", words, entropy, is_development=chain_id == DEVELOPMENT_CHAIN_ID)
    return _Secrets(key, open_sealed_secret(folder / "recipient_secret.age", words, entropy))


def _wallet_key(folder: Path, passphrase: str, entropy: Entropy, *, is_development: bool) -> SecretKey:
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = list_keys(folder)
    if len(keys) > 1:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(folder), reason="holds more than one key")
    cost = _DEVELOPMENT_SCRYPT_COST if is_development else SCRYPT_COST
    file = keys[0] if keys else make_key(folder, passphrase, entropy, scrypt_cost=cost)
    return open_key(file.path, passphrase)
