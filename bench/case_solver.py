"""How much faster the compiled search is than what a Python program, and a sender of spam, would run instead."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial

from bench.measure import Case
from parley.primitives.sha256_search import ENGINE, HASHLIB, Engine, HexSearch, LinearSearch, Search

__all__ = ["CASES"]

LINEAR = LinearSearch(bytes(range(32)), 1)
HEXADECIMAL = HexSearch(b"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", 1)
FIRST = 2**24  # counters of seven hexadecimal digits, as a challenge of 25 bits has
HASHLIB_TRIES = 50_000
ENGINE_TRIES = 1_000_000
HASHCASH_BITS = 20
HASHCASH_TRIES = 2_000_000
VERIFIED = 5_000
VERIFY_NS = 2_000
TARGETS = {"avx512": 20.0, "sha_ni": 5.0, "avx2": 3.0, "portable": 1.5}


def _search(engine: Engine, search: Search, tries: int) -> int:
    """Try counters of which none is good, on one core."""
    if engine.find(search, FIRST, tries) is not None:
        message = "a digest of 255 leading zero bits; the engine is wrong"
        raise RuntimeError(message)
    return tries


def _mint() -> int:
    """Let `hashcash` make stamps, and add up the tries that it reports."""
    tries = 0
    while tries < HASHCASH_TRIES:
        done = subprocess.run(
            ["hashcash", "-mvb", str(HASHCASH_BITS), "bench"], capture_output=True, text=True, check=True
        )
        reported = re.search(r"^tries: (\d+)", done.stdout + done.stderr, flags=re.MULTILINE)
        if reported is None:
            message = "hashcash does not say how many tries it took"
            raise RuntimeError(message)
        tries += int(reported[1])
    return tries


def _allow() -> int:
    """Let two microseconds pass for each proof."""
    deadline_ns = time.perf_counter_ns() + VERIFIED * VERIFY_NS
    while time.perf_counter_ns() < deadline_ns:
        pass
    return VERIFIED


def _verify(search: Search) -> int:
    is_good = search.is_good
    for counter in range(FIRST, FIRST + VERIFIED):
        is_good(counter)
    return VERIFIED


def _against_hashlib(name: str, search: Search) -> Case:
    return Case(
        name=f"solver_{name}",
        description=f"search counters of the {name} form on one core, engine {ENGINE.name}; "
        "reference: a tuned loop with hashlib",
        reference=partial(_search, HASHLIB, search, HASHLIB_TRIES),
        subject=partial(_search, ENGINE, search, ENGINE_TRIES),
        target=TARGETS[ENGINE.name],
    )


def _within_2_us(name: str, search: Search) -> Case:
    verify: Callable[[], int] = partial(_verify, search)
    return Case(
        name=f"verify_{name}",
        description=f"judge a counter of the {name} form; reference: two microseconds pass for each",
        reference=_allow,
        subject=verify,
        target=1.0,
    )


CASES = [_within_2_us("linear", LINEAR), _within_2_us("hex", HEXADECIMAL)]
if ENGINE != HASHLIB:
    CASES += [_against_hashlib("linear", LINEAR), _against_hashlib("hex", HEXADECIMAL)]
if shutil.which("hashcash") is not None:
    CASES.append(
        Case(
            name="solver_hashcash",
            description=f"search counters of the linear form on one core, engine {ENGINE.name}; "
            "reference: the program hashcash, which hashes with SHA-1",
            reference=_mint,
            subject=partial(_search, ENGINE, LINEAR, ENGINE_TRIES),
            target=1.0,
        )
    )
