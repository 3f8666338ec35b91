"""The OpenRPC document of a node, made from the registry of commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from parley import __version__
from parley.node.registry import Audience, Command, Registry

__all__ = ["openrpc_document"]

_ADDRESSES: Mapping[Audience, str] = {Audience.OWNER: "/v2/owner", Audience.FOREIGN: "/v2/foreign"}
_REFERENCE = "#/components/schemas/{name}"


def openrpc_document(registry: Registry) -> dict[str, Any]:
    """Describe every method that can be called over HTTP.

    Returns:
        An OpenRPC 1.3 document as plain JSON-able values.
    """
    commands = [command for command in registry.commands if command.audience in _ADDRESSES]
    _, components = msgspec.json.schema_components(
        [command.parameters for command in commands], ref_template=_REFERENCE
    )
    return {
        "openrpc": "1.3.2",
        "info": {"title": "Parley node", "version": __version__, "license": {"name": "MIT"}},
        "servers": [{"name": audience.value, "url": path} for audience, path in _ADDRESSES.items()],
        "methods": [_method(command, components) for command in commands],
        "components": {"schemas": components},
    }


def _method(command: Command, components: dict[str, Any]) -> dict[str, Any]:
    schema = components.get(command.parameters.__name__, {})
    required = set(schema.get("required", ()))
    return {
        "name": command.method,
        "summary": command.summary,
        "paramStructure": "by-name",
        "servers": [{"name": command.audience.value, "url": _ADDRESSES[command.audience]}],
        "params": [
            {"name": name, "required": name in required, "description": _description(inner), "schema": inner}
            for name, inner in schema.get("properties", {}).items()
        ],
        "result": {
            "name": "result",
            "description": f'{{"Ok": value}}; value: {command.result}',
            "schema": {"type": "object"},
        },
        "errors": [{"code": int(code), "message": code.summary} for code in command.codes],
    }


def _description(schema: dict[str, Any]) -> str:
    return str(schema.get("description") or next(iter(map(_description, schema.get("anyOf", ()))), ""))
