"""A wallet on an Ethereum-like chain: acts that are sent once, whatever happens in between.

    act(name)       is the name known?        its state, and nothing else
                    write the act down        nonce, call, fee: in the store before anything is sent
                    publish                   refused outright: forgotten again, nothing was sent
    tend()          for each act, by nonce:
                    nonce not used            publish again; first in line and waiting too long: raise the fee
                    nonce used by the act     final after enough blocks: keep the receipt, forget the rest
                    nonce used by another     after as many blocks: the act gets a new nonce
                    nonces missing before it  after a while: used up by sending nothing to oneself

All transactions of an act share one nonce, so one of them at most takes effect: that, and not the wallet's memory, is
what keeps an act from being done twice. A new nonce is given only to an act that cannot take effect any more under
its old one: when another transaction has used it, that has stood for as many blocks as make an act final, and the
chain still knows what became of transactions of that age. In doubt an act waits.

One process at a time acts for an account; the node's data directory sees to that. Transactions that were sent for the
same account elsewhere are met as described, and may cost an act its place in line.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from parley.adapters.evm.act_records import Act, Attempt, encode_act, encode_done, namespaces, parse_act, parse_done
from parley.adapters.evm.gas_fees import Offer, first_offer, raised_offer
from parley.adapters.evm.wallet_state import GAP_PREFIX, KnownActs, WalletConfig, check_act_name
from parley.errors import ErrorCode, LocalError, PeerError, Rejected, UnavailableError
from parley.ledgers.evm.transactions import Transaction, sign_transaction, transaction_hash
from parley.ports.chain import Block, Call, EvmChain, Fees, Receipt, Reverted
from parley.ports.store import VALUE_MAX_BYTES, Documents
from parley.ports.wallet import ActStatus, Included, Waiting
from parley.primitives.ecdsa import address_of, public_key
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey

__all__ = ["EvmWallet", "WalletConfig"]


class EvmWallet:
    """One account that pays for gas and signs transactions (a `parley.ports.wallet.Wallet`)."""

    def __init__(
        self, chain: EvmChain, key: SecretKey, documents: Documents, config: WalletConfig | None = None
    ) -> None:
        """Read nothing yet.

        Args:
            chain: where to act; stays open when the wallet is closed.
            key: of the account.
            documents: where acts are written down.
            config: how to pay and wait.

        Raises:
            LocalError: not a secret key.
        """
        self._chain = chain
        self._key = key
        self._documents = documents
        self._config = config or WalletConfig()
        self._address = address_of(public_key(key.reveal()))
        self._known: KnownActs | None = None
        self._turn = asyncio.Lock()
        self._is_closed = False

    @property
    def address(self) -> Address:
        """Return the account, 20 bytes."""
        return self._address

    async def act(self, name: str, call: Call, *, gas_limit: int | None = None) -> ActStatus | Rejected:
        """Have a call done, once for its name; see `parley.ports.wallet.Wallet`.

        Where the chain takes no such transaction at all, as one with too little gas, the answer is MALFORMED.

        Raises:
            LocalError: the name is none, or the call has another sender.
            UnavailableError: chain or store did not answer; the act may have been begun.
            PeerError: MALFORMED: the chain answered in another form before the act was begun.
        """
        check_act_name(name)
        if call.sender not in {None, self._address}:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="sender", wanted="the wallet's account")
        async with self._turn:
            known = await self._load()
            stands = await self._stand(known, name)
            if stands is not None:
                return stands
            prepared = await self._prepare(known, replace(call, sender=self._address), gas_limit)
            if isinstance(prepared, Rejected):
                return prepared
            return await self._begin(known, name, prepared)

    async def status(self, name: str) -> ActStatus | None:
        """Return where an act stands; see `parley.ports.wallet.Wallet`.

        Raises:
            LocalError: the name is none.
            UnavailableError: chain or store did not answer.
            PeerError: MALFORMED: the chain answered in another form.
        """
        check_act_name(name)
        async with self._turn:
            return await self._stand(await self._load(), name)

    async def tend(self) -> None:
        """Look after all acts; see `parley.ports.wallet.Wallet`.

        Raises:
            UnavailableError: chain or store did not answer; tend again.
            PeerError: MALFORMED: the chain answered in another form.
        """
        async with self._turn:
            known = await self._load()
            if not known.acts:
                return
            head = await self._chain.head()
            count = await self._chain.transaction_count(self._address)
            fees = await self._chain.fees()
            known.used_nonces = count
            if known.front[0] != count:
                known.front = (count, head.number)
            for name, act in sorted(known.acts.items(), key=lambda item: item[1].nonce):
                if act.nonce < count:
                    await self._settle(known, name, act, head)
                else:
                    known.displaced.pop(name, None)  # a reorganisation has freed the nonce again
                    await self._push(known, name, act, head, fees)
            if known.has_gap() and head.number - known.front[1] >= self._config.patience_blocks:
                await self._fill_gap(known, head, fees)

    async def close(self) -> None:
        """Answer no more; what is on its way is tended to after the next start."""
        self._is_closed = True

    async def _load(self) -> KnownActs:
        """Read the acts that are not final, once, and again after a write that may have failed."""
        if self._is_closed:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        if self._known is None:
            chain_id = await self._chain.chain_id()
            open_space, done_space = namespaces(chain_id, self._address)
            acts: dict[str, Act] = {}
            for document in await self._documents.list(open_space):
                if await self._documents.get(done_space, document.key) is None:
                    acts[document.key] = parse_act(document.value, self._address)
                else:  # killed between the two writes that make an act final
                    await self._documents.delete(open_space, document.key)
            self._known = KnownActs(chain_id, open_space, done_space, acts)
        return self._known

    async def _stand(self, known: KnownActs, name: str) -> ActStatus | None:
        act = known.acts.get(name)
        if act is None:
            raw = await self._documents.get(known.done_space, name)
            if raw is None:
                return None
            done, head = parse_done(raw), await self._chain.head()
            return Included(done, max(head.number - done.block_number + 1, self._config.final_blocks))
        receipt = await self._receipt(act)
        if receipt is not None:
            head = await self._chain.head()
            if await self._chain.block(receipt.block_hash) is not None:  # else lost since the receipt was read
                return Included(receipt, max(head.number - receipt.block_number + 1, 1))
        return Waiting(tuple(attempt.transaction_hash for attempt in act.attempts))

    async def _receipt(self, act: Act) -> Receipt | None:
        """Return the receipt of whichever transaction of an act is in a block."""
        for attempt in reversed(act.attempts):
            receipt = await self._chain.receipt(attempt.transaction_hash)
            if receipt is not None:
                return receipt
        return None

    async def _prepare(self, known: KnownActs, call: Call, gas_limit: int | None) -> Act | Rejected:
        """Make an act that could be sent now, or say why there is none."""
        head = await self._chain.head()
        known.used_nonces = await self._chain.transaction_count(self._address)
        balance_wei = await self._chain.balance_wei(self._address)
        if call.value_wei > balance_wei:  # chains do not even try such a call
            return _too_poor(call.value_wei, balance_wei)
        limit = await self._gas_limit(call, gas_limit)
        if isinstance(limit, Reverted):
            return Rejected(ErrorCode.REVERTED, {"reason": limit.reason})
        fees = await self._chain.fees()
        offer = first_offer(fees, self._config.fee_cap_wei)
        if offer is None:
            facts = {"gas_price_wei": fees.gas_price_wei, "maximum_wei": self._config.fee_cap_wei}
            return Rejected(ErrorCode.TOO_EXPENSIVE, facts)
        waiting = [act for act in known.acts.values() if act.nonce >= known.used_nonces]
        needed_wei = sum(act.cost_max_wei for act in waiting) + call.value_wei + limit * offer.max_fee_wei
        if needed_wei > balance_wei:
            return _too_poor(needed_wei, balance_wei)
        unsent = Act(nonce=known.free_nonce(), call=call, gas_limit=limit, attempts=())
        return self._with_attempt(known, unsent, offer, head)

    async def _gas_limit(self, call: Call, wanted: int | None) -> int | Reverted:
        """Try a call and return the gas that a transaction may take for it."""
        if wanted is None:
            estimate = await self._chain.estimate_gas(call)
            return estimate if isinstance(estimate, Reverted) else estimate * 6 // 5
        tried = await self._chain.call(call)
        return tried if isinstance(tried, Reverted) else wanted

    async def _begin(self, known: KnownActs, name: str, act: Act) -> ActStatus | Rejected:
        """Write an act down and send it; forget it where the chain refuses it outright."""
        await self._keep(known, name, act)
        answer = await self._publish(known, act)
        if isinstance(answer, Rejected) and answer.code is ErrorCode.STALE_SEQUENCE:
            # The chain is ahead of what it told us; nothing was sent under the nonce that is used.
            known.used_nonces = max(act.nonce + 1, await self._chain.transaction_count(self._address))
            act = self._renumbered(known, act, await self._chain.head())
            await self._keep(known, name, act)
            answer = await self._publish(known, act)
        if isinstance(answer, Rejected) and answer.code in {ErrorCode.QUOTA_EXCEEDED, ErrorCode.MALFORMED}:
            await self._drop(known, name)
            if answer.code is ErrorCode.MALFORMED:
                return answer
            return _too_poor(act.cost_max_wei, await self._chain.balance_wei(self._address))
        return Waiting(tuple(attempt.transaction_hash for attempt in act.attempts))

    async def _publish(self, known: KnownActs, act: Act) -> bytes | Rejected | None:
        """Send the newest attempt that the chain takes.

        Returns:
            What was said of the newest, or None where the chain did not say what it did with it.
        """
        first: bytes | Rejected | None = None
        for attempt in reversed(act.attempts):
            try:
                answer = await self._chain.publish(self._signed(known, act, attempt.offer))
            except (UnavailableError, PeerError):
                return first
            first = first or answer
            if not isinstance(answer, Rejected):
                break  # an older one is sent only where the account cannot pay for the newer
        return first

    async def _settle(self, known: KnownActs, name: str, act: Act, head: Block) -> None:
        """Look after an act whose nonce is used."""
        receipt = await self._receipt(act)
        if receipt is not None:
            known.displaced.pop(name, None)
            if head.number - receipt.block_number + 1 >= self._config.final_blocks:
                await self._finish(known, name, act, receipt)
            return
        since = known.displaced.setdefault(name, head.number)
        is_known_by_chain = head.number - act.attempts[0].block_number <= self._config.memory_blocks
        if head.number - since >= self._config.final_blocks and is_known_by_chain:
            del known.displaced[name]
            if name.startswith(GAP_PREFIX):
                await self._drop(known, name)
                return
            moved = self._renumbered(known, act, head)
            await self._keep(known, name, moved)
            await self._publish(known, moved)

    async def _push(self, known: KnownActs, name: str, act: Act, head: Block, fees: Fees) -> None:
        """Send an act again that no block holds, at a higher fee where it waits too long."""
        is_hopeless = act.newest.offer.max_fee_wei < fees.base_fee_wei
        waits_since = act.newest.block_number
        if act.nonce == known.front[0]:
            waits_since = max(waits_since, known.front[1])
        elif not is_hopeless:
            waits_since = head.number
        if head.number - waits_since >= self._config.patience_blocks:
            offer = raised_offer(act.newest.offer, fees, self._config.fee_cap_wei)
            if offer is not None:
                act = self._with_attempt(known, act, offer, head)
                await self._keep(known, name, act)
        await self._publish(known, act)

    async def _fill_gap(self, known: KnownActs, head: Block, fees: Fees) -> None:
        """Use up the nonce for which acts wait, by sending nothing to oneself.

        A reorganisation may take a transaction of another wallet away that stood before ours. To give the first of
        ours its nonce would leave two transactions for one act, of which both could take effect.
        """
        call = Call(to=self._address, data=b"", sender=self._address)
        limit = await self._gas_limit(call, None)
        offer = first_offer(fees, self._config.fee_cap_wei)
        if offer is not None and not isinstance(limit, Reverted):
            unsent = Act(nonce=known.used_nonces, call=call, gas_limit=limit, attempts=())
            act = self._with_attempt(known, unsent, offer, head)
            await self._keep(known, f"{GAP_PREFIX}{act.nonce}", act)
            await self._publish(known, act)

    def _renumbered(self, known: KnownActs, act: Act, head: Block) -> Act:
        """Return an act under the next free nonce, as if it had not been sent."""
        unsent = replace(act, nonce=known.free_nonce(), attempts=())
        return self._with_attempt(known, unsent, act.newest.offer, head)

    def _with_attempt(self, known: KnownActs, act: Act, offer: Offer, head: Block) -> Act:
        raw = self._signed(known, act, offer)
        return act.with_attempt(Attempt(transaction_hash(raw), offer, head.number))

    def _signed(self, known: KnownActs, act: Act, offer: Offer) -> bytes:
        transaction = Transaction(
            chain_id=known.chain_id,
            nonce=act.nonce,
            max_priority_fee_wei=offer.priority_fee_wei,
            max_fee_wei=offer.max_fee_wei,
            gas_limit=act.gas_limit,
            to=act.call.to,
            value_wei=act.call.value_wei,
            data=act.call.data,
        )
        return sign_transaction(transaction, self._key.reveal())

    async def _keep(self, known: KnownActs, name: str, act: Act) -> None:
        """Write an act down; where that may have failed, the store is read again before anything else."""
        self._known = None
        await self._documents.put(known.open_space, name, encode_act(act))
        known.acts[name] = act
        self._known = known

    async def _drop(self, known: KnownActs, name: str) -> None:
        self._known = None
        await self._documents.delete(known.open_space, name)
        known.acts.pop(name, None)
        self._known = known

    async def _finish(self, known: KnownActs, name: str, act: Act, receipt: Receipt) -> None:
        """Keep the receipt of an act for ever, and nothing else of it."""
        if name.startswith(GAP_PREFIX):
            await self._drop(known, name)
            return
        raw = encode_done(act.nonce, receipt)
        if len(raw) > VALUE_MAX_BYTES:
            return  # stays open, and is looked up at each block
        self._known = None
        await self._documents.put(known.done_space, name, raw)
        await self._drop(known, name)


def _too_poor(needed_wei: int, balance_wei: int) -> Rejected:
    return Rejected(ErrorCode.FUNDS_TOO_LOW, {"needed_wei": needed_wei, "balance_wei": balance_wei})
