"""The beacon, its draws and our commitments a second time, with `hashlib`, `hmac` and `struct` alone.

`python -m tests.oracles.beacon` says whether the files in vectors/ still are what this makes; with --write it
writes them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path
from typing import Any

from tests.oracles import bip340
from tests.oracles import ecdsa as oracle_ecdsa
from tests.oracles.keccak import keccak256

__all__ = ["below", "commitment", "files", "order", "rand", "seed", "tagged", "weighted"]

VECTORS = Path(__file__).parents[2] / "vectors"
FOO = "41b1a0649752af1b28b3dc29a1556eee781e4a4c3a1f7f53f90fa834de098c4d"
Case = dict[str, Any]


def tagged(tag: str, message: bytes) -> bytes:
    tag_hash = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(tag_hash + tag_hash + message).digest()


def commitment(profile: str, context: bytes, seat: int, nonce: bytes) -> bytes:
    if profile == "evm":
        return keccak256(nonce)
    return tagged("parley/beacon/commit", context + struct.pack(">H", seat) + nonce)


def _fixed(leaf: Case) -> bytes:
    match leaf["kind"]:
        case "hash":
            kind, body = 0, bytes.fromhex(leaf["commitment"])
        case "signature":
            kind, body = 1, bytes.fromhex(leaf["signer"] + leaf["digest"])
        case _:
            kind, body = 2, leaf["chain"].encode() + struct.pack(">Q", int(leaf["height"]))
    return struct.pack(">BH", kind, len(body)) + body


def seed(profile: str, context: bytes, leaves: list[Case]) -> bytes:
    values = [bytes.fromhex(leaf["value"]) for leaf in leaves]
    if profile == "evm":
        return keccak256(b"".join(values))
    message = context + struct.pack(">H", len(leaves)) + b"".join(_fixed(leaf) for leaf in leaves)
    return tagged("parley/beacon/seed", message + b"".join(struct.pack(">H", len(raw)) + raw for raw in values))


def _below(seed32: bytes, kind: int, label: str, bound: int, start: int = 0) -> tuple[int, int]:
    """Return a number below the bound, and the number of the next word."""
    limit = 2**256 // bound * bound
    while True:
        message = seed32 + bytes([kind, len(label)]) + label.encode() + struct.pack(">I", start)
        word = int.from_bytes(tagged("parley/beacon/draw", message), "big")
        start += 1
        if word < limit:
            return word % bound, start


def below(seed32: bytes, label: str, bound: int) -> int:
    return _below(seed32, 0, label, bound)[0]


def weighted(seed32: bytes, label: str, weights: list[int]) -> int:
    number = _below(seed32, 1, label, sum(weights))[0]
    tickets_before = 0
    for index, weight in enumerate(weights):
        tickets_before += weight
        if number < tickets_before:
            return index
    raise AssertionError


def order(seed32: bytes, label: str, places: int) -> list[int]:
    left, found, word = list(range(places)), [], 0
    while left:
        index, word = _below(seed32, 2, label, len(left), word)
        found.append(left[index])
        del left[index]
    return found


def rand(secret: bytes, quote: Case) -> bytes:
    message = hashlib.sha256(b"parley/lottery/recipient-rand/v1").digest()
    message += int(quote["chain_id"]).to_bytes(32, "big")
    message += bytes.fromhex(quote["broker"] + quote["recipient"] + quote["sender"])
    for name in ("face_value", "win_prob", "expiration_block", "per_unit_wei", "units", "round"):
        message += int(quote[name]).to_bytes(32, "big")
    message += bytes.fromhex(quote["block_hash"]) + int(quote["seed"]).to_bytes(32, "big")
    return hmac.digest(secret, message, "sha256")


def _hash_leaf(profile: str, context: bytes, seat: int, byte: int) -> Case:
    nonce = bytes([byte]) * 32
    return {
        "kind": "hash",
        "commitment": commitment(profile, context, seat, nonce).hex(),
        "value": nonce.hex(),
    }


def _native() -> list[Case]:
    context = hashlib.sha256(b"one draw").digest()
    secret, digest = b"\x0b" * 32, hashlib.sha256(b"digest").digest()
    signed = {
        "kind": "signature",
        "signer": bip340.public_key(secret).hex(),
        "digest": digest.hex(),
        "value": bip340.sign(secret, digest, bytes(32)).hex(),
    }
    block = {"kind": "chain", "chain": "decred", "height": "850000", "value": hashlib.sha256(b"block").hexdigest()}
    cases = [
        ("one seat", [_hash_leaf("native", context, 0, 1)]),
        ("three seats", [_hash_leaf("native", context, seat, seat + 1) for seat in range(3)]),
        ("the same nonces, other seats", [_hash_leaf("native", context, seat, 3 - seat) for seat in range(3)]),
        ("seats and a block", [_hash_leaf("native", context, 0, 1), _hash_leaf("native", context, 1, 2), block]),
        ("a signature", [signed, _hash_leaf("native", context, 1, 1)]),
    ]
    return [
        {"name": name, "context": context.hex(), "leaves": leaves, "seed": seed("native", context, leaves).hex()}
        for name, leaves in cases
    ]


def _evm() -> list[Case]:
    secret = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
    digest = bytes.fromhex("9eb5edaf54d85f2aec473343e668b94c6569cc31d53a83af022d1a607fb647eb")
    signed = {
        "kind": "signature",
        "signer": keccak256(oracle_ecdsa.public_key(secret))[12:].hex(),
        "digest": digest.hex(),
        "value": oracle_ecdsa.sign(secret, digest).hex(),
    }
    five = {"kind": "hash", "commitment": keccak256(bytes(31) + b"\x05").hex(), "value": (bytes(31) + b"\x05").hex()}
    block = {"kind": "chain", "chain": "evm", "height": "10", "value": FOO}
    cases = [
        ("a lottery ticket", [signed, five]),
        ("one preimage", [five]),
        ("two preimages", [_hash_leaf("evm", b"", 0, 1), _hash_leaf("evm", b"", 1, 2)]),
        ("a ticket and a block", [signed, five, block]),
    ]
    return [
        {"name": name, "context": "", "leaves": leaves, "seed": seed("evm", b"", leaves).hex()}
        for name, leaves in cases
    ]


def _draws() -> list[Case]:
    cases: list[Case] = []
    for number in range(4):
        seed32 = hashlib.sha256(b"seed %d" % number).digest()
        start: Case = {"seed": seed32.hex()}
        cases += [
            start | {"kind": "below", "label": label, "bound": str(bound), "result": str(below(seed32, label, bound))}
            for label, bound in (("a", 6), ("b", 6), ("a", 1), ("a", 2**256), ("a", 2**255 + 1), ("x" * 32, 10**9))
        ]
        cases += [
            start
            | {"kind": "weighted", "label": "voter", "weights": weights, "result": weighted(seed32, "voter", weights)}
            for weights in ([1, 1, 1], [0, 5, 0], [10**9, 3 * 10**9, 1], [7])
        ]
        cases += [
            start
            | {"kind": "order", "label": "collector", "places": places, "result": order(seed32, "collector", places)}
            for places in (1, 2, 10)
        ]
        value = int.from_bytes(seed32, "big")
        cases += [
            start | {"kind": "wins", "threshold": str(threshold), "result": value < threshold}
            for threshold in (0, value, value + 1, 2**256 - 1)
        ]
    return [{"name": f"{number}: {case['kind']}"} | case for number, case in enumerate(cases)]


def _commitments() -> list[Case]:
    quote = {
        "chain_id": "31337", "broker": "5FbDB2315678afecb367f032d93F642f64180aa3".lower(),
        "recipient": "70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "sender": "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "face_value": "100000000", "win_prob": str(5 * (2**256 // 10**8)), "expiration_block": "41",
        "per_unit_wei": "1", "units": "1", "round": "10", "block_hash": FOO, "seed": "4660",
    }  # fmt: skip
    numbers = ("chain_id", "face_value", "win_prob", "expiration_block", "seed")
    changes: list[tuple[str, Case]] = [
        ("as it is", {}),
        ("on another chain", {"chain_id": "1"}),
        ("at another broker", {"broker": "00" * 20}),
        ("face value and probability split otherwise", {"face_value": "1000000000", "win_prob": "5"}),
        ("the same price in other words", {"per_unit_wei": "2", "units": "2"}),
        ("no round", {"round": "0", "block_hash": "00" * 32}),
        ("largest numbers", dict.fromkeys(numbers, str(2**256 - 1))),
    ]  # fmt: skip
    secret = b"\x03" + bytes(31)
    cases = []
    for name, change in changes:
        found = rand(secret, quote | change)
        cases.append(
            {"name": name, "secret": secret.hex(), "quote": quote | change, "recipient_rand": found.hex(),
             "commitment": keccak256(found).hex()}
        )  # fmt: skip
    return cases


def files() -> dict[str, list[Case]]:
    return {
        "beacon/native.json": _native(),
        "beacon/evm.json": _evm(),
        "beacon/draws.json": _draws(),
        "lottery/commitments.json": _commitments(),
    }


def main(arguments: list[str]) -> int:
    stale = []
    for name, cases in files().items():
        text = json.dumps(cases, indent=2) + "\n"
        path = VECTORS / name
        if "--write" in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif path.read_text() != text:
            stale.append(name)
    sys.stdout.write(f"stale: {', '.join(stale)}\n" if stale else "all as they are made\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
