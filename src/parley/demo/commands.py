"""The command `parley demo`."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from parley.node.program import Program
from parley.node.registry import Audience, Command

__all__ = ["COMMANDS", "Demo", "demo"]


class Demo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `demo`."""

    once: Annotated[bool, Meta(description="end with the story, instead of leaving the nodes running until Ctrl-C")] = (
        False
    )


async def demo(program: Program, parameters: Demo) -> int:
    """Tell the story of a network of real nodes, then leave it running."""
    from parley.demo.running import run_demo

    return await run_demo(program, is_once=parameters.once)


COMMANDS: Final = (
    Command(
        method="demo",
        audience=Audience.LOCAL,
        parameters=Demo,
        run=demo,
        summary="Watch five real nodes find each other's offers, refuse a liar and survive a crash.",
        words=("demo",),
    ),
)
