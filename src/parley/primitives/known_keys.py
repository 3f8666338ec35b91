"""ECDSA of a key that is known before: the verdict of `ecdsa.recover(digest, signature) == public`, but faster.

    R = (z/s)*G + (r/s)*Q                  right when x(R) = r and y(R) has the parity that v says

Who judges one signature recovers its key. Who judges hundreds of one sender makes tables of the sender's key once: with
all multiples of Q and G that can occur at hand, R is a sum of some eighty points, and nothing is ever doubled. The sums
are made by a compiled module, where it was built (native/known_keys); without it every signature is recovered.

Both ways give one verdict for all bytes there are. A wrong one would be a theft, so the compiled way must know some
answers before it is offered. How else it is checked, and how fast it is: docs/why/known-keys.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Final, Protocol, cast

from parley.errors import ErrorCode, LocalError
from parley.primitives.ecdsa import DIGEST_BYTES, FULL_KEY_BYTES, SIGNATURE_BYTES, recover

__all__ = [
    "ENGINE",
    "ENGINES",
    "HAS_TABLES",
    "RECOVERY",
    "Engine",
    "Judge",
    "KnownKey",
    "NativeEngine",
    "NativeModule",
    "RecoveryEngine",
    "open_engines",
]

Judge = Callable[[bytes, bytes], bytes]
"""Takes n digests and n signatures, 32*n and 65*n bytes; returns n bytes, 1 where the key signed, else 0."""

_NATIVE_MODULE: Final = "parley.primitives._known_keys"
_FIELD: Final = 2**256 - 0x1000003D1
_COORDINATE_BYTES: Final = 32
_RIGHT: Final = b"\x01"


class Engine(Protocol):
    """One way to judge the signatures of a key."""

    @property
    def name(self) -> str:
        """Name the way: "recovery" or "tables"."""

    def prepare(self, public: bytes) -> Judge:
        """Return what judges the signatures of a key.

        Args:
            public: 64 bytes, a point of the curve.
        """


@dataclass(frozen=True, slots=True)
class RecoveryEngine:
    """Each signature's key is recovered and compared."""

    @property
    def name(self) -> str:
        """Return "recovery"."""
        return "recovery"

    def prepare(self, public: bytes) -> Judge:
        """Return what judges the signatures of a key; see `Engine.prepare`."""

        def judge(digests: bytes, signatures: bytes) -> bytes:
            return bytes(
                recover(
                    digests[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES],
                    signatures[place * SIGNATURE_BYTES : (place + 1) * SIGNATURE_BYTES],
                )
                == public
                for place in range(len(digests) // DIGEST_BYTES)
            )

        return judge


class NativeModule(Protocol):
    """What the compiled module offers; it checks sizes by itself and raises ValueError."""

    def make_table(self, public: bytes, /) -> object:
        """Return the multiples of a key of 64 bytes; some 53 KB, which never change."""

    def judge(self, table: object, digests: bytes, signatures: bytes, /) -> bytes:
        """Judge as `Judge` does; other threads run meanwhile, and may judge with the same table."""


@dataclass(frozen=True, slots=True)
class NativeEngine:
    """Tables of the key, and sums of what is in them.

    Attributes:
        module: the compiled one.
    """

    module: NativeModule

    @property
    def name(self) -> str:
        """Return "tables"."""
        return "tables"

    def prepare(self, public: bytes) -> Judge:
        """Make the table of a key, for the price of some five recoveries; see `Engine.prepare`."""
        return partial(self.module.judge, self.module.make_table(public))


RECOVERY: Final = RecoveryEngine()
"""The engine that is always there."""

# vectors/lottery/signatures.json: the key of the secret ac0974be…, and its tickets 0 and 1.
_KNOWN_PUBLIC: Final = bytes.fromhex(
    "8318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75"
    "3547f11ca8696646f2f3acb08e31016afac23e630c5d11f59f61fef57b0d2aa5"
)
_KNOWN_DIGESTS: Final = (
    bytes.fromhex("9eb5edaf54d85f2aec473343e668b94c6569cc31d53a83af022d1a607fb647eb"),
    bytes.fromhex("b398547639e5432e0b557f249b32230cf60bfea420e1e3c8def1b99db307b774"),
)
_KNOWN_SIGNATURES: Final = (
    bytes.fromhex(
        "60353081ca15c9ad89a724f349b64b48bfcd77e6d65b3b2f66edfcb08a8b121f"
        "60949fbe2ad49111ed67af75c603eb14be9c3375331280d91c8dd6c6fc28b5ac1c"
    ),
    bytes.fromhex(
        "bd1f569f244d8ea1a28c56af7904c879bd35cee5bb1593abf70e7562232e83eb"
        "6c97b8071da698e47418611942045414827f2f9e68197da62bca244d9bf7a43c1c"
    ),
)


def open_engines(module_name: str = _NATIVE_MODULE) -> tuple[Engine, ...]:
    """Return the engines that work here, the fastest first and recovery last.

    A compiled module that does not give the known answers is left out.
    """
    try:
        module = cast("NativeModule", import_module(module_name))
    except ImportError:
        return (RECOVERY,)
    native = NativeEngine(module)
    return (native, RECOVERY) if _gives_known_answers(native) else (RECOVERY,)


def _gives_known_answers(engine: Engine) -> bool:
    first, second = _KNOWN_SIGNATURES
    other_parity = first[:-1] + b"\x1b"
    questions = ((first, second), (second, first), (first, first), (other_parity, second))
    try:
        judge = engine.prepare(_KNOWN_PUBLIC)
        answers = [judge(b"".join(_KNOWN_DIGESTS), b"".join(signatures)) for signatures in questions]
    except (AttributeError, TypeError, ValueError, MemoryError):
        return False  # a module of another version
    return answers == [b"\x01\x01", b"\x00\x00", b"\x01\x00", b"\x00\x01"]


ENGINES: Final = open_engines()
"""What works on this machine, the fastest first; `RECOVERY` is the last."""

ENGINE: Final = ENGINES[0]
"""The fastest."""

HAS_TABLES: Final = ENGINE is not RECOVERY
"""Whether a known key is judged faster than an unknown one."""


class KnownKey:
    """A public key whose signatures are judged again and again.

    With tables where the extension is built, by recovery where it is not; the verdicts are the same. Threads may judge
    with one object at once, and with the extension they do not wait for each other.
    """

    __slots__ = ("_judge", "_public")

    def __init__(self, public: bytes, *, engine: Engine = ENGINE) -> None:
        """Prepare for the signatures of a key, which takes as long as some five recoveries.

        Args:
            public: 64 bytes, x || y.
            engine: which way to judge.

        Raises:
            LocalError: no point of the curve.
        """
        if not _is_point(public):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, wanted="a public key of 64 bytes, a point of the curve")
        self._public = public
        self._judge = engine.prepare(public)

    @property
    def public(self) -> bytes:
        """The key, 64 bytes."""
        return self._public

    def verify(self, digest: bytes, signature: bytes) -> bool:
        """Say whether the key signed a digest in the one right form; bytes of any size are judged, none raises.

        The answer is that of `recover(digest, signature) == public`, v included.

        Args:
            digest: right ones have 32 bytes.
            signature: right ones have 65 bytes.
        """
        if len(digest) != DIGEST_BYTES or len(signature) != SIGNATURE_BYTES:
            return False
        return self._judge(digest, signature) == _RIGHT

    def verify_all(self, digests: Sequence[bytes], signatures: Sequence[bytes]) -> list[bool]:
        """Say for each digest whether the key made its signature, as `verify` does; many at once are faster than one.

        Args:
            digests: n of any sizes.
            signatures: n of any sizes.

        Returns:
            n verdicts, in the same order.

        Raises:
            LocalError: another number of signatures than of digests.
        """
        if len(digests) != len(signatures):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, digests=len(digests), signatures=len(signatures))
        places = [
            place
            for place, (digest, signature) in enumerate(zip(digests, signatures, strict=True))
            if len(digest) == DIGEST_BYTES and len(signature) == SIGNATURE_BYTES
        ]
        verdicts = self._judge(
            b"".join([digests[place] for place in places]), b"".join([signatures[place] for place in places])
        )
        right = [False] * len(digests)
        for place, verdict in zip(places, verdicts, strict=True):
            right[place] = verdict == 1
        return right


def _is_point(public: bytes) -> bool:
    if len(public) != FULL_KEY_BYTES:
        return False
    x, y = (int.from_bytes(part, "big") for part in (public[:_COORDINATE_BYTES], public[_COORDINATE_BYTES:]))
    return x < _FIELD and y < _FIELD and (y * y - x * x * x - 7) % _FIELD == 0
