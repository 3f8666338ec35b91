"""The act of the demo in which a stranger earns the permission to write: sealed, paid for by work, opened.

Everything is done by the commands that a person would type, each a process of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from parley.demo.figures import LetterFigures
from parley.errors import ErrorCode, LocalError
from parley.testing.processes import NodeProcess

__all__ = ["LETTER", "send_letter"]

LETTER: Final = "Does your offer of 1,000 MWC stand? I have the BTC here."
"""What the stranger writes."""

_NS_PER_MS: Final = 1_000_000
_EARNED: Final = "parley_upload_tickets_earned_total"
_TIMEOUT_S: Final = 10


async def send_letter(sender: NodeProcess, recipient: NodeProcess) -> LetterFigures:
    """Send a letter from one node's owner to another's, and open it there.

    Args:
        sender: runs.
        recipient: runs too.

    Raises:
        LocalError: WRONG_STATE: a command failed.
    """
    contact = (await _parley(recipient, "inbox", "address"))["contact"]
    earned = await asyncio.to_thread(_earned, recipient)
    begun_ns = time.monotonic_ns()
    await _parley(sender, "send", contact, "--message", LETTER, "--wait")
    elapsed_ms = (time.monotonic_ns() - begun_ns) // _NS_PER_MS
    opened = await _parley(recipient, "inbox", "list")
    return LetterFigures(
        sender=sender.name,
        recipient=recipient.name,
        contact=contact,
        texts=tuple(letter["text"] for letter in opened),
        earned={
            method: count - earned.get(method, 0)
            for method, count in (await asyncio.to_thread(_earned, recipient)).items()
        },
        is_readable_at_node=await asyncio.to_thread(_is_readable, recipient.directory.path),
        elapsed_ms=elapsed_ms,
    )


async def _parley(node: NodeProcess, *words: str) -> Any:  # noqa: ANN401  # any JSON
    program = (sys.executable, "-m", "parley", "--data-dir", str(node.directory.path), "--json")
    process = await asyncio.create_subprocess_exec(
        *program, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise LocalError(ErrorCode.WRONG_STATE, command=" ".join(words[:2]), exit_code=process.returncode)
    return msgspec.json.decode(printed)


def _earned(node: NodeProcess) -> dict[str, int]:
    """Return how many tickets were earned at a node, by kind of work, from its metrics."""
    with urllib.request.urlopen(f"{node.url}/metrics", timeout=_TIMEOUT_S) as answer:  # noqa: S310  # a node of ours
        text = answer.read().decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {sample.labels["method"]: int(sample.value) for sample in samples if sample.name == _EARNED}


def _is_readable(directory: Path) -> bool:
    """Say whether the letter stands anywhere in the node's files."""
    letter = LETTER.encode()
    return any(letter in file.read_bytes() for file in directory.rglob("*") if file.is_file())
