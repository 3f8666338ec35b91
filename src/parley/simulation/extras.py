"""The optional libraries of the simulation, loaded when they are needed, with a clear word where they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from parley.errors import ConfigError, ErrorCode

__all__ = ["load_extra"]


def load_extra(name: str) -> ModuleType:
    """Import a library of the extra `simulation`.

    Args:
        name: dotted name of the module.

    Raises:
        ConfigError: it is not installed; the facts say what to type.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            ErrorCode.CONFIG_INVALID, missing=name.partition(".")[0], install="pip install 'parley[simulation]'"
        ) from error
