"""Feed damaged bytes to every decoder: python -m fuzz.run [--target NAME] [--iterations N] [--seed N].

A target is a file `fuzz/fuzz_<name>.py` with a function `fuzz_one(data: bytes) -> None`, and good inputs to
damage in `fuzz/corpus/<name>/`. First the corpus itself is fed, then N damaged inputs: by turns one that is
changed in one byte (each byte of each file in its turn), and one that is changed as a whole. Only PeerError may
escape; whatever else does is our bug, and its input is kept in `build/fuzz/`. To keep it from coming back, move
that file into the corpus.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from parley.errors import PeerError

__all__ = ["Finding", "fuzz", "load_corpus", "load_target", "main", "mutations", "target_names"]

Target = Callable[[bytes], None]

HERE = Path(__file__).parent
FINDINGS = HERE.parent / "build" / "fuzz"
LARGEST_BYTES = 4_096
"""Longer inputs only cost time: no decoder has a limit that needs more to be reached."""

_TELLING_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF)


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that made something else than PeerError escape."""

    data: bytes
    error: Exception


def target_names() -> list[str]:
    """Return the names of all targets, from the files beside this one."""
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def load_target(name: str) -> Target:
    """Return the function of a target."""
    target: Target = import_module(f"fuzz.fuzz_{name}").fuzz_one
    return target


def load_corpus(name: str) -> list[bytes]:
    """Return the good inputs of a target in the order of their file names; at least the empty one."""
    folder = HERE / "corpus" / name
    return [path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()] or [b""]


def mutations(corpus: list[bytes], dice: random.Random) -> Iterator[bytes]:
    """Yield damaged inputs without end: one byte changed, then the whole, by turns."""
    while True:
        for seed in corpus:
            for position in range(max(1, len(seed))):
                yield _damage_byte(seed, position, dice)
                yield _damage_whole(dice.choice(corpus), corpus, dice)


def fuzz(target: Target, corpus: list[bytes], iterations: int, dice: random.Random) -> Finding | None:
    """Feed the corpus and then `iterations` damaged inputs; return the first that breaks the rule."""
    damaged = mutations(corpus, dice)
    for number in range(len(corpus) + iterations):
        data = corpus[number] if number < len(corpus) else next(damaged)
        try:
            target(data)
        except PeerError:
            continue
        except Exception as error:  # noqa: BLE001 - every other exception is what is looked for
            return Finding(data, error)
    return None


def _damage_byte(seed: bytes, position: int, dice: random.Random) -> bytes:
    head, rest = seed[:position], seed[position + 1 :]
    match dice.randrange(5):
        case 0:
            return head
        case 1:
            return head + rest
        case 2:
            return head + bytes([dice.choice(_TELLING_BYTES)]) + rest
        case 3:
            return head + bytes([dice.randrange(256)]) + seed[position:]
        case _:
            old = seed[position] if seed else 0
            return head + bytes([old ^ (1 << dice.randrange(8))]) + rest


def _damage_whole(seed: bytes, corpus: list[bytes], dice: random.Random) -> bytes:
    data = seed
    for _ in range(dice.randint(1, 4)):
        start, end = sorted((dice.randint(0, len(data)), dice.randint(0, len(data))))
        match dice.randrange(5):
            case 0:
                data = data[:start] + dice.randbytes(end - start) + data[end:]
            case 1:
                data = data[:start] + data[end:]
            case 2:
                data = data[:end] + data[start:end] * dice.randint(1, 4) + data[end:]
            case 3:
                data = data[:start] + dice.choice(corpus)[end:]
            case _:
                data = data[:start] + dice.randbytes(dice.randint(1, 32)) + data[start:]
    return data[:LARGEST_BYTES]


def _keep(name: str, finding: Finding) -> Path:
    FINDINGS.mkdir(parents=True, exist_ok=True)
    path = FINDINGS / f"{name}-{hashlib.sha256(finding.data).hexdigest()[:12]}.bin"
    path.write_bytes(finding.data)
    return path


def _parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description="Feed damaged bytes to decoders.")
    parser.add_argument("--target", default="all", choices=["all", *target_names()])
    parser.add_argument("--iterations", type=int, default=20_000, help="damaged inputs per target")
    parser.add_argument("--seed", type=int, default=None, help="repeat the run that printed this seed")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run the targets asked for; return 1 if anything was found."""
    options = _parse_arguments(arguments)
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    names = target_names() if options.target == "all" else [options.target]
    print(f"seed {seed}, {options.iterations} damaged inputs per target")
    found = 0
    for name in names:
        corpus = load_corpus(name)
        # Each target has dice of its own, so that it repeats whether run alone or among all.
        finding = fuzz(load_target(name), corpus, options.iterations, random.Random(f"{seed}/{name}"))
        if finding is None:
            print(f"{name}: only PeerError escaped (corpus of {len(corpus)})")
            continue
        found += 1
        print(f"{name}: {finding.error!r} escaped; input of {len(finding.data)} bytes in {_keep(name, finding)}")
        traceback.print_exception(finding.error)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
