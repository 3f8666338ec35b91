"""The node does what its OpenAPI document says, whatever is sent, and never fails for it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from parley.adapters.upload.openapi import openapi_document
from parley.node.commands import ALL_COMMANDS
from parley.node.registry import Registry
from parley.node.serving import build_application
from parley.node.wiring import Node
from parley.upload.config import UploadConfig
from parley.upload.messages import TicketAnswer, TicketRequest
from tests.unit.node.parts import make_node

EXAMPLES = 15
ALICE = hashlib.sha256(b"alice").digest()
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(openapi_document())


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with tempfile.TemporaryDirectory() as folder:
        yield make_node(Path(folder), upload=UploadConfig(floor_units=1, ceiling_units=1))


@pytest.fixture(scope="module")
def granted(node: Node) -> str:
    """Return a ticket that admits uploads."""

    async def ask() -> str:
        answer = await node.tickets.request(TicketRequest(ALICE, ALICE), owner=ALICE, source="")
        assert isinstance(answer, TicketAnswer)
        return answer.ticket_id

    return asyncio.run(ask())


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_answers_are_as_the_document_says(case: schemathesis.Case[Any], node: Node, granted: str) -> None:
    headers = {"host": "127.0.0.1"}
    if case.path.startswith("/incoming"):
        headers["x-bitmaelum-ticket"] = granted
    elif case.path.startswith(("/address", "/account", "/box")):
        headers["authorization"] = "Basic " + base64.b64encode(f"parley:{node.owner_secret}".encode()).decode()
    application = build_application(node, Registry(ALL_COMMANDS), "127.0.0.1", None)
    case.call_and_validate(app=application, base_url="http://127.0.0.1", checks=CHECKS, headers=headers)


def test_the_document_is_json_and_has_every_route() -> None:
    document = json.loads(json.dumps(openapi_document()))
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {
        "/address/{hash}/ticket",
        "/account/{hash}/ticket",
        "/ticket",
        "/ticket/{id}",
        "/ticket/{id}/image",
        "/ticket/{id}/audio",
        "/incoming",
        "/incoming/header",
        "/incoming/catalog",
        "/incoming/block/{id}",
        "/incoming/attachment/{id}",
        "/box/{mailbox}",
        "/box/{mailbox}/{message}",
        "/box/{mailbox}/{message}/{part}",
    }
