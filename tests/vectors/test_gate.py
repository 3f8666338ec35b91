"""Agreement of the gate with the files in vectors/gate/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from parley.errors import ErrorCode, PeerError
from parley.gate.binding import act_of
from parley.gate.lottery_forms import tickets_needed
from parley.gate.middleware import TicketGate
from parley.gate.work_scheme import challenge_of
from parley.gate.x402 import encode_header, parse_required, parse_response, parse_signature
from parley.lottery.params import TicketParams
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry, encode_challenge
from parley.testing.clock import VirtualClock
from tests.unit.gate.stage import Counted

VECTORS = Path(__file__).parents[2] / "vectors" / "gate"
Case = dict[str, Any]


class Counting:
    """Entropy that counts up from zero."""

    def take(self, size_bytes: int) -> bytes:
        return bytes(range(size_bytes))


def load(name: str) -> list[Any]:
    cases: list[Case] = json.loads((VECTORS / name).read_text())
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", load("binding.json"))
def test_binding(case: Case) -> None:
    act = act_of(
        method=case["method"],
        realm=case["realm"],
        target=case["target"].encode(),
        body=bytes.fromhex(case["body"]),
    )
    assert act.digest.hex() == case["digest"]
    assert act.binding().hex() == case["binding"]


@pytest.mark.parametrize("case", load("exchange.json"))
async def test_exchange(case: Case) -> None:
    gate = TicketGate(
        Counted(),
        price_units=1,
        secret=bytes.fromhex(case["secret"]),
        methods=Registry((ProofOfWork(tries_per_unit=1_000),)),
        clock=VirtualClock(Instant(case["now_ms"])),
        entropy=Counting(),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gate)) as client:
        refused = await client.request(case["method"], case["url"])
        paid = await client.request(
            case["method"], case["url"], headers={"PAYMENT-SIGNATURE": case["payment_signature"]}
        )
    assert (refused.status_code, refused.headers["PAYMENT-REQUIRED"]) == (402, case["payment_required"])
    assert (paid.status_code, paid.headers["PAYMENT-RESPONSE"]) == (200, case["payment_response"])


@pytest.mark.parametrize("case", load("exchange.json"))
def test_headers_decode_and_encode_to_the_same(case: Case) -> None:
    required = parse_required(case["payment_required"].encode())
    signature = parse_signature(case["payment_signature"].encode())
    response = parse_response(case["payment_response"].encode())
    challenge = challenge_of(required.accepts[0])
    assert encode_challenge(challenge).hex() == case["challenge"]
    assert challenge.expires_ms == case["expires_ms"]
    assert signature.accepted == required.accepts[0]
    assert encode_header(required).decode() == case["payment_required"]
    assert encode_header(signature).decode() == case["payment_signature"]
    assert encode_header(response).decode() == case["payment_response"]


@pytest.mark.parametrize("case", load("lottery.json"))
def test_tickets_needed(case: Case) -> None:
    params = TicketParams(
        recipient=Address(bytes(20)),
        face_value=int(case["face_value_wei"]),
        win_prob=int(case["win_prob"]),
        recipient_rand_hash=bytes(32),
        seed=0,
        expiration_block=0,
    )
    assert tickets_needed(int(case["amount_wei"]), params) == case["tickets"]


@pytest.mark.parametrize("case", load("refused.json"))
def test_refused(case: Case) -> None:
    with pytest.raises(PeerError) as raised:
        parse_signature(case["value"].encode())
    assert raised.value.code is ErrorCode[case["code"]]
