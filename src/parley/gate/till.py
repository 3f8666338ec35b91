"""A till for an application of one's own: it takes lottery tickets, keeps the winners, and redeems them.

    till = LotteryTill(Path("till"), chain_url="http://127.0.0.1:8545", chain_id=1, broker="0x...", passphrase=words)
    app.add_middleware(TicketGate, price={"/search": "20 gwei"}, till=till)

The folder has the layout of a node's data directory: `keys/` with the account that is paid, `recipient_secret.age`,
`parley.sqlite`. So `parley --data-dir FOLDER` shows what the account has won, and can register it as a recipient, while
the application does not run. A folder serves one process at a time, because its account counts transactions one by
one: it is locked, and a second till, or a node, does not open it. A second till tries again every few seconds in which
somebody asks, so it takes over once the first process has ended.

Call `await till.recipient()` when the application starts, to see what is wrong before the first request does: clients
are told nothing of it but 503.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parley.adapters.evm.brokers import BrokerProfile, open_broker
from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.lottery.checked_desk import CheckedDesk
from parley.adapters.lottery.desk import Desk
from parley.adapters.lottery.redeeming import Redeemer
from parley.adapters.sqlite.store import SqliteStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.errors import ConfigError, ErrorCode, PeerError, Rejected, UnavailableError
from parley.gate.lottery_forms import LOTTERY_SCHEME, network_name
from parley.gate.lottery_scheme import LotteryScheme, check_till_price
from parley.gate.opening import SharedOpening
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.till_config import TillConfig
from parley.gate.till_folder import lock_folder, open_secrets
from parley.gate.till_start import check_start
from parley.gate.x402 import PaymentSignature, Requirement
from parley.ledgers.evm.addresses import parse_address
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.redemption_config import RedemptionConfig
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey

__all__ = ["LotteryTill"]

_LOGGER: Final = logging.getLogger("parley.gate")
_FEE_CAP_WEI: Final = 500 * 10**9
_HEAD_AGE_MS: Final = 250


@dataclass(frozen=True, slots=True)
class _Opened:
    """A till that is open."""

    scheme: LotteryScheme
    recipient: Address
    held: AsyncExitStack

    async def close(self) -> None:
        await self.held.aclose()


class LotteryTill:
    """Takes lottery tickets for an application (a `parley.gate.schemes.Scheme`); opened by the first request."""

    def __init__(
        self,
        folder: Path,
        *,
        chain_url: str,
        chain_id: int,
        broker: str,
        passphrase: str,
        profile: BrokerProfile = BrokerProfile.PARLEY,
        config: TillConfig | None = None,
        recipient: RecipientConfig | None = None,
        redemption: RedemptionConfig | None = None,
        fee_cap_wei: int = _FEE_CAP_WEI,
    ) -> None:
        """Open nothing yet.

        Args:
            folder: of the till alone; it exists. Key and secret are made in it at the first opening.
            chain_url: JSON-RPC address of a node of the chain.
            chain_id: of that chain.
            broker: address of the ticket broker on it.
            passphrase: opens key and secret; keep it in a file that only the server reads.
            profile: of the broker.
            config: what a ticket is worth, and limits.
            recipient: what is asked of senders.
            redemption: when winners are redeemed.
            fee_cap_wei: the most to pay per gas.

        Raises:
            ConfigError: the broker's address has another form, or the passphrase is empty.
        """
        try:
            self._broker = parse_address(broker)
        except PeerError as error:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="broker", wanted="0x and 40 digits") from error
        if not passphrase:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase", fault="empty")
        self._folder = folder
        self._chain_url = chain_url
        self._chain_id = chain_id
        self._passphrase = passphrase
        self._profile = profile
        self._config = TillConfig() if config is None else config
        self._recipient = recipient
        self._redemption = RedemptionConfig() if redemption is None else redemption
        self._fee_cap_wei = fee_cap_wei
        self._clock = SystemClock()
        self._is_waiting = False
        self._opening = SharedOpening(self._open_all, self._clock)

    @property
    def name(self) -> str:
        """Return "lottery"."""
        return LOTTERY_SCHEME

    @property
    def network(self) -> str:
        """Return the chain in the form of CAIP-2."""
        return network_name(self._chain_id)

    def check_price(self, price: int) -> None:
        """Check that a price can be paid by as many tickets as one request may bring.

        Raises:
            ConfigError: it cannot.
        """
        check_till_price(price, self._config)

    async def offer(self, charge: Charge, now: Instant) -> tuple[Requirement, ...]:
        """Return one entry; see `LotteryScheme.offer`.

        Raises:
            ConfigError: the folder, the passphrase or the chain is another than was said, or the broker lets senders
                withdraw too soon; so it stays until `close`.
            PeerError: as `LotteryScheme.offer`.
            UnavailableError: as `LotteryScheme.offer`; or BUSY: another process has the folder.
        """
        return await (await self._opening.get()).scheme.offer(charge, now)

    async def settle(self, payment: PaymentSignature, charge: Charge, now: Instant) -> Settled | Repeated | Rejected:
        """Judge tickets and take them; see `LotteryScheme.settle`.

        Raises:
            ConfigError: as `offer`.
            PeerError: as `LotteryScheme.settle`.
            UnavailableError: as `LotteryScheme.settle`.
        """
        return await (await self._opening.get()).scheme.settle(payment, charge, now)

    async def recipient(self) -> Address:
        """Return the account that is paid, 20 bytes.

        Raises:
            ConfigError: as `offer`.
            UnavailableError: the chain or the store did not answer; or BUSY: another process has the folder.
        """
        return (await self._opening.get()).recipient

    async def close(self) -> None:
        """Stop redeeming, let go of everything and forget a failure; the next request opens it again."""
        await self._opening.close()

    async def _open_all(self) -> _Opened:
        entropy = SystemEntropy()
        async with AsyncExitStack() as stack:
            # Before the key is looked for: two tills at once would make two.
            stack.callback(os.close, await self._lock())
            chain = JsonRpcChain(self._chain_url)
            stack.push_async_callback(chain.close)
            self._check_chain(await chain.chain_id())
            opening = asyncio.ensure_future(asyncio.to_thread(open_secrets, self._folder, self._passphrase, entropy))
            # A thread is not cancelled: until it has ended, the folder is nobody else's.
            stack.push_async_callback(_end_of, opening)
            key, secret = await asyncio.shield(opening)
            store = await SqliteStore.open(self._folder / "parley.sqlite")
            stack.push_async_callback(store.close)
            broker = open_broker(self._profile, chain, self._broker, self._clock, head_age_ms=_HEAD_AGE_MS)
            limits = WalletConfig(fee_cap_wei=self._fee_cap_wei, final_blocks=self._redemption.confirmations)
            wallet = EvmWallet(chain, key, store.documents, limits)
            stack.push_async_callback(wallet.close)
            redeemer = Redeemer(broker, wallet, store.documents, self._clock, self._redemption)
            await redeemer.load()
            desk = Desk(
                secret,
                wallet.address,
                broker,
                store.claims,
                store.documents,
                entropy=entropy,
                clock=self._clock,
                winnings=redeemer,
                config=self._recipient,
            )
            stack.push_async_callback(desk.close)
            checked = CheckedDesk(desk, broker)
            await check_start(checked, redeemer)
            scheme = LotteryScheme(
                checked, broker, chain_id=self._chain_id, recipient=wallet.address, config=self._config
            )
            redeeming = asyncio.create_task(redeemer.run(), name="redemption of winners")
            stack.push_async_callback(_stop, redeeming)
            return _Opened(scheme, wallet.address, stack.pop_all())

    async def _lock(self) -> int:
        try:
            handle = await lock_folder(self._folder)
        except UnavailableError as error:
            if not self._is_waiting:
                _LOGGER.warning("the till waits until the other process ends: %s", error)
            self._is_waiting = True
            raise
        self._is_waiting = False
        return handle

    def _check_chain(self, chain_id: int) -> None:
        if chain_id != self._chain_id:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain_id", chain_id=chain_id)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def _end_of(thread: asyncio.Future[tuple[SecretKey, SecretKey]]) -> None:
    await asyncio.gather(thread, return_exceptions=True)
