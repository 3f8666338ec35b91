"""The values that the files in vectors/lottery/ describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parley.lottery import Ticket
from parley.lottery.commitments import Quote
from parley.lottery.params import CreationRound, Price
from parley.primitives.ids import Address

__all__ = ["Case", "load", "quote_of", "ticket_of"]

VECTORS = Path(__file__).parents[2] / "vectors"
Case = dict[str, Any]


def load(name: str) -> list[Any]:
    cases: list[Case] = json.loads((VECTORS / name).read_text())
    return [pytest.param(case, id=case["name"]) for case in cases]


def ticket_of(fields: Case) -> Ticket:
    return Ticket(
        recipient=Address(bytes.fromhex(fields["recipient"])),
        sender=Address(bytes.fromhex(fields["sender"])),
        face_value=int(fields["face_value"]),
        win_prob=int(fields["win_prob"]),
        sender_nonce=int(fields["sender_nonce"]),
        recipient_rand_hash=bytes.fromhex(fields["recipient_rand_hash"]),
        creation_round=int(fields["creation_round"]),
        creation_round_hash=bytes.fromhex(fields["creation_round_hash"]),
    )


def quote_of(fields: Case) -> Quote:
    return Quote(
        chain_id=int(fields["chain_id"]),
        broker=Address(bytes.fromhex(fields["broker"])),
        recipient=Address(bytes.fromhex(fields["recipient"])),
        sender=Address(bytes.fromhex(fields["sender"])),
        face_value=int(fields["face_value"]),
        win_prob=int(fields["win_prob"]),
        expiration_block=int(fields["expiration_block"]),
        price=Price(int(fields["per_unit_wei"]), int(fields["units"])),
        creation_round=CreationRound(int(fields["round"]), bytes.fromhex(fields["block_hash"])),
        seed=int(fields["seed"]),
    )
