"""The studies by name: each returns tables that are the same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Protocol

from parley.errors import ConfigError, ErrorCode
from parley.simulation.failures import study_churn, study_eclipse, study_latency, study_lies
from parley.simulation.pool import Progress
from parley.simulation.reach import study_load, study_order, study_reach
from parley.simulation.spreading import study_allowance, study_freshness, study_push, study_spread
from parley.simulation.tables import Table
from parley.simulation.truncation import study_sybils

__all__ = ["Study", "run_study"]

_ORIGINS_MAX = 1_000
_ORIGINS_MIN = 2


class Study(Enum):
    """What can be looked at."""

    REACH = "reach"
    """Coverage and copies by graph and deepness, beside published figures."""
    ORDER = "order"
    """First copy only against forwarding again."""
    SYBILS = "sybils"
    """Purity and recall by rule of cutting, beside published figures."""
    CHURN = "churn"
    """Nodes that fall silent."""
    LATENCY = "latency"
    """Slow and uneven networks against the time that hops are given."""
    LIES = "lies"
    """Nodes that drop, forge or relabel."""
    LOAD = "load"
    """Who does the work."""
    PUSH = "push"
    """Bytes of a query, and from which rate of queries push costs less."""
    FRESHNESS = "freshness"
    """What a cache saves, and how outdated its book is."""
    ECLIPSE = "eclipse"
    """The chance that all links lead to one attacker."""


class _Part(Protocol):
    """One table of a study."""

    def __call__(self, *, origins: int, seed: int, progress: Progress | None) -> Table:
        """Find the figures."""


_PARTS: Mapping[Study, tuple[_Part, ...]] = {
    Study.ORDER: (study_order,),
    Study.SYBILS: (partial(study_sybils, is_greedy=False), partial(study_sybils, is_greedy=True)),
    Study.CHURN: (study_churn,),
    Study.LATENCY: (study_latency,),
    Study.LIES: (study_lies,),
    Study.LOAD: (study_load,),
    Study.PUSH: (study_push, study_spread, study_allowance),
    Study.FRESHNESS: (study_freshness,),
}


def run_study(
    study: Study, *, origins: int = 12, seed: int = 1, nodes_max: int = 1_000, progress: Progress | None = None
) -> tuple[Table, ...]:
    """Run one study.

    Args:
        study: which.
        origins: askers per row, 2..1000; more make intervals narrower.
        seed: of all chance.
        nodes_max: leaves out larger networks; 10000 takes all.
        progress: is told after each step.

    Raises:
        ConfigError: the number of origins is out of range, or networkx is not installed.
    """
    if not _ORIGINS_MIN <= origins <= _ORIGINS_MAX:
        raise ConfigError(
            ErrorCode.CONFIG_INVALID, setting="simulation.origins", minimum=_ORIGINS_MIN, maximum=_ORIGINS_MAX
        )
    if study is Study.ECLIPSE:
        return (study_eclipse(),)
    if study is Study.REACH:
        return (study_reach(origins=origins, seed=seed, nodes_max=nodes_max, progress=progress),)
    return tuple(part(origins=origins, seed=seed, progress=progress) for part in _PARTS[study])
