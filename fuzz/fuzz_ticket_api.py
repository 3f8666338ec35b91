"""Bodies of the ticket service, in both dialects: what is read is strict JSON, small, and reads the same again.

A refusal is a value there; here it is raised, so that the runner can tell it from an input that was read.
"""

from __future__ import annotations

import json
from typing import NoReturn

from parley.adapters.upload.bitmaelum import encode_work_text, parse_work_text
from parley.adapters.upload.jwt import bearer_token, check_token, parse_account_key
from parley.adapters.upload.seed_api import TicketProof, parse_ticket_body
from parley.errors import PeerError, Rejected
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.upload.messages import TicketRequest
from parley.upload.methods import Arithmetic, Captcha, MemoryHard, Subscription, Wait

__all__ = ["fuzz_one"]

_METHODS = (ProofOfWork(), Arithmetic(), Captcha(), MemoryHard(), Subscription({}), Wait())
_KEY = parse_account_key('{"kty": "OKP", "crv": "Ed25519", "x": "0EqyMnQrtKszVfcbJpL8c04LzXVrAZ_O-bmsrlTgl0g"}')


def fuzz_one(data: bytes) -> None:
    """Read `data` as a body, as the text of work, as a key and as a token; it decodes as one of the first two."""
    parse_account_key(data.decode("latin-1"))
    _check_token(data)
    work = parse_work_text(data.decode("latin-1"))
    body = parse_ticket_body(data)
    if not isinstance(work, Rejected):
        if encode_work_text(work) != data.decode("latin-1"):
            _fail("the text of work is another one when it is written again")
        return
    match body:
        case Rejected():
            raise PeerError(body.code)
        case TicketRequest():
            again = {
                "sender": body.sender.hex(),
                "recipient": body.recipient.hex(),
                "subscription_id": body.subscription_id,
                "preference": list(body.preference),
            }
            if parse_ticket_body(json.dumps(again).encode()) != body:
                _fail("a request is another one when it is read again")
        case TicketProof():
            _check_proof(data, body)


def _check_proof(data: bytes, proof: TicketProof) -> None:
    json.loads(data.decode())
    for method in _METHODS:
        raw = method.parse_result(proof.result)
        if raw is not None and (
            len(raw) > method.proof_max_bytes or method.parse_result(method.show_result(raw)) != raw
        ):
            _fail(f"a result of {method.name} is another one when it is shown and read again")


def _check_token(data: bytes) -> None:
    token = bearer_token(b"Bearer " + data)
    if token is None or isinstance(_KEY, Rejected):
        return
    if check_token(token, (_KEY,), account=bytes(32), now=Instant(1_800_000_000_000)):
        _fail("a token that nobody signed was believed")


def _fail(what: str) -> NoReturn:
    raise AssertionError(what)
