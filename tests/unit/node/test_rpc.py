from __future__ import annotations

import logging
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ConflictError, ErrorCode, LocalError, Rejected, UnavailableError
from parley.node.metrics import Metrics
from parley.node.openrpc import openrpc_document
from parley.node.registry import Audience, Command, NoParameters, RawResult, Refusal, Registry
from parley.node.rpc import RpcAddress
from parley.node.supervise import Supervisor


class Sum(msgspec.Struct, forbid_unknown_fields=True):
    left: Annotated[int, Meta(ge=0, le=9, description="one number")]
    right: Annotated[int, Meta(description="another")] | None = None


def handle(outcome: object) -> object:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


OUTCOMES: dict[str, Any] = {
    "add": 3,
    "raw": RawResult(b'{"Ok":[1],"stats":{}}'),
    "no": Rejected(ErrorCode.NOT_FOUND, {"what": "it"}),
    "pay": Refusal(Rejected(ErrorCode.WORK_REQUIRED), challenges=["c"]),
    "later": UnavailableError(ErrorCode.BUSY, retry_after_ms=7),
    "lost": ConflictError(ErrorCode.STALE_SEQUENCE),
    "bug": ZeroDivisionError("secret text"),
}
REGISTRY = Registry(
    Command(
        method=name,
        audience=Audience.OWNER,
        parameters=Sum if name == "add" else NoParameters,
        run=lambda: None,
        summary=f"Does {name}.",
        words=("word", name),
    )
    for name in OUTCOMES
)


async def run(command: Command, parameters: msgspec.Struct) -> object:
    del parameters
    return handle(OUTCOMES[command.method])


@pytest.fixture
def address() -> RpcAddress:
    return RpcAddress(REGISTRY, Audience.OWNER, metrics=Metrics(), supervisor=Supervisor(SeededEntropy(b"s")))


async def ask(address: RpcAddress, method: str, params: str = "{}") -> dict[str, Any]:
    body = f'{{"jsonrpc":"2.0","id":5,"method":"{method}","params":{params}}}'.encode()
    answer: dict[str, Any] = msgspec.json.decode(await address.answer(body, run))
    assert answer["jsonrpc"] == "2.0"
    return answer


async def test_results_and_refusals_have_the_documented_form(address: RpcAddress) -> None:
    assert await ask(address, "add", '{"left":1}') == {"jsonrpc": "2.0", "id": 5, "result": {"Ok": 3}}
    assert (await ask(address, "raw"))["result"] == {"Ok": [1], "stats": {}}
    refused = (await ask(address, "no"))["error"]
    assert refused["code"] == ErrorCode.NOT_FOUND
    assert refused["data"]["facts"] == {"what": "it"}
    assert refused["data"]["next"] == ErrorCode.NOT_FOUND.next_step
    assert (await ask(address, "pay"))["error"]["data"]["challenges"] == ["c"]
    assert (await ask(address, "later"))["error"]["data"]["retry_after_ms"] == 7
    assert (await ask(address, "lost"))["error"]["code"] == ErrorCode.STALE_SEQUENCE
    assert (await ask(address, "unknown"))["error"]["code"] == ErrorCode.METHOD_NOT_FOUND
    assert (await ask(address, "add", '{"left":10}'))["error"]["code"] == ErrorCode.INVALID_PARAMS


async def test_a_bug_is_logged_with_an_id_and_not_shown(address: RpcAddress, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        error = (await ask(address, "bug"))["error"]
    assert error["code"] == ErrorCode.INTERNAL_ERROR
    assert "secret text" not in str(error)
    assert error["data"]["facts"]["error_id"] in caplog.text
    assert "secret text" in caplog.text


async def test_batches_and_notifications(address: RpcAddress) -> None:
    call = b'{"jsonrpc":"2.0","method":"add","params":{"left":1}%b}'
    both = b"[" + call % b',"id":1' + b"," + call % b"" + b",7]"
    answers = msgspec.json.decode(await address.answer(both, run))
    assert [answer.get("id") for answer in answers] == [1, None]
    assert answers[1]["error"]["code"] == ErrorCode.INVALID_REQUEST
    assert await address.answer(call % b"", run) == b""
    assert await address.answer(b"[" + call % b"" + b"]", run) == b""
    assert msgspec.json.decode(await address.answer(b"{", run))["error"]["code"] == ErrorCode.PARSE_ERROR


async def test_calls_are_counted_by_method_and_outcome_never_by_what_was_sent() -> None:
    metrics = Metrics()
    address = RpcAddress(REGISTRY, Audience.OWNER, metrics=metrics, supervisor=Supervisor(SeededEntropy(b"s")))
    await ask(address, "add", '{"left":1}')
    await ask(address, "evil-name")
    text = metrics.text().decode()
    assert 'parley_rpc_calls_total{audience="owner",method="add",outcome="ok"} 1.0' in text
    assert 'parley_rpc_calls_total{audience="owner",method="unknown",outcome="method_not_found"} 1.0' in text
    assert "evil-name" not in text


def test_names_are_unique_within_an_audience() -> None:
    first = REGISTRY.commands[0]
    with pytest.raises(LocalError):
        Registry([first, Command(method=first.method, audience=Audience.OWNER, parameters=Sum, run=run, summary="x")])
    with pytest.raises(LocalError):
        Registry(
            [
                first,
                Command(
                    method="other", audience=Audience.OWNER, parameters=Sum, run=run, summary="x", words=first.words
                ),
            ]
        )
    assert REGISTRY.find(Audience.FOREIGN, "add") is None


def test_the_openrpc_document_names_every_parameter_and_refusal() -> None:
    document = openrpc_document(REGISTRY)
    add = next(method for method in document["methods"] if method["name"] == "add")
    assert [(one["name"], one["required"], one["description"]) for one in add["params"]] == [
        ("left", True, "one number"),
        ("right", False, "another"),
    ]
    assert add["params"][0]["schema"]["maximum"] == 9
