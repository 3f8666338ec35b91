"""Agreement of the addresses of peers with the files in vectors/peers/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parley.errors import Rejected
from parley.pool.addresses import Address, address_group, address_kind, address_scope, parse_address

VECTORS = Path(__file__).parents[2] / "vectors" / "peers"
Case = dict[str, str]


def load(name: str) -> list[Any]:
    cases: list[Case] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", load("addresses.json"))
def test_an_address_has_one_normal_form_one_kind_one_scope_and_one_group(case: Case) -> None:
    address = parse_address(case["text"])
    assert address == case["address"]
    normal = Address(case["address"])
    assert parse_address(normal) == normal
    assert address_kind(normal).name == case["kind"]
    assert address_scope(normal).name == case["scope"]
    assert address_group(normal) == case["group"]


@pytest.mark.parametrize("case", load("refused_addresses.json"))
def test_what_is_no_address_is_refused(case: Case) -> None:
    refused = parse_address(case["text"])
    assert isinstance(refused, Rejected)
    assert refused.code.name == case["code"]
