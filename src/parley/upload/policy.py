"""Which kind of work is asked for: the client says what it prefers, the issuer decides.

The issuer's policy is a tuple of names, best first. Of the kinds that the policy allows, the first that the client
named is chosen, or the policy's own first where the client named none at all. A kind that needs sight or hearing
never stands alone: whoever is given one is offered another kind beside it, under a ticket of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from parley.errors import ConfigError, ErrorCode, Rejected
from parley.protocol.work import Registry, WorkMethod

__all__ = ["NEEDS_A_GRANT", "NEEDS_SENSES", "alternatives", "check_policy", "choose"]

NEEDS_SENSES: Final = frozenset({"captcha"})
"""The kinds that a person has to see or to hear."""

NEEDS_A_GRANT: Final = frozenset({"subscription"})
"""The kinds that only those can do who were let in before."""


def check_policy(registry: Registry, policy: Sequence[str], *, needs_senses: Collection[str] = NEEDS_SENSES) -> None:
    """Check, before the start, that a policy can be kept.

    Raises:
        ConfigError: CONFIG_INVALID: it names nothing, something twice or something unknown, or leaves those out
            who cannot see.
    """
    unknown = [name for name in policy if registry.find(name) is None]
    if unknown or not policy or len(set(policy)) != len(policy):
        raise ConfigError(
            ErrorCode.CONFIG_INVALID, setting="methods", unknown=",".join(unknown), known=",".join(registry.names())
        )
    if not _open_to_all(registry, policy, needs_senses):
        raise ConfigError(
            ErrorCode.CONFIG_INVALID, setting="methods", wanted="a kind of work that needs neither sight nor a grant"
        )


def choose(registry: Registry, preference: Sequence[str], policy: Sequence[str]) -> WorkMethod | Rejected:
    """Decide what is asked for.

    Args:
        registry: the kinds that the issuer knows.
        preference: names that the client can do, best first, of any form; empty where it did not say.
        policy: names that the issuer asks for, best first.

    Returns:
        The method, or Rejected(METHOD_UNKNOWN) with the names that are on offer.
    """
    allowed = _allowed(registry, policy)
    for name in preference or policy:
        if name in allowed:
            return allowed[name]
    return Rejected(ErrorCode.METHOD_UNKNOWN, {"known": ",".join(allowed)})


def alternatives(
    registry: Registry,
    chosen: WorkMethod,
    preference: Sequence[str],
    policy: Sequence[str],
    *,
    needs_senses: Collection[str] = NEEDS_SENSES,
) -> tuple[WorkMethod, ...]:
    """Return what has to be offered beside the chosen kind of work.

    Args:
        registry: the kinds that the issuer knows.
        chosen: by `choose`, of the same arguments.
        preference: as `choose`.
        policy: as `choose`.
        needs_senses: names of the kinds that need sight or hearing.

    Returns:
        Nothing beside a kind that anybody can do. Otherwise those of the preference that need no senses, in its
        order, or where it has none the policy's first that needs neither senses nor a grant.
    """
    if chosen.name not in needs_senses:
        return ()
    allowed = _allowed(registry, policy)
    named = tuple(allowed[name] for name in dict.fromkeys(preference) if name in allowed and name not in needs_senses)
    if any(method.name not in NEEDS_A_GRANT for method in named):
        return named
    return named + _open_to_all(registry, policy, needs_senses)[:1]


def _allowed(registry: Registry, policy: Sequence[str]) -> dict[str, WorkMethod]:
    return {name: method for name in policy if (method := registry.find(name)) is not None}


def _open_to_all(registry: Registry, policy: Sequence[str], needs_senses: Collection[str]) -> tuple[WorkMethod, ...]:
    allowed = _allowed(registry, policy)
    return tuple(method for name, method in allowed.items() if name not in needs_senses and name not in NEEDS_A_GRANT)
