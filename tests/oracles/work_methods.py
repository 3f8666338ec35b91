"""A second opinion on what the kinds of work draw from a seed, and the vectors from it.

Nothing here comes from the code under test: `hashlib`, `hmac`, plain integers, and Argon2id as OpenSSL has it.

    python -m tests.oracles.work_methods        prints nothing when vectors/work holds what this makes
    python -m tests.oracles.work_methods write  writes its files there
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

__all__ = ["FILES", "chain_end", "made", "oakley_prime"]

FOLDER = Path(__file__).parents[2] / "vectors" / "work"
FILES = ("bitmaelum_issued.json", "captcha.json", "math.json", "memory.json", "roots.json", "wait.json")
SEEDS = (bytes(32), bytes(range(32)), b"\xff" * 32, hashlib.sha256(b"seed").digest())

Case = dict[str, object]


def tagged(tag: str, content: bytes) -> bytes:
    tag_digest = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(tag_digest + tag_digest + content).digest()


def oakley_prime() -> int:
    """Return the second Oakley group by its formula, with pi by the one of Machin."""
    one = 1 << 1_200

    def inverse_arctangent(divisor: int) -> int:
        total = term = one // divisor
        odd, sign = 3, -1
        while term:
            term //= divisor * divisor
            total += sign * (term // odd)
            odd, sign = odd + 2, -sign
        return total

    pi = 4 * (4 * inverse_arctangent(5) - inverse_arctangent(239))
    return 2**1024 - 2**960 - 1 + 2**64 * ((pi >> (1_200 - 894)) + 129_093)


PRIME = oakley_prime()


def next_link(link: int) -> int:
    swapped = link if link == PRIME - 1 else link + 1 if link % 2 == 0 else link - 1
    is_square = pow(swapped, (PRIME - 1) // 2, PRIME) in {0, 1}
    square = swapped if is_square else PRIME - swapped
    root = pow(square, (PRIME + 1) // 4, PRIME)
    wanted = 0 if is_square else 1
    return next(one for one in (root, PRIME - root) if one % 2 == wanted)


def chain_end(link: int, steps: int) -> int:
    for _ in range(steps):
        link = next_link(link)
    return link


def bitmaelum_case(seed: bytes, bits: int) -> Case:
    index = 0
    while True:
        data = base64.b64encode(tagged("parley/work/pow/data", seed + index.to_bytes(4, "big"))).decode()
        digest = hashlib.sha256(hashlib.sha256(data.encode() + b"0").digest()).digest()
        if int.from_bytes(digest, "big") >= 2 ** (256 - bits):
            break
        index += 1
    counter = 0
    while True:
        digest = hashlib.sha256(hashlib.sha256(f"{data}{counter:x}".encode()).digest()).digest()
        if int.from_bytes(digest, "big") < 2 ** (256 - bits):
            break
        counter += 1
    return {"seed": seed.hex(), "bits": bits, "data": data, "drawn": index + 1, "counter": counter}


def memory_case(seed: bytes, memory_kib: int, passes: int, counter_max: int) -> Case:
    drawn = tagged("parley/upload/pow-memory/nonce", seed)
    nonce, salt = drawn[:16], drawn[16:]
    counter = int.from_bytes(tagged("parley/upload/pow-memory/counter", seed), "big") % counter_max
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory_kib)
    key = kdf.derive(nonce + counter.to_bytes(4, "big"))
    domain = b"parley/upload/pow-memory/signature"
    signature = hmac.digest(seed, bytes([len(domain)]) + domain + key, "sha256")
    params = {
        "memory_kib": memory_kib,
        "passes": passes,
        "counter_max": counter_max,
        "nonce": nonce.hex(),
        "salt": salt.hex(),
        "prefix": key[:16].hex(),
        "signature": signature.hex(),
    }
    return {"seed": seed.hex(), "params": params, "counter": counter, "key": key.hex()}


def math_case(seed: bytes, steps: int) -> Case:
    if not steps:
        drawn = tagged("parley/upload/math/sum", seed)
        first, second = (10 + int.from_bytes(drawn[at : at + 8], "big") % 90 for at in (0, 8))
        third = 1 + int.from_bytes(drawn[16:24], "big") % 20
        minus = drawn[24] % 2 == 1
        answer = first + second - third if minus else first + second + third
        data = f"{first} + {second} {'-' if minus else '+'} {third} = ?"
        return {"seed": seed.hex(), "steps": 0, "params": {"data": data}, "result": answer}
    start = b"".join(tagged("parley/upload/math/start", seed + bytes([index])) for index in range(5))
    link = int.from_bytes(start, "big") % PRIME
    params = {"puzzle": "roots", "steps": steps, "start": f"{link:0256x}", "modulus": f"{PRIME:0256x}"}
    return {"seed": seed.hex(), "steps": steps, "params": params, "result": f"{chain_end(link, steps):0256x}"}


def captcha_case(seed: bytes, length: int) -> Case:
    drawn = tagged("parley/upload/captcha/text", seed)
    text = "".join("2346789FHJKLMRWY"[byte & 15] for byte in drawn[:length])
    return {"seed": seed.hex(), "length": length, "text": text}


def roots_cases() -> list[Case]:
    links = (0, 1, 2, 3, PRIME - 1, PRIME - 2, 2**1000 + 1)
    cases = [(link, steps) for link in links for steps in (1, 2)] + [(5, 40), (PRIME // 3, 0)]
    return [
        {"start": f"{link:0256x}", "steps": steps, "end": f"{chain_end(link, steps):0256x}"} for link, steps in cases
    ]


def wait_cases() -> list[Case]:
    return [
        {"expires_ms": 1_800_000_000_000, "lifetime_ms": 1_800_000, "wait_ms": 12_800, "until_ms": 1_799_998_212_800},
        {"expires_ms": 1_800_000, "lifetime_ms": 1_800_000, "wait_ms": 1, "until_ms": 1},
        {"expires_ms": 10, "lifetime_ms": 1_800_000, "wait_ms": 1, "until_ms": 0},
    ]


def made() -> dict[str, list[Case]]:
    """Return what each file holds."""
    return {
        "bitmaelum_issued.json": [bitmaelum_case(seed, bits) for seed in SEEDS for bits in (1, 10)],
        "captcha.json": [captcha_case(seed, length) for seed in SEEDS for length in (6, 16)],
        "math.json": [math_case(seed, steps) for seed in SEEDS for steps in (0, 3)],
        "memory.json": [
            memory_case(seed, memory_kib, passes, counter_max)
            for seed, memory_kib, passes, counter_max in (
                (SEEDS[0], 8, 1, 1),
                (SEEDS[1], 64, 1, 31),
                (SEEDS[2], 64, 3, 100),
                (SEEDS[3], 8_192, 1, 20),
            )
        ],
        "roots.json": roots_cases(),
        "wait.json": wait_cases(),
    }


def main(arguments: list[str]) -> int:
    """Write the files, or name those that hold something else."""
    stale = 0
    for name, cases in made().items():
        text = "[\n" + ",\n".join(f"  {json.dumps(case)}" for case in cases) + "\n]\n"
        path = FOLDER / name
        if arguments == ["write"]:
            path.write_text(text)
        elif path.read_text() != text:
            sys.stdout.write(f"{name} is not what this makes\n")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
