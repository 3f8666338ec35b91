"""The pages of methods, settings and metrics, as the registry, the settings and the counters have them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from parley.__main__ import load_registry
from parley.node.config import ENVIRONMENT_PREFIX, setting_default, setting_help, setting_types
from parley.node.metrics import Metrics
from parley.node.registry import Audience, Command

__all__ = ["commands_page", "configuration_page", "metrics_page"]

_ADDRESSES = {Audience.OWNER: "/v2/owner", Audience.FOREIGN: "/v2/foreign"}
_TITLES = {
    Audience.OWNER: "What the owner can ask, at `/v2/owner`",
    Audience.FOREIGN: "What peers and strangers can ask, at `/v2/foreign`",
    Audience.LOCAL: "What the command line does in its own process",
}
_COMMANDS_HEAD = """\
# Methods and commands

One registry makes the command line, JSON-RPC, `/openrpc.json` and this page. On the command line every command takes
`--data-dir`, `--json` and `--help`; over JSON-RPC a result is `{"Ok": value}` and a refusal is an error with a code
of [errors](errors.md). Parameter names are taken in either case.
"""
_CONFIGURATION_HEAD = """\
# Settings

A node needs none. Each value comes from the defaults, then `DIR/parley.toml`, then `PARLEY_*` variables, then the
command line; `parley config show` prints every value with its origin. Settings with a dot stand in a table of the
file: `pool.records_max` is `records_max` under `[pool]`.

| setting | default | variable | what it is |
|---|---|---|---|
"""
_METRICS_HEAD = """\
# Metrics

`GET /metrics` answers in Prometheus' text form. Labels are methods, outcomes and reasons; never ids or addresses.

| name | kind | labels | what it counts |
|---|---|---|---|
"""


def commands_page() -> str:
    """Return the page of methods as Markdown."""
    parts = [_COMMANDS_HEAD]
    commands = load_registry().commands
    for audience, title in _TITLES.items():
        parts.append(f"## {title}\n")
        parts += [_command(command) for command in commands if command.audience is audience]
    return "\n".join(parts)


def configuration_page() -> str:
    """Return the page of settings as Markdown."""
    rows = [
        f"| `{name}` | {_code(setting_default(name))} | `{ENVIRONMENT_PREFIX}{name.replace('.', '_').upper()}` "
        f"| {setting_help(name)} |"
        for name in setting_types()
    ]
    return _CONFIGURATION_HEAD + "\n".join(rows)


def metrics_page() -> str:
    """Return the page of metrics as Markdown."""
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.text} |"
        for one in Metrics().described()
    ]
    return _METRICS_HEAD + "\n".join(rows)


def _command(command: Command) -> str:
    title = (
        f"### {command.method}" if command.audience is not Audience.LOCAL else f"### parley {' '.join(command.words)}"
    )
    lines = [title, "", command.summary, ""]
    if command.words and command.audience is not Audience.LOCAL:
        lines += [f"Command line: `parley {' '.join(command.words)}`", ""]
    rows = list(_parameters(command))
    if rows:
        lines += ["| parameter | type | default | what it is |", "|---|---|---|---|", *rows, ""]
    if command.audience is not Audience.LOCAL:
        lines += [f"Result: {command.result}.", ""]
    if command.codes:
        refusals = ", ".join(f"`{code.name}` ({code.value})" for code in command.codes)
        lines += [f"Refusals: {refusals}.", ""]
    return "\n".join(lines)


def _parameters(command: Command) -> Iterable[str]:
    _, components = msgspec.json.schema_components([command.parameters], ref_template="{name}")
    schema = components[command.parameters.__name__]
    required = set(schema.get("required", ()))
    for name, inner in schema.get("properties", {}).items():
        default = "required" if name in required else _code(inner.get("default"))
        yield f"| `{name}` | {_type(inner)} | {default} | {_description(inner)} |"


def _description(schema: dict[str, Any]) -> str:
    return str(schema.get("description") or next(iter(map(_description, schema.get("anyOf", ()))), ""))


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(inner) for inner in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"])
    low, high = schema.get("minimum"), schema.get("maximum")
    kind = str(schema.get("type", "any"))
    return f"{kind}, {low} to {high}" if low is not None and high is not None else kind


def _code(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Path | str) and not str(value):
        return "empty"
    if isinstance(value, tuple | list):
        return "empty" if not value else f"`{', '.join(map(str, value))}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
