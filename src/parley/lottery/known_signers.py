"""Whose keys a recipient knows from earlier payments, so that most signatures are verified instead of recovered.

    a sender's first payment that is taken     its signer's key is remembered, 64 bytes
    its second                                 tables are made of the key: what five recoveries cost, 53 kB
    from the third on                          from a third to a half of a recovery for each ticket

A key gets its place by tickets that were taken, which cost money, so nobody fills it with strangers. What is known
here decides no verdict: what a known key did not sign is recovered. Without tables (`HAS_TABLES`) nobody is known,
and all is recovered.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from parley.primitives.ids import Address
from parley.primitives.known_keys import HAS_TABLES, KnownKey

__all__ = ["KnownSigner", "KnownSigners"]

_TABLES_MAX: Final = 256
_SEEN_MAX: Final = 4_096


class KnownSigner(NamedTuple):
    """A key and its account.

    Attributes:
        address: 20 bytes.
        key: with its tables.
    """

    address: Address
    key: KnownKey


class KnownSigners:
    """Signers by the sender for whom they signed last; who paid longest ago is forgotten first."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._tables: OrderedDict[Address, KnownSigner] = OrderedDict()
        self._seen: OrderedDict[Address, bytes] = OrderedDict()

    def find(self, sender: Address) -> KnownSigner | None:
        """Return who probably signed a sender's next tickets; None where nobody is known."""
        signer = self._tables.get(sender)
        if signer is not None:
            self._tables.move_to_end(sender)
        return signer

    def note(self, sender: Address, signer: Address, public: bytes) -> None:
        """Note who signed tickets that were taken, and was not known.

        Args:
            sender: for whom.
            signer: who signed.
            public: its key, 64 bytes, as it was recovered.
        """
        if not HAS_TABLES:
            return
        if self._seen.pop(sender, None) == public:
            self.keep(sender, KnownSigner(signer, KnownKey(public)))
            return
        self._seen[sender] = public
        if len(self._seen) > _SEEN_MAX:
            self._seen.popitem(last=False)

    def keep(self, sender: Address, signer: KnownSigner) -> None:
        """Keep a signer of tickets that were taken, of whose key there are tables already."""
        self._tables[sender] = signer
        self._tables.move_to_end(sender)
        if len(self._tables) > _TABLES_MAX:
            self._tables.popitem(last=False)
