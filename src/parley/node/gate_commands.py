"""The command `parley gate`: charge for a server that knows nothing of it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from parley.errors import ConfigError, ErrorCode, LocalError
from parley.ledgers.evm.addresses import checksum_text
from parley.ledgers.evm.amounts import parse_wei, show_wei
from parley.node.config import load_config
from parley.node.program import Program, Tone
from parley.node.registry import Audience, Command

if TYPE_CHECKING:  # slow to load
    from parley.node.config import NodeConfig
    from parley.node.gate_running import GateOrder, RunningGate

__all__ = ["GATE_COMMANDS", "GateRun", "gate_order", "gate_run"]

_PATTERN: Final = re.compile(r"(/[^=]*)=(.+)", re.DOTALL)
_EVERY_PATH: Final = "/*"
_UNITS_DIGITS_MAX: Final = 10
_BODY_BYTES_MAX: Final = 2**30
_BODY_BYTES: Final = 2**20


class GateRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `gate`."""

    upstream: Annotated[str, Meta(title="URL", description="the server behind the gate, such as http://127.0.0.1:8000")]
    price: Annotated[
        list[str],
        Meta(title="[PATH=]AMOUNT", description='of a request in money, such as "20 gwei" or "/api/*=1000 wei"'),
    ] = msgspec.field(default_factory=list)
    units: Annotated[
        list[str], Meta(title="[PATH=]UNITS", description="of a request in work; where both are given, either admits")
    ] = msgspec.field(default_factory=list)
    http: Annotated[str, Meta(title="HOST:PORT", description="address to listen on; port 0 takes a free one")] = (
        "127.0.0.1:8402"
    )
    chain: (
        Annotated[str, Meta(title="URL", description="JSON-RPC address of the chain on which tickets win")] | None
    ) = None
    broker: Annotated[str, Meta(title="ADDRESS", description="of the ticket broker on that chain")] | None = None
    passphrase_file: (
        Annotated[str, Meta(title="FILE", description="whose first line opens the account that is paid")] | None
    ) = None
    ticket: Annotated[
        str,
        Meta(title="AMOUNT", description="worth of one ticket on average; a request takes one unless this is given"),
    ] = "0 wei"
    realm: Annotated[str, Meta(title="HOST", description="name under which clients call the gate")] = ""
    body_max_bytes: Annotated[int, Meta(ge=0, le=_BODY_BYTES_MAX, description="largest body of a paid request")] = (
        _BODY_BYTES
    )
    keep_host: Annotated[bool, Meta(description="pass on the name under which the gate was called")] = False
    trust_forwarded: Annotated[bool, Meta(description="another proxy stands in front, and is believed")] = False


async def gate_run(program: Program, parameters: GateRun) -> int:
    """Charge for a server until told to stop (Ctrl-C, SIGTERM)."""
    from parley.node.gate_running import running_gate

    flags: dict[str, Any] = {
        "data_dir": program.data_dir,
        "http": parameters.http,
        "chain.url": parameters.chain,
        "chain.broker": parameters.broker,
        "chain.passphrase_file": parameters.passphrase_file,
    }
    config, _ = load_config(flags=flags, environment=program.environment)
    order = gate_order(parameters)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running_gate(config, order) as gate:
        _show(program, config, order, gate)
        sys.stdout.flush()
        await stopped.wait()
    return 0


def gate_order(parameters: GateRun) -> GateOrder:
    """Return what is asked for.

    Raises:
        ConfigError: an address, a price or a path has another form, or nothing has a price.
    """
    from parley.gate.config import GateConfig, wei_prices
    from parley.gate.proxy import ProxyConfig
    from parley.gate.till_config import TillConfig
    from parley.node.gate_running import GateOrder

    price = wei_prices(_by_path("price", parameters.price))
    units = {path: _units(text) for path, text in _by_path("units", parameters.units).items()}
    if not price and not units:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="price", rule="a price in money or in work")
    return GateOrder(
        upstream=parameters.upstream,
        price=price if isinstance(price, dict) else {},
        price_units=units,
        gate=GateConfig(realm=parameters.realm, body_max_bytes=parameters.body_max_bytes),
        proxy=ProxyConfig(keep_host=parameters.keep_host, trust_forwarded=parameters.trust_forwarded),
        till=TillConfig(ticket_wei=_wei("ticket", parameters.ticket)),
    )


def _by_path(setting: str, given: list[str]) -> dict[str, str]:
    """Return what is given for each path; without a path it is for all of them."""
    found: dict[str, str] = {}
    for text in given:
        parts = _PATTERN.fullmatch(text)
        path, value = (_EVERY_PATH, text) if parts is None else (parts[1], parts[2])
        if path in found:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting=setting, path=path, rule="one price for a path")
        found[path] = value
    return found


def _units(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _UNITS_DIGITS_MAX):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="units", rule="a whole number")
    return int(text)


def _wei(setting: str, text: str) -> int:
    try:
        return parse_wei(text)
    except LocalError as error:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=setting, **error.facts) from None


def _show(program: Program, config: NodeConfig, order: GateOrder, gate: RunningGate) -> None:
    output, parts = program.output, gate.parts
    prices = {path: str(wei) for path, wei in order.price.items()}
    account = None if parts is None else checksum_text(parts.wallet.address)
    output.item(
        {
            "http": gate.url,
            "upstream": order.upstream,
            "price_wei": prices,
            "price_units": dict(order.price_units),
            "network": None if parts is None else f"eip155:{parts.chain_id}",
            "broker": None if parts is None else checksum_text(parts.broker.address),
            "recipient": account,
            "data_dir": str(config.data_dir),
        },
        f"gate at {gate.url}",
    )
    output.line(f"in front of  {order.upstream}", Tone.GOOD)
    output.table(
        ("path", "price"),
        [
            *((path, show_wei(int(wei))) for path, wei in prices.items()),
            *((path, f"{units} units of work") for path, units in order.price_units.items()),
        ],
        "what a request costs",
    )
    if parts is not None:
        output.line(f"paid to      {account} on chain {parts.chain_id}")
    output.line("stop with Ctrl-C", Tone.FAINT)


GATE_COMMANDS: Final = (
    Command(
        method="gate_run",
        audience=Audience.LOCAL,
        parameters=GateRun,
        run=gate_run,
        summary="Charge for a server that knows nothing of it: a reverse proxy that asks for tickets or work.",
        words=("gate",),
    ),
)
"""What can be done with gates."""
