"""The JSON-RPC server: what tools for Ethereum ask, answered in their forms; nonsense answered by errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_account import Account

from parley.devchains.evm.accounts import development_accounts
from parley.devchains.evm.config import ChainConfig
from parley.devchains.evm.deployment import deploy
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.news import Event
from parley.devchains.evm.rpc import RPC_METHODS, RpcServer
from parley.devchains.evm.storage import MemoryStorage
from parley.errors import ErrorCode, UnavailableError
from parley.testing.chain_contracts import HERALD, MEMORY, REFUSAL, RUIN, creation_code, error_string
from tests.unit.devchains.chain_parts import ANN, GWEI, signed

ANN_TEXT, BEN_TEXT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
NOBODY_TEXT = "0xD1d1d1D1d1d1D1d1D1D1D1d1d1D1D1D1d1D1d1d1"
FULL = (False, True)
UNKNOWN = "0x" + "d2" * 32


class Client:
    """Asks one server."""

    def __init__(self, *, is_automatic: bool = True) -> None:
        self.local = LocalChain(MemoryStorage(), ChainConfig(is_automatic=is_automatic))
        self.server = RpcServer(self.local, None, development_accounts(2))

    def body(self, method: str, *params: object) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        answer: dict[str, Any] = json.loads(self.server.answer(json.dumps(request).encode()))
        assert (answer.pop("jsonrpc"), answer.pop("id")) == ("2.0", 7)
        return answer

    def ask(self, method: str, *params: object) -> Any:  # noqa: ANN401  # any JSON
        answer = self.body(method, *params)
        assert list(answer) == ["result"], answer
        return answer["result"]

    def error(self, method: str, *params: object) -> tuple[int, str]:
        answer = self.body(method, *params)
        assert list(answer) == ["error"], answer
        return answer["error"]["code"], answer["error"]["message"]

    def create(self, runtime: bytes) -> str:
        name = self.ask("eth_sendTransaction", {"from": ANN_TEXT, "data": "0x" + creation_code(runtime).hex()})
        self.local.mine()
        return str(self.ask("eth_getTransactionReceipt", name)["contractAddress"])


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def manual() -> Client:
    return Client(is_automatic=False)


# -- the frame ---------------------------------------------------------------------------------------------------------


def raw_answer(client: Client, body: bytes) -> Any:  # noqa: ANN401  # any JSON
    return json.loads(client.server.answer(body))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'"\xff"'])
def test_what_is_not_json_is_a_parse_error(client: Client, body: bytes) -> None:
    assert raw_answer(client, body)["error"]["code"] == -32_700


@pytest.mark.parametrize(
    "body",
    [
        b"1",
        b"[]",
        b"{}",
        b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"method":5}',
        b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}',
        b'{"jsonrpc":"2.0","id":"' + b"x" * 201 + b'","method":"eth_chainId"}',
        b"[" + b",".join([b"1"] * 101) + b"]",
    ],
)
def test_what_is_no_request_is_invalid(client: Client, body: bytes) -> None:
    answer = raw_answer(client, body)
    assert (answer["id"], answer["error"]["code"]) == (None, -32_600)


@pytest.mark.parametrize("number", [0, -1, 1.5, "a", None])
def test_answer_has_the_number_of_the_request(client: Client, number: object) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "eth_chainId"}).encode()
    assert raw_answer(client, body) == {"jsonrpc": "2.0", "id": number, "result": "0x7a69"}


def test_notification_is_done_and_not_answered(client: Client) -> None:
    assert client.server.answer(b'{"jsonrpc":"2.0","method":"evm_mine"}') == b""
    assert client.server.answer(b'[{"jsonrpc":"2.0","method":"evm_mine"}]') == b""
    assert client.local.head.header.number == 2


def test_batch_is_answered_in_order(client: Client) -> None:
    body = json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}, 5, {"jsonrpc": "2.0", "method": "x"}])
    first, second = raw_answer(client, body.encode())
    assert (first["result"], second["error"]["code"]) == ("0x7a69", -32_600)


def test_unknown_method_is_not_found(client: Client) -> None:
    assert client.error("eth_mystery")[0] == -32_601


@pytest.mark.parametrize("name", sorted(RPC_METHODS))
def test_no_method_takes_nonsense(manual: Client, name: str) -> None:
    manual.local.mine()
    method = RPC_METHODS[name]
    assert manual.error(name, *([None] * (method.most + 1)))[0] == -32_602
    nonsense: object
    for nonsense in ("0xZZ", -1, [], {"x": 1}, 1e300, True, "x" * 1_000, 2**53):
        answer = manual.body(name, *([nonsense] * max(method.least, min(method.most, 1))))
        assert "result" in answer or answer["error"]["code"] in {-32_602, -32_000, -32_005}


def test_params_must_be_a_list(client: Client) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":{"block":"latest"}}'
    assert raw_answer(client, body)["error"]["code"] == -32_602


class Broken(MemoryStorage):
    """Gives nothing back once it is told so."""

    is_broken = False

    def get(self, key: bytes) -> bytes | None:
        if self.is_broken:
            raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)
        return super().get(key)


def test_chain_that_does_not_answer_is_an_internal_error() -> None:
    client = Client()
    storage = Broken()
    client.server = RpcServer(LocalChain(storage))
    storage.is_broken = True
    assert client.error("eth_getTransactionReceipt", UNKNOWN)[0] == -32_603


# -- reading -----------------------------------------------------------------------------------------------------------


def test_simple_questions(client: Client) -> None:
    client.local.publish(signed(0))
    assert client.ask("eth_blockNumber") == "0x1"
    assert client.ask("net_version") == "31337"
    assert client.ask("web3_clientVersion").startswith("parley/")
    assert client.ask("eth_accounts") == [ANN_TEXT, BEN_TEXT]
    assert client.ask("eth_getBalance", NOBODY_TEXT, "latest") == "0x1"
    assert client.ask("eth_getBalance", NOBODY_TEXT, "earliest") == "0x0"
    assert client.ask("eth_getBalance", NOBODY_TEXT) == "0x1"
    assert client.ask("eth_getCode", NOBODY_TEXT) == "0x"
    assert client.ask("eth_syncing") is False
    assert client.ask("net_listening") is True
    assert client.ask("net_peerCount") == "0x0"
    assert client.ask("eth_maxPriorityFeePerGas") == hex(GWEI)
    assert client.ask("eth_gasPrice") == hex(client.local.base_fee_wei + GWEI)
    # keccak256 of nothing
    assert client.ask("web3_sha3", "0x") == "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert client.ask("parley_deployment") is None


def test_deployment_names_the_contracts() -> None:
    client = Client()
    deployment, _ = deploy(client.local)
    client.server = RpcServer(client.local, deployment)
    answer = client.ask("parley_deployment")
    assert {name: value.lower() for name, value in answer.items()} == {
        "broker": "0x" + deployment.broker.hex(),
        "rounds": "0x" + deployment.rounds.hex(),
        "recipients": "0x" + deployment.recipients.hex(),
    }


def test_moments(client: Client) -> None:
    for _ in range(70):
        client.local.mine()
    for moment, number in (
        ("latest", 70),
        ("pending", 70),
        ("safe", 38),
        ("finalized", 6),
        ("earliest", 0),
        ("0x5", 5),
        (5, 5),
        ({"blockNumber": "0x5"}, 5),
    ):
        block = client.local.history.by_number(number)
        assert block is not None
        document = client.ask("eth_getBlockReceipts", moment)
        assert document == []
        if not isinstance(moment, dict):
            assert client.ask("eth_getBlockByNumber", moment)["hash"] == "0x" + block.block_hash.hex()
        assert client.ask("eth_getBalance", NOBODY_TEXT, {"blockHash": "0x" + block.block_hash.hex()}) == "0x0"
    assert client.ask("eth_getBlockByNumber", "0x47", FULL[0]) is None
    assert client.error("eth_getBalance", NOBODY_TEXT, "0x47") == (-32_000, "header not found")
    assert client.error("eth_getTransactionCount", NOBODY_TEXT, {"blockHash": UNKNOWN})[0] == -32_000
    assert client.error("eth_getBalance", NOBODY_TEXT, "newest")[0] == -32_602
    assert client.error("eth_getBalance", NOBODY_TEXT, {"block": "0x1"})[0] == -32_602
    assert client.error("eth_getBalance", NOBODY_TEXT.replace("D", "d", 1))[0] == -32_602  # a wrong checksum
    for name, words in (("eth_getCode", ()), ("eth_getStorageAt", ("0x0",))):
        assert client.error(name, NOBODY_TEXT, *words, "0x47")[0] == -32_000
    for name in ("eth_call", "eth_estimateGas"):
        assert client.error(name, {"to": NOBODY_TEXT}, "0x47")[0] == -32_000
    assert client.error("eth_feeHistory", "0x1", "0x47")[0] == -32_000


def test_blocks_and_transactions_are_told_alike(client: Client) -> None:
    client.local.publish(signed(0))
    head = client.local.head
    name, block_name = "0x" + head.hashes[0].hex(), "0x" + head.block_hash.hex()
    block = client.ask("eth_getBlockByNumber", "0x1", FULL[1])
    transaction = client.ask("eth_getTransactionByHash", name)
    assert block["transactions"] == [transaction]
    assert client.ask("eth_getBlockByHash", block_name, FULL[0])["transactions"] == [name]
    assert client.ask("eth_getBlockByHash", block_name, FULL[1]) == block
    assert client.ask("eth_getTransactionByBlockHashAndIndex", block_name, "0x0") == transaction
    assert client.ask("eth_getTransactionByBlockNumberAndIndex", "latest", "0x0") == transaction
    assert client.ask("eth_getTransactionByBlockNumberAndIndex", "latest", "0x1") is None
    assert client.ask("eth_getTransactionByBlockHashAndIndex", UNKNOWN, "0x0") is None
    assert client.ask("eth_getBlockTransactionCountByHash", block_name) == "0x1"
    assert client.ask("eth_getBlockTransactionCountByNumber", "latest") == "0x1"
    assert client.ask("eth_getBlockTransactionCountByNumber", "0x9") is None
    assert client.ask("eth_getBlockTransactionCountByHash", UNKNOWN) is None
    assert client.ask("eth_getUncleCountByBlockNumber", "0x1") == "0x0"
    assert client.ask("eth_getUncleCountByBlockNumber", "0x9") is None
    assert client.ask("eth_getTransactionByHash", UNKNOWN) is None
    assert client.ask("eth_getTransactionReceipt", UNKNOWN) is None
    assert client.ask("eth_getBlockReceipts", "0x9") is None
    receipt = client.ask("eth_getTransactionReceipt", name)
    assert client.ask("eth_getBlockReceipts", block_name) == [receipt]
    assert (receipt["from"], receipt["to"], receipt["status"], receipt["gasUsed"]) == (
        ANN_TEXT,
        NOBODY_TEXT,
        "0x1",
        "0x5208",
    )
    assert (block["hash"], block["number"], block["timestamp"], block["gasUsed"]) == (
        block_name,
        "0x1",
        hex(1_700_000_012),
        "0x5208",
    )
    assert (transaction["value"], transaction["nonce"], transaction["type"]) == ("0x1", "0x0", "0x2")
    assert transaction["gasPrice"] == receipt["effectiveGasPrice"]


@pytest.mark.parametrize(
    ("fields", "kind", "extra"),
    [
        ({"gasPrice": 5 * GWEI}, "0x0", {"v"}),
        ({"gasPrice": 5 * GWEI, "type": 1, "accessList": []}, "0x1", {"yParity", "accessList"}),
        (
            {"maxFeePerGas": 5 * GWEI, "maxPriorityFeePerGas": GWEI, "type": 2},
            "0x2",
            {"yParity", "accessList", "maxFeePerGas", "maxPriorityFeePerGas"},
        ),
    ],
)
def test_transaction_of_another_implementation_is_taken_and_told(
    client: Client, fields: dict[str, Any], kind: str, extra: set[str]
) -> None:
    wanted = {"nonce": 0, "gas": 30_000, "to": NOBODY_TEXT, "value": 9, "data": "0x", "chainId": 31_337, **fields}
    other = Account.sign_transaction(wanted, ANN.secret)
    name = "0x" + bytes(other.hash).hex()
    assert client.ask("eth_sendRawTransaction", "0x" + bytes(other.raw_transaction).hex()) == name
    document = client.ask("eth_getTransactionByHash", name)
    assert extra <= set(document)
    assert (document["type"], document["value"], document["from"]) == (kind, "0x9", ANN_TEXT)
    assert (int(document["r"], 16), int(document["s"], 16), int(document["v"], 16)) == (other.r, other.s, other.v)
    assert client.ask("eth_getBalance", NOBODY_TEXT) == "0x9"


def test_access_list_is_told(client: Client) -> None:
    listed = [{"address": NOBODY_TEXT, "storageKeys": ["0x" + "00" * 31 + "05"]}]
    wanted = {
        "nonce": 0,
        "gas": 30_000,
        "to": NOBODY_TEXT,
        "gasPrice": 5 * GWEI,
        "chainId": 31_337,
        "accessList": listed,
    }
    other = Account.sign_transaction({"value": 0, "data": "0x", "type": 1, **wanted}, ANN.secret)
    client.ask("eth_sendRawTransaction", "0x" + bytes(other.raw_transaction).hex())
    assert client.ask("eth_getTransactionByHash", "0x" + bytes(other.hash).hex())["accessList"] == listed


def test_what_waits_is_told_without_a_block(manual: Client) -> None:
    name = manual.ask("eth_sendRawTransaction", "0x" + signed(0).hex())
    manual.ask("eth_sendRawTransaction", "0x" + signed(2).hex())
    document = manual.ask("eth_getTransactionByHash", name)
    assert (document["blockHash"], document["blockNumber"], document["transactionIndex"]) == (None, None, None)
    assert manual.ask("eth_getTransactionReceipt", name) is None
    assert manual.ask("eth_getTransactionCount", ANN_TEXT, "latest") == "0x0"
    assert manual.ask("eth_getTransactionCount", ANN_TEXT, "pending") == "0x1"
    assert manual.ask("txpool_status") == {"pending": "0x1", "queued": "0x1"}


def test_call_and_its_refusals(client: Client) -> None:
    memory, refusal, ruin = client.create(MEMORY), client.create(REFUSAL), client.create(RUIN)
    client.ask("eth_sendTransaction", {"from": ANN_TEXT, "to": memory, "data": "0x" + "05".zfill(64)})
    assert client.ask("eth_call", {"to": memory}, "latest") == "0x" + "05".zfill(64)
    assert client.ask("eth_call", {"to": memory, "input": "0x"}, "0x3") == "0x" + "00" * 32
    assert client.ask("eth_getStorageAt", memory, "0x0") == "0x" + "05".zfill(64)
    assert client.ask("eth_getStorageAt", memory, "0x" + "00" * 32, "0x1") == "0x" + "00" * 32
    data = "0x" + error_string(b"no such ticket").hex()
    for method in ("eth_call", "eth_estimateGas", "eth_sendTransaction"):
        answer = client.body(method, {"to": refusal, "data": data, "from": ANN_TEXT})
        assert answer["error"] == {"code": 3, "message": "execution reverted: no such ticket", "data": data}
    assert client.error("eth_call", {"to": refusal, "data": "0x01"}) == (3, "execution reverted")
    assert client.error("eth_call", {"to": ruin})[0] == -32_000
    assert client.error("eth_call", {"to": memory, "gas": "0x100"})[0] == -32_000
    assert client.ask("eth_estimateGas", {"to": NOBODY_TEXT}) == "0x5208"
    assert client.ask("eth_call", {"to": memory, "gas": hex(2**200)}) == "0x" + "05".zfill(64)  # capped
    endless = client.create(bytes.fromhex("5b600056"))
    assert client.error("eth_call", {"to": endless, "gas": hex(100_000)})[0] == -32_000
    assert client.ask("eth_getCode", memory) == "0x" + MEMORY.hex()


@pytest.mark.parametrize(
    "call",
    [
        {"to": "0x11"},
        {"to": NOBODY_TEXT, "data": "0x1"},
        {"to": NOBODY_TEXT, "data": "0x01", "input": "0x02"},
        {"to": NOBODY_TEXT, "value": "0x00"},
        {"to": NOBODY_TEXT, "value": "-1"},
        {"to": NOBODY_TEXT, "value": "0x1" + "0" * 64},
        {"to": NOBODY_TEXT, "color": "red"},
        {"to": 5},
        "call",
    ],
)
def test_call_of_another_form_is_refused(client: Client, call: object) -> None:
    assert client.error("eth_call", call)[0] == -32_602


def test_fee_history(client: Client) -> None:
    for nonce, tip in ((0, 3), (1, 1)):
        client.local.publish(signed(nonce, tip_wei=tip * GWEI))
    first, second = client.local.history.by_number(1), client.local.history.by_number(2)
    assert first is not None
    assert second is not None
    answer = client.ask("eth_feeHistory", "0x2", "latest", [0, 50, 100])
    assert answer["oldestBlock"] == "0x1"
    assert answer["baseFeePerGas"] == [
        hex(first.header.base_fee_wei),
        hex(second.header.base_fee_wei),
        hex(client.local.base_fee_wei),
    ]
    assert answer["gasUsedRatio"] == [21_000 / 30_000_000] * 2
    assert answer["reward"] == [[hex(3 * GWEI)] * 3, [hex(GWEI)] * 3]
    short = client.ask("eth_feeHistory", 100, "0x1")
    assert (short["oldestBlock"], len(short["baseFeePerGas"]), "reward" in short) == ("0x0", 3, False)
    assert short["baseFeePerGas"][-1] == hex(second.header.base_fee_wei)
    assert client.ask("eth_feeHistory", "0x1", "earliest", [50])["reward"] == [["0x0"]]
    for shares in (["x"], [101], [True], "50", [1] * 101):
        assert client.error("eth_feeHistory", "0x1", "latest", shares)[0] == -32_602


def test_tips_are_weighed_by_gas(manual: Client) -> None:
    creation = "0x" + creation_code(MEMORY).hex()
    manual.ask("eth_sendTransaction", {"from": ANN_TEXT, "data": creation, "maxPriorityFeePerGas": hex(5 * GWEI)})
    manual.ask("eth_sendRawTransaction", "0x" + signed(0, account=1, tip_wei=GWEI).hex())
    manual.ask("evm_mine")
    (tips,) = manual.ask("eth_feeHistory", "0x1", "latest", [10, 90])["reward"]
    assert tips == [hex(GWEI), hex(5 * GWEI)]


# -- events and filters ------------------------------------------------------------------------------------------------


def say(client: Client, herald: str, text: bytes) -> None:
    client.ask("eth_sendTransaction", {"from": ANN_TEXT, "to": herald, "data": "0x" + text.hex()})


def test_events(client: Client) -> None:
    herald = client.create(HERALD)
    red, blue = b"\x01" * 32, b"\x02" * 32
    for text in (red + b"a", blue, b"plain"):
        say(client, herald, text)
    assert len(client.ask("eth_getLogs", {})) == 1  # of the head alone, where no range is named
    every = client.ask("eth_getLogs", {"fromBlock": "earliest", "toBlock": "latest"})
    assert [log["blockNumber"] for log in every] == ["0x3", "0x4", "0x5"]
    assert every[0]["topics"] == ["0x" + red.hex()]
    assert (every[0]["data"], every[0]["address"], every[0]["removed"]) == ("0x61", herald, False)
    for wanted, found in (
        ({"address": herald}, every),
        ({"address": [herald, NOBODY_TEXT]}, every),
        ({"address": NOBODY_TEXT}, []),
        ({"topics": ["0x" + red.hex()]}, every[:1]),
        ({"topics": [["0x" + red.hex(), "0x" + blue.hex()]]}, every[:2]),
        ({"topics": [None]}, every[:2]),
        ({"topics": [["0x" + red.hex(), None]]}, every[:2]),
        ({"topics": []}, every),
        ({"toBlock": "0x3"}, every[:1]),
        ({"toBlock": "0x99"}, every),
        ({"fromBlock": "0x98", "toBlock": "0x99"}, []),
    ):
        assert client.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", **wanted}) == found
    assert client.ask("eth_getLogs", {"blockHash": every[1]["blockHash"]}) == every[1:2]
    assert client.error("eth_getLogs", {"blockHash": UNKNOWN})[0] == -32_000
    for wrong in (
        {"blockHash": UNKNOWN, "fromBlock": "0x0"},
        {"topics": ["0x01"]},
        {"topics": [None] * 5},
        {"topics": [["0x" + red.hex()] * 101]},
        {"topics": 5},
        {"address": [NOBODY_TEXT] * 101},
        {"address": 5},
        5,
    ):
        assert client.error("eth_getLogs", wrong)[0] == -32_602


def test_too_many_events_are_not_told() -> None:
    client = Client(is_automatic=False)
    # logs nothing, 250 times: push 250 · loop: log0(0, 0) · count down · jump back while it is not 0 · stop
    many = client.create(bytes.fromhex("60fa5b60006000a0600190038060025700"))
    gas = hex(200_000)
    for nonce in range(41):
        client.ask("eth_sendTransaction", {"from": ANN_TEXT, "to": many, "gas": gas, "nonce": hex(nonce + 1)})
    client.local.mine()
    answer = client.body("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
    assert answer["error"]["code"] == -32_005
    name = client.ask("eth_newFilter", {})
    assert client.body("eth_getFilterLogs", name)["error"]["code"] == -32_005


def test_filters_tell_what_is_new(manual: Client) -> None:
    herald = manual.create(HERALD)
    events = manual.ask("eth_newFilter", {"address": herald})
    blocks = manual.ask("eth_newBlockFilter")
    waiting = manual.ask("eth_newPendingTransactionFilter")
    say(manual, herald, b"first")
    manual.local.mine()
    first = manual.local.head
    (said,) = manual.ask("eth_getFilterChanges", events)
    assert said["data"] == "0x" + b"first".hex()
    assert manual.ask("eth_getFilterChanges", blocks) == ["0x" + first.block_hash.hex()]
    assert manual.ask("eth_getFilterChanges", waiting) == ["0x" + first.hashes[0].hex()]
    assert [manual.ask("eth_getFilterChanges", one) for one in (events, blocks, waiting)] == [[], [], []]
    manual.local.reorganise(1)
    removed, again = manual.ask("eth_getFilterChanges", events)
    assert (removed, again["removed"]) == ({**said, "removed": True}, False)
    assert manual.ask("eth_getFilterLogs", events) == [again]
    assert manual.ask("eth_uninstallFilter", events) is True
    assert manual.ask("eth_uninstallFilter", events) is False
    for method, name in (
        ("eth_getFilterChanges", events),
        ("eth_getFilterLogs", events),
        ("eth_getFilterLogs", blocks),
    ):
        assert manual.error(method, name) == (-32_000, "filter not found")


def test_filter_that_was_forgotten_is_not_found(manual: Client) -> None:
    name = manual.ask("eth_newBlockFilter")
    for _ in range(1_000):
        manual.ask("eth_newBlockFilter")
    assert manual.error("eth_getFilterChanges", name)[0] == -32_000
    name = manual.ask("eth_newFilter", {})
    for _ in range(10_001):
        manual.local.news.tell(Event.TRANSACTION_WAITS, bytes(32))
    assert manual.error("eth_getFilterChanges", name)[0] == -32_000


# -- acting ------------------------------------------------------------------------------------------------------------


def test_refusals_are_said_as_nodes_say_them(manual: Client) -> None:
    def send(raw: bytes) -> tuple[int, str]:
        return manual.error("eth_sendRawTransaction", "0x" + raw.hex())

    manual.local.publish(signed(0))
    assert send(signed(0, tip_wei=2 * GWEI)) == (-32_000, "replacement transaction underpriced")
    manual.local.mine()
    assert send(signed(0, tip_wei=2 * GWEI)) == (-32_000, "nonce too low")
    assert send(signed(0, account=50)) == (-32_000, "insufficient funds for gas * price + value")
    assert "invalid transaction" in send(b"\x02\xc0")[1]
    assert manual.error("eth_sendRawTransaction", 5)[0] == -32_602


def test_server_signs_for_accounts_that_everybody_knows(client: Client) -> None:
    wanted = {"from": BEN_TEXT, "to": NOBODY_TEXT, "value": "0x5"}
    for fees in ({}, {"gasPrice": hex(20 * GWEI)}, {"maxFeePerGas": hex(30 * GWEI), "maxPriorityFeePerGas": "0x1"}):
        client.ask("eth_sendTransaction", {**wanted, **fees})
    assert client.ask("eth_getBalance", NOBODY_TEXT) == hex(15)
    prices = [client.local.history.by_number(number) for number in (2, 3)]
    paid = [block.outcomes[0].price_wei for block in prices if block is not None]
    third = client.local.head
    assert paid == [20 * GWEI, third.header.base_fee_wei + 1]
    assert client.error("eth_sendTransaction", {**wanted, "nonce": "0x0"}) == (-32_000, "nonce too low")
    assert client.error("eth_sendTransaction", {**wanted, "from": NOBODY_TEXT}) == (-32_000, "unknown account")
    assert client.error("eth_sendTransaction", {"to": NOBODY_TEXT}) == (-32_000, "unknown account")
    assert client.error("eth_sendTransaction", {**wanted, "gas": hex(2**64)})[0] == -32_602


def test_time_and_blocks_can_be_made(manual: Client) -> None:
    begun_s = manual.local.head.header.timestamp_s
    assert manual.ask("evm_increaseTime", 3_600) == 3_600
    assert manual.ask("evm_mine") == "0x0"
    assert manual.local.head.header.timestamp_s == begun_s + 3_612
    manual.ask("evm_setNextBlockTimestamp", hex(begun_s + 5_000))
    manual.ask("evm_mine")
    assert manual.local.head.header.timestamp_s == begun_s + 5_000
    manual.ask("evm_mine", begun_s + 6_000)
    assert manual.local.head.header.timestamp_s == begun_s + 6_000
    manual.ask("evm_mine", {"blocks": 3, "timestamp": begun_s + 7_000})
    assert (manual.local.head.header.number, manual.local.head.header.timestamp_s) == (6, begun_s + 7_024)
    manual.ask("evm_mine", {})
    manual.ask("hardhat_mine", "0x5", "0x64")
    assert (manual.local.head.header.number, manual.local.head.header.timestamp_s) == (12, begun_s + 7_048 + 400)
    for method, value in (
        ("evm_setNextBlockTimestamp", begun_s),
        ("evm_mine", 2**41),
        ("evm_increaseTime", 2**41),
        ("anvil_mine", 10_001),
    ):
        assert manual.error(method, value)[0] == -32_602


def test_next_base_fee_can_be_set(manual: Client) -> None:
    manual.ask("hardhat_setNextBlockBaseFeePerGas", hex(50 * GWEI))
    manual.ask("evm_mine")
    assert manual.local.head.header.base_fee_wei == 50 * GWEI
    assert manual.error("anvil_setNextBlockBaseFeePerGas", hex(10**18 + 1))[0] == -32_602


def test_mining_can_be_made_automatic(manual: Client) -> None:
    assert manual.ask("hardhat_getAutomine") is False
    assert manual.ask("evm_setAutomine", FULL[1]) is True
    manual.ask("eth_sendRawTransaction", "0x" + signed(0).hex())
    assert manual.ask("eth_blockNumber") == "0x1"
    assert manual.error("evm_setAutomine", "yes")[0] == -32_602


def test_moments_can_be_kept_and_returned_to_once(client: Client) -> None:
    first = client.ask("evm_snapshot")
    client.local.publish(signed(0))
    second = client.ask("evm_snapshot")
    assert (first, second) == ("0x1", "0x2")
    assert client.ask("evm_revert", first) is True
    assert client.ask("eth_getBalance", NOBODY_TEXT) == "0x0"
    assert client.ask("evm_revert", second) is False
    assert client.ask("evm_revert", first) is False


def test_old_moments_are_forgotten(client: Client) -> None:
    for _ in range(1_001):
        client.ask("evm_snapshot")
    assert client.ask("evm_revert", "0x1") is False
    assert client.ask("evm_revert", "0x2") is True


def test_reorganisation_loses_transactions(client: Client) -> None:
    name = client.ask("eth_sendRawTransaction", "0x" + signed(0).hex())
    client.ask("anvil_reorg", 1, [])
    assert client.ask("eth_getTransactionReceipt", name) is None
    assert client.ask("eth_blockNumber") == "0x1"
    for depth in (0, 2):
        assert client.error("anvil_reorg", depth)[0] == -32_602
    assert client.error("anvil_reorg", 1, [[name, 0]])[0] == -32_602


def test_waiting_transaction_can_be_dropped(manual: Client) -> None:
    name = manual.ask("eth_sendRawTransaction", "0x" + signed(0).hex())
    assert manual.ask("anvil_dropTransaction", name) == name
    assert manual.ask("anvil_dropTransaction", name) is None
