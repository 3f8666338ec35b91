"""The page of machines: every transition table of the package, with its diagram."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from enum import Enum
from types import ModuleType

from parley.protocol.machine import Cell, Handled, Ignored, TransitionTable

__all__ = ["machine_section", "machines_page", "transition_tables"]

# The enumeration of phases differs from table to table; a page needs only names.
Table = TransitionTable[Enum]

HEAD = """\
# Machines

Whatever waits in Parley is a machine with a complete table: for every phase and every event it says whether
the event acts (and which phases may follow), is ignored, or is refused. The tests walk every cell.
"""


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield importlib.import_module(info.name)


def transition_tables() -> list[Table]:
    """Return every table that a module of the protocol or of a capability holds, in order of name."""
    tables: dict[str, Table] = {}
    for package in ("parley.protocol", "parley.pool", "parley.upload", "parley.lottery"):
        for module in _modules(package):
            for value in vars(module).values():
                if isinstance(value, TransitionTable):
                    tables[value.name] = value
    return [tables[name] for name in sorted(tables)]


def _cell(cell: Cell[Enum]) -> str:
    if isinstance(cell, Handled):
        return "→ " + ", ".join(f"`{name}`" for name in sorted(phase.name for phase in cell.next_phases))
    return "ignored" if isinstance(cell, Ignored) else f"refused: `{cell.code.name}`"


def machine_section(table: Table) -> list[str]:
    """Return the lines for one machine: the table with a row per event, then the diagram."""
    phases = list(table.phases)
    lines = [
        f"## {table.name}",
        "",
        "| event | " + " | ".join(f"in `{phase.name}`" for phase in phases) + " |",
    ]
    lines.append("|---|" + "---|" * len(phases))
    for event in table.events:
        cells = [_cell(table.cells[phase, event]) for phase in phases]
        lines.append(f"| `{event.__name__}` | {' | '.join(cells)} |")
    labels: dict[tuple[str, str], list[str]] = {}
    for before, event, after in table.edges():
        labels.setdefault((before.name, after.name), []).append(event.__name__)
    lines += ["", "```mermaid", "stateDiagram-v2", f"    [*] --> {table.initial.name}"]
    lines += [f"    {before} --> {after}: {', '.join(names)}" for (before, after), names in labels.items()]
    lines += [f"    {phase.name} --> [*]" for phase in phases if phase in table.final]
    return [*lines, "```", ""]


def machines_page() -> str:
    """Return the page as Markdown."""
    lines = [HEAD]
    for table in transition_tables():
        lines += machine_section(table)
    return "\n".join(lines)
