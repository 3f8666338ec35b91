"""The program: `parley` and `python -m parley`. Says which words there are and where their commands are found.

Everything is imported when it is used: `parley --help` loads click and this file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from parley.cli.application import run
from parley.cli.tree import Capability

if TYPE_CHECKING:  # slow to load
    from starlette.types import ASGIApp

    from parley.node.registry import Command, Registry
    from parley.node.wiring import Node

__all__ = ["CAPABILITIES", "load_registry", "main"]


def _node_commands() -> tuple[Command, ...]:
    from parley.node.local import LOCAL_COMMANDS
    from parley.node.peering import PEER_COMMANDS

    return (*LOCAL_COMMANDS, *PEER_COMMANDS)


def _local_commands() -> tuple[Command, ...]:
    from parley.node.local import LOCAL_COMMANDS

    return LOCAL_COMMANDS


def _peer_commands() -> tuple[Command, ...]:
    from parley.node.peering import PEER_COMMANDS

    return PEER_COMMANDS


def _pool_commands() -> tuple[Command, ...]:
    from parley.cli.commands import COMMANDS
    from parley.node.owner import OWNER_COMMANDS
    from parley.node.stranger_commands import STRANGER_COMMANDS

    return (*OWNER_COMMANDS, *STRANGER_COMMANDS, *COMMANDS)


def _mail_commands() -> tuple[Command, ...]:
    from parley.node.inbox import MAIL_COMMANDS
    from parley.node.mail_commands import LOCAL_MAIL_COMMANDS

    return (*LOCAL_MAIL_COMMANDS, *MAIL_COMMANDS)


def _account_commands() -> tuple[Command, ...]:
    from parley.node.account_commands import ACCOUNT_COMMANDS
    from parley.node.subscriptions import SUBSCRIPTION_COMMANDS

    return (*ACCOUNT_COMMANDS, *SUBSCRIPTION_COMMANDS)


def _chain_commands() -> tuple[Command, ...]:
    from parley.node.chain_commands import CHAIN_COMMANDS

    return CHAIN_COMMANDS


def _lottery_commands() -> tuple[Command, ...]:
    from parley.cli.commands import COMMANDS
    from parley.node.lottery_commands import LOTTERY_COMMANDS
    from parley.simulation.commands import COMMANDS as SIMULATIONS

    return (*LOTTERY_COMMANDS, *COMMANDS, *SIMULATIONS)


def _gate_commands() -> tuple[Command, ...]:
    from parley.node.gate_commands import GATE_COMMANDS

    return GATE_COMMANDS


def _own_commands() -> tuple[Command, ...]:
    from parley.cli.commands import COMMANDS

    return COMMANDS


def _simulation_commands() -> tuple[Command, ...]:
    from parley.simulation.commands import COMMANDS

    return COMMANDS


def _demo_commands() -> tuple[Command, ...]:
    from parley.demo.commands import COMMANDS

    return COMMANDS


CAPABILITIES = (
    Capability("demo", "Watch a network of real nodes at work, on this machine.", _demo_commands),
    Capability("node", "Run a node, and see who it is.", _node_commands),
    Capability("config", "See the settings and where they come from.", _local_commands),
    Capability("pool", "Put short-lived records into the message pool, and find them.", _pool_commands),
    Capability("peers", "See and choose the nodes that yours talks to.", _peer_commands),
    Capability("send", "Send a sealed message to a contact, through the own node.", _mail_commands),
    Capability("inbox", "Open what others have sent.", _mail_commands),
    Capability("outbox", "See what is on its way to other nodes.", _mail_commands),
    Capability("account", "Let others send through your node, and keep their mail.", _account_commands),
    Capability("subscription", "Let senders in without work.", _account_commands),
    Capability("chain", "Run a chain of your own, to try payments on.", _chain_commands),
    Capability("lottery", "Pay and be paid by lottery tickets; only winners touch the chain.", _lottery_commands),
    Capability("gate", "Charge for a server that knows nothing of it.", _gate_commands),
    Capability("verify", "Verify the records in a file, without a node.", _local_commands),
    Capability("simulate", "Simulate thousands of nodes under a virtual clock.", _simulation_commands),
    Capability("completion", "Print the script that lets a shell complete words.", _own_commands),
)
"""What can follow `parley`, in the order of the help."""


def load_registry() -> Registry:
    """Put all commands together: the node's, the command line's, the simulation's and the demo's.

    Raises:
        LocalError: two of them share a name.
    """
    from parley.node.registry import Registry

    node = _load_node_registry().commands
    return Registry((*node, *_own_commands(), *_simulation_commands(), *_demo_commands()))


def _load_node_registry() -> Registry:
    from parley.node.commands import ALL_COMMANDS
    from parley.node.registry import Registry

    return Registry(ALL_COMMANDS)


def _pages(node: Node) -> ASGIApp:
    from parley.web import pages

    return pages(node)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        The exit code: 0 done, 1 refused or failed, 2 wrong usage.
    """
    given = sys.argv[1:] if arguments is None else arguments
    return run(given, capabilities=CAPABILITIES, load_registry=_load_node_registry, pages=_pages)


if __name__ == "__main__":
    sys.exit(main())
