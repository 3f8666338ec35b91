"""The life of the demo: tell the story, stay until Ctrl-C, and leave nothing behind."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

from parley.demo.figures import Figures
from parley.demo.network import ASKING, DemoNetwork
from parley.demo.payments import LOTTERY_SETTINGS
from parley.demo.story import Story
from parley.devchains.evm import ContractsConfig
from parley.node.devchain_serving import served_chain
from parley.node.program import Output, Program, Tone

__all__ = ["run_demo"]

_INTERRUPTS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NS_PER_MS: Final = 1_000_000
_BLOCK_MS: Final = 400
_ROUND_BLOCKS: Final = 12


async def run_demo(program: Program, *, is_once: bool) -> int:
    """Tell the story and leave the nodes running until SIGINT, SIGTERM or SIGHUP.

    Args:
        program: to print with.
        is_once: end with the story.

    Returns:
        The exit code: 0 when the story was told, 1 when it was interrupted.

    Raises:
        ParleyError: a node did not start, or did not do what it should.
    """
    begun_ns = time.monotonic_ns()
    interrupted = _cancel_when_interrupted()
    output = program.output
    is_told = False
    try:
        async with served_chain(block_ms=_BLOCK_MS, contracts=ContractsConfig(round_blocks=_ROUND_BLOCKS)) as chain:
            with DemoNetwork(f'[chain]\nurl = "{chain.url}"\n{LOTTERY_SETTINGS}') as network:
                figures = await Story(output, network).tell(begun_ns // _NS_PER_MS)
                is_told = True
                output.document(figures)
                if not is_once:
                    _show_ways_on(program, network, figures)
                    await asyncio.Event().wait()
                _say_goodbye(output)
    except asyncio.CancelledError:
        if not interrupted.is_set():
            raise
        _say_goodbye(output)
    return 0 if is_told else 1


def _cancel_when_interrupted() -> asyncio.Event:
    """Let the first interrupt cancel this task; further ones change nothing, so that cleaning up is never cut short."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    interrupted = asyncio.Event()

    def interrupt() -> None:
        if task is not None and not interrupted.is_set():
            interrupted.set()
            task.cancel()

    for number in _INTERRUPTS:
        loop.add_signal_handler(number, interrupt)
    return interrupted


def _say_goodbye(output: Output) -> None:
    output.line()
    output.line("Stopping all nodes and removing their directories.", Tone.FAINT)


def _show_ways_on(program: Program, network: DemoNetwork, figures: Figures) -> None:
    output = program.output
    parley, data_dir = _program_words(), shlex.quote(str(network.nodes[ASKING].directory.path))
    output.line()
    output.line("Go on", Tone.HEADING)
    output.line(f"  The web page of node {ASKING}:  {figures.page}")
    output.line(f"  What node {figures.payments.recipient} was paid:  {figures.payments.page}")
    output.line("  From another terminal:")
    for words in ("pool query swap btc sell --deepness 4", "pool push hello world --message hi", "peers ls"):
        output.line(f"    {parley} {words} --data-dir {data_dir}", Tone.GOOD)
    output.line("  The nodes run until Ctrl-C; then they and their directories are gone.")


def _program_words() -> str:
    """Return how this very program is called from anywhere."""
    called = Path(sys.argv[0]).absolute()
    if called.name != "parley":
        return f"{shlex.quote(sys.executable)} -m parley"
    return "parley" if shutil.which("parley") == str(called) else shlex.quote(str(called))
