"""Agreement of the primitives with the files in vectors/."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from parley.errors import PeerError
from parley.primitives import schnorr
from parley.primitives.encoding import Reader, encode_bytes, encode_text, encode_uint
from parley.primitives.hashing import hmac_sha256, keccak256, sha256, tagged_hash
from tests.oracles import bip340

VECTORS = Path(__file__).parents[2] / "vectors"
Case = dict[str, Any]


def load(name: str) -> list[Any]:
    cases: list[Case] = json.loads((VECTORS / name).read_text())
    return [pytest.param(case, id=case.get("name", case.get("signature"))) for case in cases]


def load_bip340() -> list[Any]:
    with (VECTORS / "schnorr" / "bip340.csv").open(newline="") as file:
        return [pytest.param(row, id=f"{row['index']} {row['comment']}".strip()) for row in csv.DictReader(file)]


def test_the_bip340_file_is_whole() -> None:
    rows = [parameters.values[0] for parameters in load_bip340()]
    assert [int(row["index"]) for row in rows] == list(range(19))
    assert sum(row["verification result"] == "FALSE" for row in rows) == 10


@pytest.mark.parametrize("row", load_bip340())
def test_bip340_verification(row: dict[str, str]) -> None:
    public, message, signature = (bytes.fromhex(row[name]) for name in ("public key", "message", "signature"))
    expected = row["verification result"] == "TRUE"
    assert schnorr.verify(public, message, signature) is expected
    assert bip340.verify(public, message, signature) is expected


@pytest.mark.parametrize("row", [p for p in load_bip340() if p.values[0]["secret key"]])
def test_bip340_signing(row: dict[str, str]) -> None:
    secret, public, entropy, message, signature = (
        bytes.fromhex(row[name]) for name in ("secret key", "public key", "aux_rand", "message", "signature")
    )
    assert schnorr.public_key(secret) == bip340.public_key(secret) == public
    assert schnorr.sign(secret, message, entropy) == bip340.sign(secret, message, entropy) == signature


@pytest.mark.parametrize("case", load("hashing/sha256.json"))
def test_sha256(case: Case) -> None:
    assert sha256(*[bytes.fromhex(case["message"])] * case["repeat"]).hex() == case["digest"]


@pytest.mark.parametrize("case", load("hashing/keccak256.json"))
def test_keccak256(case: Case) -> None:
    assert keccak256(*[bytes.fromhex(case["message"])] * case["repeat"]).hex() == case["digest"]


@pytest.mark.parametrize("case", load("hashing/selectors.json"))
def test_keccak256_gives_the_selectors_of_functions(case: Case) -> None:
    assert keccak256(case["signature"].encode())[:4].hex() == case["selector"]


@pytest.mark.parametrize("case", load("hashing/hmac_sha256.json"))
def test_hmac_sha256(case: Case) -> None:
    assert hmac_sha256(bytes.fromhex(case["key"]), bytes.fromhex(case["message"])).hex() == case["mac"]


@pytest.mark.parametrize("case", load("hashing/tagged_hash.json"))
def test_tagged_hash(case: Case) -> None:
    assert tagged_hash(case["tag"], bytes.fromhex(case["message"])).hex() == case["digest"]


@pytest.mark.parametrize("case", load("encoding/uint.json"))
def test_uint(case: Case) -> None:
    value, encoded = int(case["value"]), bytes.fromhex(case["encoded"])
    assert encode_uint(value, case["size_bytes"]) == encoded
    reader = Reader(encoded)
    assert reader.uint(case["size_bytes"]) == value
    reader.finish()


@pytest.mark.parametrize("case", load("encoding/bytes.json"))
def test_bytes(case: Case) -> None:
    raw, encoded = bytes.fromhex(case["raw"]), bytes.fromhex(case["encoded"])
    assert encode_bytes(raw, length_bytes=case["length_bytes"]) == encoded
    reader = Reader(encoded)
    assert reader.bytes_(case["length_bytes"], len(raw)) == raw
    reader.finish()


@pytest.mark.parametrize("case", load("encoding/text.json"))
def test_text(case: Case) -> None:
    text, encoded = case["text"], bytes.fromhex(case["encoded"])
    assert encode_text(text, length_bytes=case["length_bytes"]) == encoded
    reader = Reader(encoded)
    assert reader.text(case["length_bytes"], len(encoded)) == text
    reader.finish()


@pytest.mark.parametrize("case", load("encoding/refused.json"))
def test_refused(case: Case) -> None:
    raw = bytes.fromhex(case["raw"])
    reader = Reader(raw)
    with pytest.raises(PeerError) as caught:
        getattr(reader, case["read"])(*case["arguments"])
    assert caught.value.code.name == case["code"]
    assert reader.fixed(len(raw)) == raw
