"""The node's own key: signs plain pushes, requests to peers, and answers to their greetings."""

from __future__ import annotations

from parley.errors import ErrorCode, LocalError
from parley.ports.entropy import Entropy
from parley.primitives import schnorr
from parley.primitives.hashing import hmac_sha256
from parley.primitives.ids import NodeId
from parley.primitives.one_shot import SecretKey

__all__ = ["Identity"]

_ENTROPY_BYTES = 32
_MESSAGE_BYTES = 32


class Identity:
    """A `Signer` whose key lives in this process."""

    def __init__(self, secret: SecretKey, entropy: Entropy) -> None:
        """Hold the key."""
        self._secret = secret
        self._entropy = entropy
        self.node_id = NodeId(schnorr.public_key(secret.reveal()))

    @property
    def public_key(self) -> bytes:
        """The x-only public key, 32 bytes."""
        return self.node_id

    def sign_now(self, message32: bytes) -> bytes:
        """Sign a hash by BIP340; 64 bytes.

        Raises:
            LocalError: the message is not 32 bytes.
        """
        if len(message32) != _MESSAGE_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(message32), wanted_bytes=_MESSAGE_BYTES)
        return schnorr.sign(self._secret.reveal(), message32, self._entropy.take(_ENTROPY_BYTES))

    def derive(self, purpose: str) -> bytes:
        """Return a secret of 32 bytes for another purpose, the same after every start."""
        return hmac_sha256(self._secret.reveal(), b"parley/node/derived/v1", purpose.encode())

    async def sign(self, message32: bytes) -> bytes:
        """Sign a hash, as `parley.ports.signer` asks for it."""
        return self.sign_now(message32)
