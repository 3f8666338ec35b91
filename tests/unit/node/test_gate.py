from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from parley.adapters.jsonrpc.documents import WorkDocument, work_document
from parley.adapters.jsonrpc.greetings import ChallengeDocument
from parley.errors import ErrorCode, PeerError
from parley.node.gate import Gate
from parley.node.registry import Refusal
from parley.node.wiring import Node
from parley.primitives.instants import Instant
from parley.protocol.challenges import parse_challenge
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Solution
from tests.unit.node.parts import SetClock, make_node

SENDER = b"\x05" * 32
ACT = b"what is asked for"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def node(tmp_path: Path, clock: SetClock) -> Node:
    return make_node(tmp_path, clock, public=True)


async def knock(gate: Gate, work: WorkDocument | None, act: bytes = ACT, sender: bytes = SENDER) -> Refusal | None:
    return await gate.admit(sender=sender, act=act, purpose="pool_push", units=1, work=work)


def solved(refusal: Refusal | None) -> WorkDocument:
    assert refusal is not None
    offered = refusal.data["challenges"][0]
    assert isinstance(offered, ChallengeDocument)
    challenge = parse_challenge(base64.b64decode(offered.challenge))
    step = ProofOfWork().start(challenge).step(10_000_000)
    assert isinstance(step, Solution)
    return work_document(challenge, step.proof)


def code(refusal: Refusal | None) -> ErrorCode:
    assert refusal is not None
    assert refusal.data["challenges"], "every refusal says how to go on"
    return refusal.rejected.code


async def test_work_opens_the_gate_for_one_act(node: Node) -> None:
    work = solved(await knock(node.gate, None))
    assert await knock(node.gate, work) is None
    assert await knock(node.gate, work) is None, "the same act again is a repeat, not another"
    assert code(await knock(node.gate, work, act=b"another")) is ErrorCode.WORK_REJECTED
    assert code(await knock(node.gate, work, sender=b"\x06" * 32)) is ErrorCode.WORK_REJECTED


async def test_without_work_there_is_a_price(node: Node) -> None:
    refusal = await knock(node.gate, None)
    assert code(refusal) is ErrorCode.WORK_REQUIRED
    assert refusal is not None
    assert refusal.data["challenges"][0].expected_tries == 4_096


async def test_expired_work_is_refused(node: Node, clock: SetClock) -> None:
    work = solved(await knock(node.gate, None))
    clock.moment = Instant(clock.moment + node.config.work.challenge_ms)
    assert code(await knock(node.gate, work)) is ErrorCode.EXPIRED


async def test_work_for_another_node_is_refused(node: Node, tmp_path: Path) -> None:
    other = make_node(tmp_path / "other", public=True)
    work = solved(await knock(other.gate, None))
    assert code(await knock(node.gate, work)) is ErrorCode.WORK_REJECTED


async def test_the_challenge_survives_a_restart(node: Node, tmp_path: Path, clock: SetClock) -> None:
    work = solved(await knock(node.gate, None))
    again = make_node(tmp_path, clock, public=True)
    assert await knock(again.gate, work) is None


@pytest.mark.parametrize("work", [WorkDocument("!", "AA=="), WorkDocument("AAAA", "AA=="), WorkDocument("", "")])
async def test_nonsense_is_the_callers_fault(node: Node, work: WorkDocument) -> None:
    with pytest.raises(PeerError):
        await knock(node.gate, work)


async def test_many_at_once_with_one_work_all_do_the_same_act(node: Node) -> None:
    work = solved(await knock(node.gate, None))
    assert await asyncio.gather(*(knock(node.gate, work) for _ in range(50))) == [None] * 50
