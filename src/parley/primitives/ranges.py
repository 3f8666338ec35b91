"""Settings within their ranges: one check for the integers of every configuration."""

from __future__ import annotations

from collections.abc import Mapping

from parley.errors import ConfigError, ErrorCode

__all__ = ["check_ranges"]


def check_ranges(section: str, config: object, ranges: Mapping[str, tuple[int, int]]) -> None:
    """Check the integers and switches of a configuration; a switch is no integer, and an integer no switch.

    Args:
        section: of the configuration's file, for the name of the setting.
        config: has an attribute of each name.
        ranges: by name the least and the greatest value; of a switch, False and True.

    Raises:
        ConfigError: a value is of another kind or outside its range; the fact `setting` is `section.name`.
    """
    for name, (low, high) in ranges.items():
        value = getattr(config, name)
        if type(value) is not type(low) or not low <= value <= high:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting=f"{section}.{name}", minimum=low, maximum=high)
