"""What a gate charges for, and how much it reads and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from parley.errors import ConfigError, ErrorCode, LocalError
from parley.gate.binding import is_realm
from parley.ledgers.evm.amounts import parse_wei

__all__ = ["GateConfig", "Prices", "wei_prices"]

_TICKET_MS_MIN: Final = 1_000
_TICKET_MS_MAX: Final = 86_400_000
_BODY_BYTES_MAX: Final = 1_073_741_824


class Prices:
    """What a path costs, in the currency of one way to pay: units of work, or wei."""

    def __init__(self, prices: int | Mapping[str, int]) -> None:
        """Take one price for every path, or a price per pattern.

        Args:
            prices: 0 or more, 0 being free. A pattern is a path, or the beginning of paths with `*` at its
                end. A path is looked for as it is first, then by the longest beginning; what no pattern fits is
                free.

        Frameworks differ in what they take for the same path. So the price is the highest of those of the path, of
        the path behind the root path, and of both without repeated and final slashes.

        Raises:
            ConfigError: a negative price, or a pattern that does not begin with `/` or has `*` elsewhere.
        """
        patterns = {"/*": prices} if isinstance(prices, int) else prices
        for pattern, units in patterns.items():
            if not pattern.startswith("/") or "*" in pattern[:-1] or units < 0:
                raise ConfigError(ErrorCode.CONFIG_INVALID, pattern=pattern, price_units=units)
        self._paths = {path: units for path, units in patterns.items() if not path.endswith("*")}
        beginnings = [(path[:-1], units) for path, units in patterns.items() if path.endswith("*")]
        self._beginnings = tuple(sorted(beginnings, key=lambda item: -len(item[0])))

    def units(self, path: str, root_path: str = "") -> int:
        """Return the price of a path, 0 where it is free.

        Args:
            path: decoded, as the server gives it.
            root_path: under which the application is mounted, part of the path or not.
        """
        inner = path.removeprefix(root_path) if root_path else path
        if inner == path and not _is_ambiguous(path):
            return self._units(path)
        return max(self._units(form) for form in (path, inner, _plain(path), _plain(inner)))

    def _units(self, path: str) -> int:
        exact = self._paths.get(path)
        if exact is not None:
            return exact
        return next((units for beginning, units in self._beginnings if path.startswith(beginning)), 0)

    def all_units(self) -> frozenset[int]:
        """Return the prices that are asked anywhere, without 0."""
        return frozenset({*self._paths.values(), *(units for _, units in self._beginnings)}) - {0}


def wei_prices(prices: int | str | Mapping[str, int | str]) -> int | dict[str, int]:
    """Read prices of money, for `Prices`.

    Args:
        prices: of every path, or per pattern: wei, or text such as "20 gwei".

    Raises:
        ConfigError: a text that is no amount.
    """
    if isinstance(prices, Mapping):
        return {pattern: _wei(price) for pattern, price in prices.items()}
    return _wei(prices)


def _wei(price: int | str) -> int:
    if isinstance(price, int):
        return price
    try:
        return parse_wei(price)
    except LocalError as error:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="price", **error.facts) from None


def _is_ambiguous(path: str) -> bool:
    return "//" in path or path.endswith("/") or not path.startswith("/")


def _plain(path: str) -> str:
    """Return a path with single slashes between its parts and none at its end."""
    return "/" + "/".join(part for part in path.split("/") if part)


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Limits of a gate.

    Attributes:
        ticket_ms: how long an offer stands, 1 s to a day. Solving must fit in; what is spent is remembered longer.
        body_max_bytes: the largest body of a request, at most 1 GiB; it is held in memory while it is judged.
        answer_max_bytes: the largest answer that is kept for a client that lost it; 0 keeps none.
        answers_max_bytes: of all answers that are kept; the oldest go first.
        exempt_methods: HTTP methods that cost nothing, upper case. OPTIONS by default, because a browser asks with
            it before it may show a price.
        realm: what clients put in front of the path that the application sees: host, port unless it is the usual
            one, and a prefix that a proxy strips. Empty: the Host header of each request. Set it where the gate is
            public, so that nobody can let his visitors work for your challenges.
    """

    ticket_ms: int = 300_000
    body_max_bytes: int = 1_048_576
    answer_max_bytes: int = 65_536
    answers_max_bytes: int = 16_777_216
    exempt_methods: frozenset[str] = field(default=frozenset({"OPTIONS"}))
    realm: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        ranges = (
            ("ticket_ms", self.ticket_ms, _TICKET_MS_MIN, _TICKET_MS_MAX),
            ("body_max_bytes", self.body_max_bytes, 0, _BODY_BYTES_MAX),
            ("answer_max_bytes", self.answer_max_bytes, 0, _BODY_BYTES_MAX),
            ("answers_max_bytes", self.answers_max_bytes, 0, _BODY_BYTES_MAX),
        )
        for setting, value, lowest, highest in ranges:
            if not lowest <= value <= highest:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=setting, minimum=lowest, maximum=highest)
        if not is_realm(self.realm) or "://" in self.realm or self.realm != self.realm.lower():
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="realm")
        if any(method != method.upper() for method in self.exempt_methods):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="exempt_methods")
