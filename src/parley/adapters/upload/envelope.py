"""What only the recipient reads: a letter sealed with age (X25519), and the contact that one hands to others.

    contact   parley:HASH@URL#age1...     HASH: 64 hex digits, the mailbox; URL: of its node; age1...: to seal for

The catalog is one age file and holds the text and what belongs to each attached file; each block is an age file of
its own, so that blocks travel apart and in parallel. The catalog names the SHA-256 of every sealed block: a node
that swaps, drops or repeats blocks is found out. age says for whom a letter is, and not who wrote it: the sender's
hash is what whoever earned the ticket claimed, and no more.

Source: docs/spec/upload.md; age: https://age-encryption.org/v1.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pyrage  # type: ignore[import-untyped]  # ships no types; this module alone calls it

from parley.adapters.files.private import check_private, create_private
from parley.errors import ConfigError, ErrorCode, LocalError, PeerError, Rejected
from parley.pool.addresses import Address, parse_address

__all__ = [
    "BLOCK_BYTES",
    "FILES_MAX",
    "TEXT_BYTES_MAX",
    "Attached",
    "Contact",
    "Letter",
    "MailIdentity",
    "encode_contact",
    "parse_contact",
    "seal",
    "seal_letter",
]

BLOCK_BYTES: Final = 2**19
"""Plain bytes of one block: sealed, it stays within the body that any node takes."""

TEXT_BYTES_MAX: Final = 65_536
"""The longest text of a letter, in bytes of UTF-8; more goes as a file."""

FILES_MAX: Final = 60
"""Most files of one letter."""

_CONTACT: Final = re.compile(r"parley:([0-9a-f]{64})@(https?://[^#@\s]{1,256})#(age1[02-9ac-hj-np-z]{58})")
_CONTACT_CHARACTERS_MAX: Final = 512
_CATALOG_BYTES_MAX: Final = 2**20
_NAME_CHARACTERS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Contact:
    """Where somebody is written to.

    Attributes:
        mailbox: 32 bytes, hash of the account.
        url: of the node that keeps the mailbox.
        recipient: age's public key, "age1...".
    """

    mailbox: bytes
    url: Address
    recipient: str


class Attached(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One attached file, as the catalog has it.

    Attributes:
        name: as the sender calls it; never a path to write to.
        size_bytes: of the plain file.
        blocks: names of its blocks, in order.
    """

    name: str
    size_bytes: int
    blocks: tuple[str, ...]


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a catalog holds once it is opened.

    Attributes:
        text: of the letter.
        sent_ms: when it was written, by the sender's clock.
        files: attached.
        sha256: hex digest of every sealed block, by its name.
    """

    text: str
    sent_ms: int
    files: tuple[Attached, ...] = ()
    sha256: dict[str, str] = msgspec.field(default_factory=dict)


def parse_contact(text: str) -> Contact | Rejected:
    """Read a contact; anything else is MALFORMED."""
    match = _CONTACT.fullmatch(text) if len(text) <= _CONTACT_CHARACTERS_MAX else None
    address = None if match is None else parse_address(match.group(2))
    if match is None or address is None or isinstance(address, Rejected) or not _is_recipient(match.group(3)):
        return Rejected(ErrorCode.MALFORMED, {"wanted": "parley:HASH@http://HOST:PORT#age1..."})
    return Contact(bytes.fromhex(match.group(1)), address, match.group(3))


def encode_contact(contact: Contact) -> str:
    """Return the text of a contact."""
    return f"parley:{contact.mailbox.hex()}@{contact.url}#{contact.recipient}"


def seal(plain: bytes, recipient: str) -> bytes:
    """Seal bytes so that the holder of one key opens them.

    Args:
        plain: 0 bytes or more.
        recipient: "age1...", from a contact.

    Raises:
        LocalError: INVALID_ARGUMENT: no recipient.
    """
    try:
        sealed: bytes = pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(recipient)])
    except (pyrage.RecipientError, pyrage.EncryptError):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, expected="age1...") from None
    return sealed


def seal_letter(letter: Letter, recipient: str) -> bytes:
    """Return the sealed catalog of a letter.

    Raises:
        LocalError: TOO_LARGE: the text, or the number of files. INVALID_ARGUMENT: no recipient.
    """
    if len(letter.text.encode()) > TEXT_BYTES_MAX:
        raise LocalError(ErrorCode.TOO_LARGE, value="text", maximum_bytes=TEXT_BYTES_MAX)
    if len(letter.files) > FILES_MAX:
        raise LocalError(ErrorCode.TOO_LARGE, value="files", maximum=FILES_MAX)
    return seal(msgspec.json.encode(letter), recipient)


@dataclass(frozen=True, slots=True)
class MailIdentity:
    """The key that opens what is sent to one mailbox; its file never leaves the machine.

    Attributes:
        recipient: the public half, "age1...".
    """

    recipient: str
    _secret: object = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> MailIdentity:
        """Read the key of a file, made at the first call with mode 0600.

        Raises:
            ConfigError: DATA_DIR_UNUSABLE: the file cannot be made or read, is no key, or others can read it.
        """
        try:
            if not path.exists():
                create_private(path, f"{pyrage.x25519.Identity.generate()}\n".encode("ascii"))
            check_private(path)
            secret = pyrage.x25519.Identity.from_str(path.read_text("ascii").strip())
        except (pyrage.IdentityError, UnicodeDecodeError):
            raise _unusable(path, "not an age identity") from None
        except OSError as error:
            raise _unusable(path, error.strerror or "not readable") from error
        return cls(str(secret.to_public()), secret)

    def mailbox(self) -> bytes:
        """Return the hash under which this key's mailbox is kept where nobody chose a name: SHA-256 of "age1..."."""
        return hashlib.sha256(self.recipient.encode()).digest()

    def open(self, sealed: bytes) -> bytes:
        """Open what was sealed for this key.

        Raises:
            PeerError: MALFORMED: it was not, or it was changed since.
        """
        try:
            plain: bytes = pyrage.decrypt(sealed, [self._secret])
        except pyrage.DecryptError:
            raise PeerError(ErrorCode.MALFORMED, fault="sealed for another key, or changed") from None
        return plain

    def open_letter(self, sealed: bytes) -> Letter:
        """Open a catalog, and check what it says of its files.

        Raises:
            PeerError: MALFORMED.
        """
        plain = self.open(sealed)
        try:
            letter = msgspec.json.decode(plain[: _CATALOG_BYTES_MAX + 1], type=Letter)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise PeerError(ErrorCode.MALFORMED, fault="catalog") from None
        _check_letter(letter)
        return letter

    def open_block(self, letter: Letter, name: str, sealed: bytes) -> bytes:
        """Open one block of a letter, which the catalog must vouch for.

        Raises:
            PeerError: MALFORMED: another block than the sender sealed.
        """
        if hashlib.sha256(sealed).hexdigest() != letter.sha256.get(name):
            raise PeerError(ErrorCode.MALFORMED, fault="another block than was sent")
        return self.open(sealed)


def _check_letter(letter: Letter) -> None:
    blocks = [name for file in letter.files for name in file.blocks]
    is_good = (
        len(letter.files) <= FILES_MAX
        and len(set(blocks)) == len(blocks)
        and set(blocks) == set(letter.sha256)
        and 0 <= letter.sent_ms < 2**53
        and len(letter.text.encode("utf-8", "replace")) <= TEXT_BYTES_MAX
        and all(0 < len(file.name) <= _NAME_CHARACTERS_MAX for file in letter.files)
        and all(0 <= file.size_bytes <= len(file.blocks) * BLOCK_BYTES for file in letter.files)
    )
    if not is_good:
        raise PeerError(ErrorCode.MALFORMED, fault="catalog")


def _is_recipient(text: str) -> bool:
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return False
    return True


def _unusable(path: Path, reason: str) -> ConfigError:
    return ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), reason=reason)
