from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.memory import MemoryStore
from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.ledgers.evm.transactions import Transaction, parse_transaction, sign_transaction
from parley.ports.chain import Call, Receipt
from parley.ports.wallet import ActStatus, Included, Waiting
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from tests.unit.adapters.evm.fake_chain import CHAIN_ID, GAS, REFUSES, FakeChain

SECRET = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ACCOUNT = Address(bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266"))
SHOP = Address(b"\x5a" * 20)
CONFIG = WalletConfig(fee_cap_wei=1_000_000, patience_blocks=3, final_blocks=5, memory_blocks=1_000)


@dataclass
class Stage:
    """A chain, a store, and the wallet of the present process."""

    chain: FakeChain = field(default_factory=FakeChain)
    store: MemoryStore = field(default_factory=MemoryStore)
    config: WalletConfig = CONFIG

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Go on with a new process: nothing but the store is left."""
        self.wallet = EvmWallet(self.chain, SecretKey(SECRET), self.store.documents, self.config)

    async def block(self, count: int = 1) -> None:
        """Let blocks pass, and tend after each."""
        for _ in range(count):
            self.chain.mine()
            await self.wallet.tend()

    def foreign(self, nonce: int, max_fee_wei: int = 500_000) -> None:
        """Let another wallet of the same account send something."""
        transaction = Transaction(
            chain_id=CHAIN_ID,
            nonce=nonce,
            max_priority_fee_wei=max_fee_wei,
            max_fee_wei=max_fee_wei,
            gas_limit=21_000,
            to=SHOP,
            data=b"foreign",
        )
        self.chain.fill(sign_transaction(transaction, SECRET))

    def done(self) -> list[bytes]:
        """Return the data of all transactions of the chain, in order."""
        return [transaction.data for transaction in self.chain.included()]


def call(data: bytes, value_wei: int = 1) -> Call:
    return Call(to=SHOP, data=data, value_wei=value_wei)


def hashes(status: ActStatus | Rejected | None) -> tuple[bytes, ...]:
    assert isinstance(status, Waiting)
    return status.transaction_hashes


def confirmations(status: ActStatus | Rejected | None) -> int:
    assert isinstance(status, Included)
    return status.confirmations


def rejection(status: ActStatus | Rejected | None) -> Rejected:
    assert isinstance(status, Rejected)
    return status


async def test_an_act_waits_is_included_and_becomes_final() -> None:
    stage = Stage()
    assert stage.wallet.address == ACCOUNT
    assert await stage.wallet.status("pay") is None
    sent = hashes(await stage.wallet.act("pay", call(b"a")))
    assert hashes(await stage.wallet.status("pay")) == sent
    await stage.block()
    status = await stage.wallet.status("pay")
    assert isinstance(status, Included)
    assert status.confirmations == 1
    assert status.receipt.transaction_hash == sent[0]
    assert status.receipt.gas_price_wei == 1_100
    for wanted in range(2, 9):
        await stage.block()
        assert confirmations(await stage.wallet.status("pay")) == wanted
    final = await stage.wallet.status("pay")
    assert isinstance(final, Included)
    assert final.receipt == status.receipt


async def test_what_is_sent_is_what_was_asked_for() -> None:
    stage = Stage()
    await stage.wallet.act("pay", replace(call(b"a", 7), sender=ACCOUNT))
    await stage.wallet.act("limited", call(b"b"), gas_limit=70_000)
    first, second = (parse_transaction(raw) for raw in stage.chain.published)
    assert first == (
        Transaction(
            chain_id=CHAIN_ID,
            nonce=0,
            max_priority_fee_wei=100,
            max_fee_wei=2_100,
            gas_limit=GAS * 6 // 5,
            to=SHOP,
            value_wei=7,
            data=b"a",
        ),
        ACCOUNT,
    )
    assert (second[0].nonce, second[0].gas_limit) == (1, 70_000)


@pytest.mark.parametrize("blocks", [0, 1, 20])
async def test_a_name_is_used_once_also_after_a_restart(blocks: int) -> None:
    stage = Stage()
    first = await stage.wallet.act("pay", call(b"a"))
    await stage.block(blocks)
    for _ in range(2):
        again = await stage.wallet.act("pay", call(b"something else", 99))
        assert isinstance(again, Included) == (blocks > 0)
        stage.restart()
    assert isinstance(first, Waiting)
    await stage.block(3)
    assert stage.done() == [b"a"]


async def test_acts_at_once_get_nonces_without_gaps() -> None:
    stage = Stage()
    names = [f"act {number}" for number in range(20)]
    await asyncio.gather(*(stage.wallet.act(name, call(name.encode())) for name in names * 2))
    await stage.block(25)
    assert sorted(stage.done()) == sorted(name.encode() for name in names)
    assert [transaction.nonce for transaction in stage.chain.included()] == list(range(20))


async def test_what_would_not_work_is_not_begun_and_its_name_is_free_again() -> None:
    stage = Stage()
    reverted = rejection(await stage.wallet.act("pay", Call(to=REFUSES, data=b"")))
    assert (reverted.code, reverted.facts["reason"]) == (ErrorCode.REVERTED, "no such ticket")
    limited = rejection(await stage.wallet.act("pay", Call(to=REFUSES, data=b""), gas_limit=1))
    assert limited.code is ErrorCode.REVERTED
    stage.chain.base_fee_wei = CONFIG.fee_cap_wei
    dear = rejection(await stage.wallet.act("pay", call(b"")))
    assert dear.code is ErrorCode.TOO_EXPENSIVE
    assert dear.facts["gas_price_wei"] == CONFIG.fee_cap_wei + 100
    stage.chain.base_fee_wei = 1_000
    stage.chain.balances[bytes(ACCOUNT)] = 10**6
    for value_wei in (10**6 + 1, 10**6):
        poor = rejection(await stage.wallet.act("pay", call(b"", value_wei)))
        assert (poor.code, poor.facts["balance_wei"]) == (ErrorCode.FUNDS_TOO_LOW, 10**6)
    assert stage.chain.published == []
    stage.chain.balances.clear()
    assert isinstance(await stage.wallet.act("pay", call(b"now")), Waiting)


async def test_money_that_waiting_acts_may_need_is_not_spent_twice() -> None:
    stage = Stage()
    cost_wei = GAS * 6 // 5 * 2_100 + 1
    stage.chain.balances[bytes(ACCOUNT)] = 2 * cost_wei - 1
    assert isinstance(await stage.wallet.act("first", call(b"a")), Waiting)
    assert rejection(await stage.wallet.act("second", call(b"b"))).facts["needed_wei"] == 2 * cost_wei
    await stage.block()
    assert isinstance(await stage.wallet.act("second", call(b"b")), Waiting)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (ErrorCode.QUOTA_EXCEEDED, ErrorCode.FUNDS_TOO_LOW),
        (ErrorCode.MALFORMED, ErrorCode.MALFORMED),
    ],
)
async def test_what_the_chain_refuses_outright_is_forgotten(said: ErrorCode, wanted: ErrorCode) -> None:
    stage = Stage()
    stage.chain.verdict = Rejected(said)
    assert rejection(await stage.wallet.act("pay", call(b"a"))).code is wanted
    assert await stage.wallet.status("pay") is None
    stage.chain.verdict = None
    await stage.wallet.act("other", call(b"b"))
    await stage.block(2)
    assert [(done.nonce, done.data) for done in stage.chain.included()] == [(0, b"b")]


async def test_an_act_whose_sending_is_not_answered_is_begun() -> None:
    stage = Stage()

    class Deaf(FakeChain):
        async def publish(self, raw: bytes) -> bytes | Rejected:
            await super().publish(raw)
            raise UnavailableError(ErrorCode.UNREACHABLE)

    stage.chain = Deaf()
    stage.restart()
    sent = hashes(await stage.wallet.act("pay", call(b"a")))
    assert len(sent) == 1
    await stage.block(2)
    assert stage.done() == [b"a"]
    assert isinstance(await stage.wallet.status("pay"), Included)


async def test_what_waits_too_long_is_replaced_at_a_higher_fee() -> None:
    stage = Stage()
    stage.chain.base_fee_wei = 1_000
    first = hashes(await stage.wallet.act("pay", call(b"a")))
    stage.chain.base_fee_wei = 3_000
    await stage.block(3)
    assert hashes(await stage.wallet.status("pay")) == first
    await stage.block()
    raised = hashes(await stage.wallet.status("pay"))
    assert raised[:1] == first
    assert len(raised) == 2
    newest, _ = parse_transaction(stage.chain.pool[bytes(ACCOUNT), 0])
    assert newest.max_fee_wei == 6_100
    assert newest.max_priority_fee_wei * 8 >= 100 * 9
    await stage.block(2)
    assert stage.done() == [b"a"]
    status = await stage.wallet.status("pay")
    assert isinstance(status, Included)
    assert status.receipt.transaction_hash == raised[1]


async def test_the_fee_never_passes_the_cap() -> None:
    stage = Stage(config=replace(CONFIG, fee_cap_wei=3_000))
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.base_fee_wei = 10_000
    await stage.block(60)
    fees_wei = [parse_transaction(raw)[0].max_fee_wei for raw in stage.chain.published]
    assert max(fees_wei) == 3_000
    steps = sorted(set(fees_wei))
    assert all(later * 8 >= earlier * 9 for earlier, later in pairwise(steps))
    stage.chain.base_fee_wei = 500
    await stage.block(2)
    assert stage.done() == [b"a"]


async def test_only_the_first_in_line_is_raised_where_the_fee_of_the_others_suffices() -> None:
    stage = Stage()
    for name in ("first", "second"):
        await stage.wallet.act(name, call(name.encode()))
    stage.chain.is_full = True
    await stage.block(4)
    assert len(hashes(await stage.wallet.status("first"))) == 2
    assert len(hashes(await stage.wallet.status("second"))) == 1
    stage.chain.base_fee_wei = 3_000
    await stage.block()
    assert len(hashes(await stage.wallet.status("second"))) == 2
    stage.chain.is_full = False
    await stage.block(8)
    assert stage.done() == [b"first", b"second"]


async def test_what_the_chain_has_dropped_is_sent_again() -> None:
    stage = Stage()
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.pool.clear()
    await stage.wallet.tend()
    await stage.block()
    assert stage.done() == [b"a"]


async def test_what_the_account_cannot_pay_any_more_goes_on_at_the_older_fee() -> None:
    stage = Stage()
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.base_fee_wei = 5_000
    await stage.block(4)
    assert len(hashes(await stage.wallet.status("pay"))) == 2
    stage.chain.balances[bytes(ACCOUNT)] = GAS * 6 // 5 * 2_100 + 1
    stage.chain.pool.clear()
    stage.chain.base_fee_wei = 1_000
    await stage.wallet.tend()
    await stage.block()
    assert stage.done() == [b"a"]


@pytest.mark.parametrize("keep_pool", [False, True])
async def test_what_a_reorganisation_takes_comes_back(keep_pool: bool) -> None:  # noqa: FBT001 - a case of the test
    stage = Stage()
    await stage.wallet.act("first", call(b"a"))
    await stage.block()
    await stage.wallet.act("second", call(b"b"))
    await stage.block(2)
    assert confirmations(await stage.wallet.status("second")) == 2
    stage.chain.reorganise(3, keep_pool=keep_pool)
    assert isinstance(await stage.wallet.status("first"), Waiting)
    assert isinstance(await stage.wallet.status("second"), Waiting)
    await stage.wallet.tend()
    await stage.block(10)
    assert stage.done() == [b"a", b"b"]
    assert confirmations(await stage.wallet.status("second")) >= 8


async def test_a_receipt_that_is_lost_while_it_is_read_is_none() -> None:
    stage = Stage()

    class Turning(FakeChain):
        async def receipt(self, transaction_hash: bytes) -> object:  # type: ignore[override]  # the same, and a reorganisation
            found = await super().receipt(transaction_hash)
            if found is not None:
                self.reorganise(1)
            return found

    stage.chain = Turning()
    stage.restart()
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.mine()
    assert isinstance(await stage.wallet.status("pay"), Waiting)


async def test_an_act_whose_nonce_another_wallet_used_gets_a_new_one_once_that_is_final() -> None:
    stage = Stage()
    await stage.wallet.act("pay", call(b"a"))
    stage.foreign(0)
    await stage.block(CONFIG.final_blocks)
    assert isinstance(await stage.wallet.status("pay"), Waiting)
    assert stage.done() == [b"foreign"]
    await stage.block(2)
    assert stage.done() == [b"foreign", b"a"]
    await stage.block(10)
    assert isinstance(await stage.wallet.act("pay", call(b"again")), Included)
    assert stage.done() == [b"foreign", b"a"]


async def test_a_displaced_act_that_comes_back_is_not_sent_anew() -> None:
    stage = Stage()
    await stage.wallet.act("pay", call(b"a"))
    own = stage.chain.pool[bytes(ACCOUNT), 0]
    stage.foreign(0)
    await stage.block(CONFIG.final_blocks - 1)
    stage.chain.reorganise(CONFIG.final_blocks - 1)
    stage.chain.pool = {(bytes(ACCOUNT), 0): own}
    await stage.block(20)
    assert stage.done() == [b"a"]


async def test_an_act_is_not_sent_anew_where_the_chain_may_have_forgotten_it() -> None:
    stage = Stage(config=replace(CONFIG, memory_blocks=10))
    await stage.wallet.act("pay", call(b"a"))
    stage.foreign(0)
    stage.chain.mine(11)
    stage.restart()
    await stage.block(20)
    assert stage.done() == [b"foreign"]
    assert isinstance(await stage.wallet.status("pay"), Waiting)


async def test_a_nonce_that_the_chain_says_is_used_is_left_at_once() -> None:
    stage = Stage()

    class Behind(FakeChain):
        """Says of the count what held a block ago."""

        counts = 0

        async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
            count = await super().transaction_count(account, pending=pending)
            self.counts += 1
            return count if self.counts > 1 else 0

    stage.chain = Behind()
    stage.foreign(0)
    stage.chain.mine()
    stage.restart()
    await stage.wallet.act("pay", call(b"a"))
    await stage.block(2)
    assert [(done.nonce, done.data) for done in stage.chain.included()] == [(0, b"foreign"), (1, b"a")]


async def test_a_nonce_that_a_reorganisation_left_unused_is_used_up() -> None:
    stage = Stage()
    stage.foreign(0)
    stage.chain.mine()
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.reorganise(1)
    assert stage.chain.used(ACCOUNT) == 0
    await stage.block(3)
    assert stage.done() == []
    await stage.block(12)
    assert [(done.nonce, done.to, done.value_wei, done.data) for done in stage.chain.included()] == [
        (0, ACCOUNT, 0, b""),
        (1, SHOP, 1, b"a"),
    ]
    spaces = [f"acts/{CHAIN_ID}/0x{ACCOUNT.hex()}/{name}" for name in ("open", "done")]
    kept = [[document.key for document in await stage.store.documents.list(space)] for space in spaces]
    assert kept == [[], ["pay"]]


async def test_a_nonce_that_comes_into_use_after_all_is_not_used_up_twice() -> None:
    stage = Stage()
    stage.foreign(0)
    stage.chain.mine()
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.reorganise(1)
    stage.chain.is_full = True
    await stage.block(5)
    stage.chain.is_full = False
    stage.foreign(0)
    await stage.block(15)
    assert stage.done() == [b"foreign", b"a"]


async def test_a_nonce_is_not_used_up_where_that_costs_more_than_the_cap() -> None:
    stage = Stage()
    stage.foreign(0)
    stage.chain.mine()
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.reorganise(1)
    stage.chain.base_fee_wei = CONFIG.fee_cap_wei
    await stage.block(8)
    assert {parse_transaction(raw)[0].data for raw in stage.chain.published} == {b"a"}


async def test_an_act_that_is_final_is_not_looked_at_again_after_a_kill_in_between() -> None:
    stage = Stage()
    await stage.wallet.act("pay", call(b"a"))
    space = f"acts/{CHAIN_ID}/0x{ACCOUNT.hex()}"
    written = await stage.store.documents.get(f"{space}/open", "pay")
    assert written is not None
    await stage.block(8)
    assert await stage.store.documents.list(f"{space}/open") == ()
    await stage.store.documents.put(f"{space}/open", "pay", written)
    stage.restart()
    stage.chain.published.clear()
    await stage.wallet.tend()
    assert isinstance(await stage.wallet.status("pay"), Included)
    assert stage.chain.published == []
    assert await stage.store.documents.list(f"{space}/open") == ()


async def test_a_receipt_too_large_for_the_store_is_looked_up_at_each_block() -> None:
    class Talkative(FakeChain):
        async def receipt(self, transaction_hash: bytes) -> Receipt | None:
            found = await super().receipt(transaction_hash)
            if found is None:
                return None
            return replace(found, logs=(replace(found.logs[0], data=bytes(2**20)),))

    stage = Stage(chain=Talkative())
    await stage.wallet.act("pay", call(b"a"))
    await stage.block(10)
    assert confirmations(await stage.wallet.status("pay")) == 10
    assert stage.done() == [b"a"]


async def test_what_is_written_down_is_read_by_later_releases() -> None:
    """Stands for the stored form: a change of it has to read this as well."""
    stage = Stage()
    space = f"acts/{CHAIN_ID}/0x{ACCOUNT.hex()}"
    opened = (
        b'{"nonce":0,"to":"WlpaWlpaWlpaWlpaWlpaWlpaWlo=","value_wei":"7","data":"YQ==","gas_limit":60000,"attempts":'
        b'[{"hash":"%s","max_fee_wei":"2100","priority_fee_wei":"100","block":0}]}'
    )
    await stage.wallet.act("pay", call(b"a", 7))
    transaction_hash = hashes(await stage.wallet.status("pay"))[0]
    written = opened % base64.b64encode(transaction_hash)
    assert await stage.store.documents.get(f"{space}/open", "pay") == written
    await stage.block(8)
    done = await stage.store.documents.get(f"{space}/done", "pay")
    assert done is not None
    assert json.loads(done) == {
        "nonce": 0,
        "hash": base64.b64encode(transaction_hash).decode(),
        "block": 1,
        "block_hash": base64.b64encode(stage.chain.blocks[1].block.block_hash).decode(),
        "succeeded": True,
        "gas_used": GAS,
        "gas_price_wei": "1100",
        "contract": None,
        "logs": [
            {
                "address": base64.b64encode(SHOP).decode(),
                "topics": [base64.b64encode(b"\x07" * 32).decode()],
                "data": "YQ==",
                "index": 0,
            }
        ],
    }


async def test_names_and_senders_have_limits() -> None:
    wallet = Stage().wallet
    for name in ("", "n" * 201, "\ud800"):
        with pytest.raises(LocalError):
            await wallet.act(name, call(b""))
        with pytest.raises(LocalError):
            await wallet.status(name)
    with pytest.raises(LocalError):
        await wallet.act("pay", replace(call(b""), sender=SHOP))
    assert isinstance(await wallet.act("\u00e9" * 100, call(b"")), Waiting)


async def test_a_closed_wallet_answers_no_more_and_leaves_the_chain_open() -> None:
    stage = Stage()
    await stage.wallet.act("pay", call(b"a"))
    await stage.wallet.close()
    await stage.wallet.close()
    for ask in (stage.wallet.act("pay", call(b"")), stage.wallet.status("pay"), stage.wallet.tend()):
        with pytest.raises(UnavailableError) as caught:
            await ask
        assert caught.value.code is ErrorCode.SHUTTING_DOWN
    assert (await stage.chain.head()).number == 0


async def test_a_silent_chain_is_unavailable_and_loses_nothing() -> None:
    stage = Stage()
    await stage.wallet.act("pay", call(b"a"))
    stage.chain.is_silent = True
    for ask in (stage.wallet.act("other", call(b"")), stage.wallet.status("pay"), stage.wallet.tend()):
        with pytest.raises(UnavailableError):
            await ask
    stage.chain.is_silent = False
    await stage.block(2)
    assert stage.done() == [b"a"]


@pytest.mark.parametrize(
    "setting",
    [{"fee_cap_wei": 0}, {"fee_cap_wei": 2**63}, {"patience_blocks": 0}, {"final_blocks": 0}, {"memory_blocks": 11}],
)
def test_settings_have_ranges(setting: dict[str, int]) -> None:
    with pytest.raises(LocalError) as caught:
        WalletConfig(**setting)
    assert [caught.value.facts["setting"]] == list(setting)


async def test_what_stands_in_the_store_and_is_no_act_is_refused() -> None:
    stage = Stage()
    space = f"acts/{CHAIN_ID}/0x{ACCOUNT.hex()}"
    for content in (b"", b"{}", b"\xff", b'{"nonce": -1}'):
        await stage.store.documents.put(f"{space}/open", "pay", content)
        stage.restart()
        with pytest.raises(UnavailableError) as caught:
            await stage.wallet.tend()
        assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
    await stage.store.documents.delete(f"{space}/open", "pay")
    await stage.store.documents.put(f"{space}/done", "pay", b"{}")
    with pytest.raises(UnavailableError):
        await stage.wallet.status("pay")


async def test_a_nonce_that_a_reorganisation_frees_is_not_given_up_for_an_old_doubt() -> None:
    """Another transaction took the nonce, was reorganised away, and came again: the doubt begins anew."""
    stage = Stage()
    stage.chain.is_full = True
    await stage.wallet.act("fund", call(b"FUND", 5))
    stage.chain.pool.clear()
    stage.chain.is_full = False
    stage.foreign(0)
    await stage.block(2)
    stage.chain.reorganise(2)
    stage.chain.is_full = True
    await stage.wallet.tend()
    await stage.block(15)
    stage.chain.is_full = False
    stage.chain.pool.clear()
    stage.foreign(0)
    stage.chain.mine()
    await stage.wallet.tend()
    assert {parse_transaction(raw)[0].nonce for raw in stage.chain.published} == {0}, "no second transaction was made"
