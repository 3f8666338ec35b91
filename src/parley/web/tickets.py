"""The page of upload tickets: what sending costs now, what was issued, earned and spent, why others were refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.metrics_core import Metric

from parley.node.wiring import Node
from parley.web.metrics import distributions
from parley.web.page import Asked, Page, Screen

__all__ = ["TICKETS_PAGE"]

_PREFIX: Final = "parley_upload_"
_SPENT: Final = "complete"
"""The end at which a message is delivered; the others leave nothing."""


@dataclass(frozen=True, slots=True)
class _Method:
    """What became of the tickets of one kind of work."""

    name: str
    issued: int
    earned: int
    refused: int


async def _render(node: Node, asked: Asked) -> Screen:
    del asked
    families = {family.name: family for family in node.metrics.registry.collect() if family.name.startswith(_PREFIX)}
    issued = _sums(families, "tickets_issued", "method")
    earned = _sums(families, "tickets_earned", "method")
    refused = _sums(families, "tickets_refused", "method")
    names = sorted(issued.keys() | earned.keys() | refused.keys())
    reasons = _sums(families, "tickets_refused", "reason")
    ends = _sums(families, "tickets_ended", "end")
    return Screen(
        "tickets.html",
        {
            "methods": [_Method(name, *(each.get(name, 0) for each in (issued, earned, refused))) for name in names],
            "issued": sum(issued.values()),
            "earned": sum(earned.values()),
            "spent": ends.get(_SPENT, 0),
            "refused": sum(refused.values()),
            "reasons": sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])),
            "ends": sorted(ends.items()),
            "price_units": sum(_sums(families, "price_units").values()),
            "solving": _times(families, "solve_seconds"),
            "judging": _times(families, "verify_seconds"),
        },
    )


def _sums(families: Mapping[str, Metric], name: str, *labels: str) -> dict[str, int]:
    """Return a counter by the values of one label; under the empty name where there is none."""
    found: dict[str, int] = {}
    family = families.get(_PREFIX + name)
    for sample in () if family is None else family.samples:
        if not sample.name.endswith("_created"):
            key = " ".join(sample.labels[label] for label in labels)
            found[key] = found.get(key, 0) + int(sample.value)
    return found


def _times(families: Mapping[str, Metric], name: str) -> object:
    family = families.get(_PREFIX + name)
    return () if family is None else distributions(family)


TICKETS_PAGE: Final = Page(path="/tickets", title="Tickets", render=_render, is_live=True)
"""What strangers pay for the permission to send."""
