"""A random value that no seat can choose: commit, then reveal; as a value, without timers.

    leaf       fixed before          opened by             right when
    hash       its owner commits     a nonce of 32 bytes   its hash is the commitment
    signature  key and digest        a signature           it verifies
    chain      a height              the block's hash      the caller has read it from the chain

    NATIVE  commitment = tagged_hash("parley/beacon/commit", context[32] · seat[2] · nonce[32])
            seed       = tagged_hash("parley/beacon/seed", context[32] · count[2] · every leaf · every value)
            leaf       = kind[1] · length[2] · what was fixed;  value = length[2] · what was opened
    EVM     commitment = keccak256(nonce[32])                seed = keccak256(every value, nothing between)

EVM is what a contract computes, in the fewest words; it has no context, and what a seat fixed is bound only by what
the signature leaves sign. A seat is the place of a leaf in the list.

Who opens last sees the result before the others and may stay silent instead: that is the price of commit and reveal,
and what a silent seat forfeits is the user's rule. What this module enforces:

- signatures open before hashes. A signer can make many signatures of one digest and would try them all against
  nonces that are open; without the nonces every try is blind. So there is at least one hash leaf in every beacon.
- two seats with one commitment are refused: the second would only repeat what the first opens.
- what was opened stays: a second, different value for a seat is refused.

Draws from a seed: `parley.protocol.draws`. Source: docs/spec/beacon.md (vectors/beacon/).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, NewType

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives import ecdsa, schnorr
from parley.primitives.encoding import encode_bytes, encode_uint
from parley.primitives.hashing import keccak256, tagged_hash
from parley.primitives.ids import ADDRESS_BYTES, PUBLIC_KEY_BYTES
from parley.protocol.draws import Seed, draw_below, draw_order, draw_weighted, wins

__all__ = [
    "CONTEXT_BYTES",
    "LEAVES_MAX",
    "NONCE_BYTES",
    "Beacon",
    "ChainLeaf",
    "Commitment",
    "HashLeaf",
    "Leaf",
    "Profile",
    "Seed",
    "SignatureLeaf",
    "commit",
    "draw_below",
    "draw_order",
    "draw_weighted",
    "wins",
]

CONTEXT_BYTES: Final = 32
"""Size of the hash that names the one draw that a commitment is for."""

NONCE_BYTES: Final = 32
"""Size of the secret behind a hash leaf, and of a block's hash."""

LEAVES_MAX: Final = 1_024
"""The most leaves of one beacon."""

_HASH_BYTES: Final = 32
_HEIGHT_LIMIT: Final = 2**64

Commitment = NewType("Commitment", bytes)
"""The hash of a nonce, 32 bytes."""


class Profile(Enum):
    """Which hashes a beacon uses."""

    NATIVE = "native"
    EVM = "evm"


@dataclass(frozen=True, slots=True)
class HashLeaf:
    """A seat that committed to a nonce.

    Attributes:
        commitment: 32 bytes, see `commit`.
    """

    commitment: bytes


@dataclass(frozen=True, slots=True)
class SignatureLeaf:
    """A seat that opens with its signature over something all know.

    Attributes:
        signer: NATIVE: an x-only public key of 32 bytes (BIP340); EVM: an address of 20 bytes.
        digest: what is signed, 32 bytes.
    """

    signer: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class ChainLeaf:
    """A block that did not exist when the other seats committed.

    Attributes:
        chain: name of the chain, 1..32 bytes.
        height: of the block, 0 <= height < 2**64; fixed before the commits close.
    """

    chain: bytes
    height: int


Leaf = HashLeaf | SignatureLeaf | ChainLeaf


def commit(context: bytes, seat: int, nonce: bytes, profile: Profile = Profile.NATIVE) -> Commitment:
    """Commit to a nonce, which stays secret until the reveal and is used once.

    Args:
        context: 32 bytes, the same for all seats of one draw and for no other draw; empty under EVM.
        seat: place of the leaf in the beacon, 0 <= seat < 1024.
        nonce: 32 bytes of fresh entropy.
        profile: which hashes to use.

    Raises:
        LocalError: an argument is out of range.

    Source: docs/spec/beacon.md §2 (vectors/beacon/native.json, vectors/beacon/evm.json).
    """
    _check_context(context, profile)
    if len(nonce) != NONCE_BYTES or not 0 <= seat < LEAVES_MAX:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, nonce_bytes=len(nonce), seat=seat)
    return Commitment(_commitment(context, seat, nonce, profile))


@dataclass(frozen=True, slots=True)
class Beacon:
    """Leaves in the order of their seats, and what was opened of them so far.

    Attributes:
        context: as for `commit`.
        leaves: 1..1024 of them, at least one of them a hash leaf.
        profile: which hashes it uses.
        values: per seat what was opened, or None; left out by who starts a beacon.
    """

    context: bytes
    leaves: tuple[Leaf, ...]
    profile: Profile = Profile.NATIVE
    values: tuple[bytes | None, ...] = ()

    def __post_init__(self) -> None:
        """Refuse leaves out of range, and a commitment that repeats another seat's.

        Raises:
            LocalError: a size, a count or a height is out of range, or there is no hash leaf.
            PeerError: PROTOCOL_VIOLATION with `seat`: a commitment stands a second time.
        """
        _check_context(self.context, self.profile)
        if not self.values:
            object.__setattr__(self, "values", (None,) * len(self.leaves))
        if not 1 <= len(self.leaves) <= LEAVES_MAX or len(self.values) != len(self.leaves):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, leaves=len(self.leaves), values=len(self.values))
        for seat, leaf in enumerate(self.leaves):
            if not _is_in_range(leaf, self.profile):
                raise LocalError(ErrorCode.INVALID_ARGUMENT, seat=seat, leaf=type(leaf).__name__)
        seen: set[bytes] = set()
        for seat, leaf in enumerate(self.leaves):
            if isinstance(leaf, HashLeaf):
                if leaf.commitment in seen:
                    raise PeerError(ErrorCode.PROTOCOL_VIOLATION, seat=seat, fault="commitment of another seat")
                seen.add(leaf.commitment)
        if not seen:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, leaves=len(self.leaves), wanted="at least one hash leaf")

    @property
    def missing(self) -> tuple[int, ...]:
        """The seats that are not open yet, in order."""
        return tuple(seat for seat, value in enumerate(self.values) if value is None)

    def reveal(self, seat: int, value: bytes) -> Beacon:
        """Open one seat; the same value again changes nothing.

        Args:
            seat: 0 <= seat < number of leaves.
            value: a nonce, a signature, or the hash of a block that the caller has checked; of any size.

        Raises:
            LocalError: there is no such seat.
            PeerError: BAD_SIGNATURE: the signature is wrong. MALFORMED: the value does not open the leaf.
                PROTOCOL_VIOLATION: a hash before every signature, or another value than the one that is open.
                Nobody is named: who owns a seat, the caller knows.
        """
        if not 0 <= seat < len(self.leaves):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, seat=seat, leaves=len(self.leaves))
        held, leaf = self.values[seat], self.leaves[seat]
        if held is not None:
            if hmac.compare_digest(held, value):
                return self
            raise PeerError(ErrorCode.PROTOCOL_VIOLATION, seat=seat, fault="opened with another value before")
        if isinstance(leaf, HashLeaf) and self._lacks_signature():
            raise PeerError(ErrorCode.PROTOCOL_VIOLATION, seat=seat, fault="signatures open before hashes")
        self._check_value(seat, leaf, value)
        return replace(self, values=(*self.values[:seat], value, *self.values[seat + 1 :]))

    def seed(self) -> Seed:
        """Return the value of the beacon, 32 bytes.

        Raises:
            LocalError: WRONG_STATE: a seat is not open.

        Source: docs/spec/beacon.md §3 (vectors/beacon/native.json, vectors/beacon/evm.json).
        """
        opened = [value for value in self.values if value is not None]
        if len(opened) != len(self.leaves):
            raise LocalError(ErrorCode.WRONG_STATE, missing_seats=len(self.leaves) - len(opened))
        if self.profile is Profile.EVM:
            return Seed(keccak256(*opened))
        fixed = [_encode_leaf(leaf) for leaf in self.leaves]
        values = [encode_bytes(value, length_bytes=2) for value in opened]
        return Seed(tagged_hash("parley/beacon/seed", self.context, encode_uint(len(fixed), 2), *fixed, *values))

    def _lacks_signature(self) -> bool:
        pairs = zip(self.leaves, self.values, strict=True)
        return any(isinstance(leaf, SignatureLeaf) and value is None for leaf, value in pairs)

    def _check_value(self, seat: int, leaf: Leaf, value: bytes) -> None:
        match leaf:
            case SignatureLeaf():
                if not _is_signed(leaf, value, self.profile):
                    raise PeerError(ErrorCode.BAD_SIGNATURE, seat=seat)
            case ChainLeaf():
                if len(value) != NONCE_BYTES:
                    raise PeerError(ErrorCode.MALFORMED, seat=seat, size_bytes=len(value))
            case HashLeaf():
                if len(value) != NONCE_BYTES:
                    raise PeerError(ErrorCode.MALFORMED, seat=seat, size_bytes=len(value))
                found = _commitment(self.context, seat, value, self.profile)
                if not hmac.compare_digest(found, leaf.commitment):
                    raise PeerError(ErrorCode.MALFORMED, seat=seat, fault="the nonce is not the one committed to")


def _commitment(context: bytes, seat: int, nonce: bytes, profile: Profile) -> bytes:
    if profile is Profile.EVM:
        return keccak256(nonce)
    return tagged_hash("parley/beacon/commit", context, encode_uint(seat, 2), nonce)


def _check_context(context: bytes, profile: Profile) -> None:
    wanted_bytes = CONTEXT_BYTES if profile is Profile.NATIVE else 0
    if len(context) != wanted_bytes:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, context_bytes=len(context), wanted_bytes=wanted_bytes)


def _is_in_range(leaf: Leaf, profile: Profile) -> bool:
    match leaf:
        case HashLeaf():
            return len(leaf.commitment) == _HASH_BYTES
        case SignatureLeaf():
            signer_bytes = PUBLIC_KEY_BYTES if profile is Profile.NATIVE else ADDRESS_BYTES
            return len(leaf.signer) == signer_bytes and len(leaf.digest) == _HASH_BYTES
        case ChainLeaf():
            return 1 <= len(leaf.chain) <= _HASH_BYTES and 0 <= leaf.height < _HEIGHT_LIMIT


def _encode_leaf(leaf: Leaf) -> bytes:
    match leaf:
        case HashLeaf():
            return b"\x00" + encode_bytes(leaf.commitment, length_bytes=2)
        case SignatureLeaf():
            return b"\x01" + encode_bytes(leaf.signer + leaf.digest, length_bytes=2)
        case ChainLeaf():
            return b"\x02" + encode_bytes(leaf.chain + encode_uint(leaf.height, 8), length_bytes=2)


def _is_signed(leaf: SignatureLeaf, signature: bytes, profile: Profile) -> bool:
    if profile is Profile.NATIVE:
        return schnorr.verify(leaf.signer, leaf.digest, signature)
    public = ecdsa.recover(leaf.digest, signature)
    return public is not None and ecdsa.address_of(public) == leaf.signer
