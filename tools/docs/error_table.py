"""The page of errors: the wire codes and the tree of classes, as `parley.errors` has them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from parley import errors

__all__ = ["errors_page"]

GROUPS = (
    (-32768, -32000, "JSON-RPC 2.0's own"),
    (1000, 1999, "Local: our caller or we broke a rule"),
    (2000, 2999, "A remote's fault"),
    (3000, 3999, "Unavailable: trying again may help"),
    (4000, 4999, "Conflict, or an allowance is used up"),
    (5000, 5999, "Configuration, before the start"),
)
HEAD = """\
# Errors

Every refusal and every error carries one of these codes, a text, and facts by name. A code never changes its
meaning; a new one is a new number.
"""
TAIL = """\
The classes are grouped by who must act. An expected refusal is not an exception but a value: `Rejected`.
"""


def _rows(codes: Iterable[errors.ErrorCode]) -> list[str]:
    rows = [f"| {code.value} | `{code.name}` | {code.summary} | {code.next_step} |" for code in codes]
    return ["| code | name | what happened | what to do |", "|---:|---|---|---|", *rows]


def errors_page() -> str:
    """Return the page as Markdown; a code outside every group would be lost, so it is refused.

    Raises:
        ValueError: a code belongs to no group.
    """
    lines = [HEAD]
    left = set(errors.ErrorCode)
    for low, high, title in GROUPS:
        group = sorted(code for code in errors.ErrorCode if low <= code <= high)
        left -= set(group)
        if group:
            lines += [f"## {title}", "", *_rows(group), ""]
    if left:
        message = f"codes without a group: {sorted(left)}"
        raise ValueError(message)
    described = (inspect.getdoc(errors) or "").splitlines()
    tree = [line.removeprefix("    ") for line in described if line.startswith("    ")]
    return "\n".join([*lines, "## The classes in Python", "", "```text", *tree, "```", "", TAIL])
