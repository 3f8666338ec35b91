"""What a recipient asks for, and how much it keeps in mind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ConfigError, ErrorCode
from parley.lottery.nonces import NonceRule

__all__ = ["RecipientConfig"]

_RANGES: Final = (
    ("redeem_gas", 0, 100_000_000),
    ("gas_price_floor_wei", 0, 10**15),
    ("cost_multiplier", 1, 1_000_000),
    ("face_value_max_wei", 0, 2**256 - 1),
    ("nonce_window", 1, 65_536),
    ("grace_tickets", 0, 10_000),
    ("commitments_per_sender", 1, 10_000),
    ("commitments_total", 1, 1_000_000),
    ("signer_questions", 0, 1_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientConfig:
    """The settings of one recipient.

    Attributes:
        redeem_gas: gas that a redemption takes.
        gas_price_floor_wei: a gas price below this is not believed when a face value is chosen.
        cost_multiplier: how many times the cost of its redemption a winner is to pay.
        face_value_max_wei: the largest face value that is asked for; 0 for no limit but the float.
        nonce_rule: WINDOW takes nonces in any order within `nonce_window`, STRICT in ascending order only.
        nonce_window: how far behind the highest a nonce may be.
        grace_tickets: how many tickets under one revealed commitment are tolerated.
        commitments_per_sender: parameters of one sender that are in use at once.
        commitments_total: parameters of all senders that are in use at once; about 500 bytes each.
        signer_questions: unknown keys about which the chain is asked, for one sender and block.
    """

    redeem_gas: int = 150_000
    gas_price_floor_wei: int = 0
    cost_multiplier: int = 100
    face_value_max_wei: int = 0
    nonce_rule: NonceRule = NonceRule.WINDOW
    nonce_window: int = 1_024
    grace_tickets: int = 8
    commitments_per_sender: int = 64
    commitments_total: int = 65_536
    signer_questions: int = 4

    def __post_init__(self) -> None:
        """Check every range.

        Raises:
            ConfigError: CONFIG_INVALID: a setting outside its range.
        """
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, value=value, minimum=least, maximum=most)
