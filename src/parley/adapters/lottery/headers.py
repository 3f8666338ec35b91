"""The header `Livepeer-Payment`: a payment in protobuf, in standard base64 with padding."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Final

from parley.errors import ErrorCode, PeerError
from parley.lottery.params import Payment
from parley.lottery.wire import PAYMENT_MAX_BYTES, encode_payment, parse_payment

__all__ = ["PAYMENT_HEADER", "parse_payment_header", "payment_header"]

PAYMENT_HEADER: Final = "Livepeer-Payment"
"""Name of the header."""

_TEXT_MAX_CHARACTERS: Final = (PAYMENT_MAX_BYTES + 2) // 3 * 4


def payment_header(payment: Payment) -> str:
    """Return the value of the header for a payment; the inverse of `parse_payment_header`.

    Source: vectors/lottery/payments.json.
    """
    return b64encode(encode_payment(payment)).decode()


def parse_payment_header(text: str) -> Payment:
    """Read a payment from the value of the header.

    Raises:
        PeerError: TOO_LARGE: too long. MALFORMED: not base64, or not a payment.

    Source: vectors/lottery/payments.json, vectors/lottery/refused_payments.json.
    """
    if len(text) > _TEXT_MAX_CHARACTERS:
        raise PeerError(ErrorCode.TOO_LARGE, characters=len(text), maximum=_TEXT_MAX_CHARACTERS)
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PeerError(ErrorCode.MALFORMED, header=PAYMENT_HEADER, fault="not base64") from None
    return parse_payment(raw)
