"""What people see of an answer where the plain table of it would not do; programs get the answer itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from parley.ledgers.evm.amounts import show_wei
from parley.node.program import Output, Tone

__all__ = ["VIEWS", "View", "spoken_age", "spoken_keys"]

_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_ID_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class View:
    """How one method's answer is shown to people.

    Attributes:
        show: prints the whole result, given the moment in milliseconds since 1970.
        params: what the method is asked in addition, so that there is more to show.
    """

    show: Callable[[Output, Mapping[str, Any], int], None]
    params: Mapping[str, Any] = field(default_factory=dict)


def spoken_age(from_ms: object, now_ms: int) -> str:
    """Return how long ago a moment was, in its largest unit, such as `5 min`; `-` for what is no moment."""
    if not isinstance(from_ms, int):
        return "-"
    age_ms = max(0, now_ms - from_ms)
    for unit_ms, name in _UNITS:
        if age_ms >= unit_ms:
            return f"{age_ms // unit_ms} {name}"
    return "0 s"


def spoken_keys(keys: object) -> str:
    """Return keys in one text, from general to particular."""
    return " / ".join(str(key) for key in keys) if isinstance(keys, list) else "-"


def _show_records(output: Output, result: Mapping[str, Any], now_ms: int) -> None:
    entries = _members(result.get("Ok"))
    rows = [
        (entry.get("Node"), spoken_keys(entry.get("Keys")), entry.get("Message"), _age_of_record(entry, now_ms))
        for entry in entries
    ]
    if rows:
        output.table(("node", "keys", "message", "age"), rows)
    stats = result.get("stats")
    known = stats if isinstance(stats, dict) else {}
    asked, answered = known.get("asked"), known.get("answered")
    nodes = "" if not asked else f"; {answered} of {asked} requests to other nodes were answered"
    cut = known.get("truncated_by") or ()
    output.line(
        f"{len(rows)} record{'' if len(rows) == 1 else 's'}{nodes}{'; cut to the size limit' if cut else ''}",
        Tone.BAD if asked != answered or cut else Tone.FAINT,
    )


def _age_of_record(entry: Mapping[str, Any], now_ms: int) -> str:
    record = entry.get("Record")
    return spoken_age(record.get("created_ms"), now_ms) if isinstance(record, dict) else "-"


def _show_peers(output: Output, result: Mapping[str, Any], now_ms: int) -> None:
    rows = [
        (
            peer.get("address"),
            str(peer.get("id") or "-")[:_ID_CHARACTERS],
            peer.get("phase"),
            "we" if peer.get("outbound") else "it",
            peer.get("static"),
            spoken_age(peer.get("seen_ms"), now_ms),
            ", ".join(f"{name} {count}" for name, count in _object(peer.get("reasons")).items()) or "-",
        )
        for peer in _members(result.get("Ok"))
    ]
    if rows:
        output.table(("address", "id", "phase", "dialled by", "static", "seen ago", "misbehaviour"), rows)
    else:
        output.line("no peers; add one with: parley peers add URL")


def _members(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (member for member in value if isinstance(member, dict))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


_MONEY: Final = "_wei"
_CHARACTERS_OF_HASH: Final = 18


def _show_money(output: Output, result: Mapping[str, Any], now_ms: int) -> None:
    """Show an object whose amounts of wei are decimal texts, in units that people read."""
    del now_ms
    output.table(("", ""), _flat("", _object(result.get("Ok"))))


def _flat(prefix: str, members: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name} ", value)
        elif name.endswith(_MONEY):
            yield f"{prefix}{name.removesuffix(_MONEY)}", _spoken_wei(value)
        else:
            yield f"{prefix}{name}", "-" if value is None or value == "" else value


def _spoken_wei(value: object) -> str:
    """Return an amount for people; `-` for what is none."""
    return show_wei(int(value)) if isinstance(value, str) and value.isascii() and value.isdecimal() else "-"


def _show_winners(output: Output, result: Mapping[str, Any], now_ms: int) -> None:
    del now_ms
    rows = [
        (
            str(winner.get("ticket"))[:_CHARACTERS_OF_HASH],
            _spoken_wei(winner.get("face_value_wei")),
            winner.get("state"),
            winner.get("waits_for") or winner.get("contract_says") or "-",
            _spoken_wei(winner.get("paid_wei")),
            winner.get("last_round") or "-",
        )
        for winner in _members(result.get("Ok"))
    ]
    if rows:
        output.table(("ticket", "face value", "state", "waits for", "paid", "last round"), rows)
    else:
        output.line("no winners yet")


VIEWS: Final[Mapping[str, View]] = MappingProxyType(
    {
        "query_message": View(_show_records, MappingProxyType({"stats": True, "proofs": True})),
        "peers_list": View(_show_peers),
        "lottery_winners": View(_show_winners),
        **dict.fromkeys(
            (
                "lottery_status",
                "lottery_fund",
                "lottery_reserve",
                "lottery_unlock",
                "lottery_cancel_unlock",
                "lottery_withdraw",
                "lottery_register",
                "lottery_quote",
            ),
            View(_show_money),
        ),
    }
)
"""Views by method."""
