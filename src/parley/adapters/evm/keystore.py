"""Keys of accounts in files that only a passphrase opens, in the two forms that other wallets read and write.

    Web3 secret storage, version 3      geth and nearly every wallet; the account's address stands in it
    EIP-2335, version 4                 the same with checksums of SHA-256; the passphrase is normalised first

    derived     = scrypt or PBKDF2 of the passphrase, 32 bytes
    ciphertext  = AES-128-CTR(derived[:16], key)
    checksum    = hash(derived[16:] || ciphertext)      tells a wrong passphrase

A file says itself how hard its passphrase is stretched; what would take more than 512 MiB or minutes is refused.

Source: "Web3 Secret Storage Definition", EIP-2335 (vectors/evm/keystores.json).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from msgspec import Meta

from parley.adapters.files.private import check_private, create_private
from parley.errors import ConfigError, ErrorCode
from parley.ports.entropy import Entropy
from parley.primitives.ecdsa import FULL_KEY_BYTES, address_of, public_key
from parley.primitives.hashing import keccak256, sha256
from parley.primitives.ids import ADDRESS_BYTES, Address
from parley.primitives.one_shot import SECRET_KEY_BYTES, SecretKey
from parley.primitives.schnorr import is_secret_key

__all__ = ["SCRYPT_COST", "KeyFile", "KeyForm", "keep_key", "list_keys", "make_key", "open_key"]

SCRYPT_COST: Final = 262_144
"""How hard a fresh file's passphrase is stretched: about a second, and 256 MiB."""

_FILE_MAX_BYTES: Final = 16_384
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1
_SCRYPT_MAX_BYTES: Final = 536_870_912
_DERIVED_BYTES: Final = 32
_SALT_BYTES: Final = 32
_IV_BYTES: Final = 16
_ID_BYTES: Final = 16
_AES_KEY_BYTES: Final = 16
_WEB3_VERSION: Final = 3

_Hex = Annotated[str, Meta(pattern="^(0x)?([0-9a-fA-F]{2})*$", max_length=258)]


class KeyForm(Enum):
    """How a key stands in its file."""

    WEB3_V3 = "web3-v3"
    EIP_2335 = "eip-2335"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key in its file.

    Attributes:
        path: of the file.
        form: how the key stands in it.
        address: of the account, 20 bytes; None where the file does not tell before it is opened.
    """

    path: Path
    form: KeyForm
    address: Address | None


class _Stretching(msgspec.Struct, frozen=True):
    salt: _Hex
    dklen: Annotated[int, Meta(ge=_DERIVED_BYTES, le=_DERIVED_BYTES)]
    n: Annotated[int, Meta(ge=2, le=2**24)] | None = None
    r: Annotated[int, Meta(ge=1, le=64)] | None = None
    p: Annotated[int, Meta(ge=1, le=16)] | None = None
    c: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    prf: str | None = None


class _Iv(msgspec.Struct, frozen=True):
    iv: _Hex


class _Crypto3(msgspec.Struct, frozen=True):
    cipher: str
    cipherparams: _Iv
    ciphertext: _Hex
    kdf: str
    kdfparams: _Stretching
    mac: _Hex


class _Document3(msgspec.Struct, frozen=True):
    crypto: _Crypto3
    id: str
    version: Literal[3]
    address: _Hex | None = None


class _Kdf4(msgspec.Struct, frozen=True):
    function: str
    params: _Stretching
    message: str = ""


class _Checksum4(msgspec.Struct, frozen=True):
    function: str
    message: _Hex
    params: dict[str, str] = {}


class _Cipher4(msgspec.Struct, frozen=True):
    function: str
    params: _Iv
    message: _Hex


class _Crypto4(msgspec.Struct, frozen=True):
    kdf: _Kdf4
    checksum: _Checksum4
    cipher: _Cipher4


class _Document4(msgspec.Struct, frozen=True):
    crypto: _Crypto4
    uuid: str
    version: Literal[4]
    path: str = ""
    public_key: _Hex = msgspec.field(name="pubkey", default="")
    description: str = ""


def make_key(
    folder: Path,
    passphrase: str,
    entropy: Entropy,
    *,
    form: KeyForm = KeyForm.WEB3_V3,
    scrypt_cost: int = SCRYPT_COST,
) -> KeyFile:
    """Make a fresh key and keep it; see `keep_key`."""
    secret = entropy.take(SECRET_KEY_BYTES)
    while not is_secret_key(secret):
        secret = entropy.take(SECRET_KEY_BYTES)
    return keep_key(folder, SecretKey(secret), passphrase, entropy, form=form, scrypt_cost=scrypt_cost)


def keep_key(
    folder: Path,
    key: SecretKey,
    passphrase: str,
    entropy: Entropy,
    *,
    form: KeyForm = KeyForm.WEB3_V3,
    scrypt_cost: int = SCRYPT_COST,
) -> KeyFile:
    """Keep a key in a file of its own, `0x<address>.json`, mode 0600; blocks for about a second.

    Args:
        folder: exists, and belongs to the node alone.
        key: of an account.
        passphrase: not empty.
        entropy: for salt and initial vector.
        form: how the key stands in the file.
        scrypt_cost: a power of two; less than the default is for tests.

    Returns:
        The file.

    Raises:
        ConfigError: CONFIG_INVALID: the passphrase is empty. DATA_DIR_UNUSABLE: the file cannot be written, or there is
            one for this account already.
        LocalError: not a secret key.
    """
    _check_passphrase(passphrase)
    address = address_of(public_key(key.reveal()))
    path = folder / f"0x{address.hex()}.json"
    encode = _encode3 if form is KeyForm.WEB3_V3 else _encode4
    content = encode(key.reveal(), passphrase, entropy, scrypt_cost)
    try:
        if path.exists():
            raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), reason="there is a key already")
        create_private(path, content)
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), errno=error.errno or 0) from error
    return KeyFile(path, form, address)


def open_key(path: Path, passphrase: str) -> SecretKey:
    """Open a key file of either form; blocks for about a second.

    Raises:
        ConfigError: CONFIG_INVALID: the passphrase is wrong, or the file holds no key in a form known here.
            DATA_DIR_UNUSABLE: the file cannot be read, or others can read it.
    """
    _check_passphrase(passphrase)
    try:
        check_private(path)
        document = _read(path)
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), errno=error.errno or 0) from error
    if isinstance(document, _Document3):
        secret = _open3(path, document, passphrase)
    else:
        secret = _open4(path, document, passphrase)
    told = _address(document)
    if not is_secret_key(secret) or (told is not None and address_of(public_key(secret)) != told):
        raise _unfit(path, "holds the key of another account, or none")
    return SecretKey(secret)


def list_keys(folder: Path) -> tuple[KeyFile, ...]:
    """Return the key files in a folder, by name; other files are skipped.

    Raises:
        ConfigError: DATA_DIR_UNUSABLE: the folder cannot be read.
    """
    found: list[KeyFile] = []
    try:
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            try:
                document = _read(path)
            except ConfigError:
                continue
            form = KeyForm.WEB3_V3 if isinstance(document, _Document3) else KeyForm.EIP_2335
            found.append(KeyFile(path, form, _address(document)))
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(folder), errno=error.errno or 0) from error
    return tuple(found)


def _encode3(secret: bytes, passphrase: str, entropy: Entropy, cost: int) -> bytes:
    stretching = _fresh_stretching(entropy, cost)
    derived = _stretch(stretching, "scrypt", passphrase.encode())
    iv = entropy.take(_IV_BYTES)
    ciphertext = _crypt(derived, iv, secret)
    document = _Document3(
        crypto=_Crypto3(
            cipher="aes-128-ctr",
            cipherparams=_Iv(iv.hex()),
            ciphertext=ciphertext.hex(),
            kdf="scrypt",
            kdfparams=stretching,
            mac=keccak256(derived[_AES_KEY_BYTES:], ciphertext).hex(),
        ),
        id=str(UUID(bytes=entropy.take(_ID_BYTES), version=4)),
        version=3,
        address=address_of(public_key(secret)).hex(),
    )
    return _encode(document)


def _encode4(secret: bytes, passphrase: str, entropy: Entropy, cost: int) -> bytes:
    stretching = _fresh_stretching(entropy, cost)
    derived = _stretch(stretching, "scrypt", _normal(passphrase))
    iv = entropy.take(_IV_BYTES)
    ciphertext = _crypt(derived, iv, secret)
    checksum = sha256(derived[_AES_KEY_BYTES:], ciphertext)
    document = _Document4(
        crypto=_Crypto4(
            kdf=_Kdf4("scrypt", stretching),
            checksum=_Checksum4("sha256", checksum.hex()),
            cipher=_Cipher4("aes-128-ctr", _Iv(iv.hex()), ciphertext.hex()),
        ),
        uuid=str(UUID(bytes=entropy.take(_ID_BYTES), version=4)),
        version=4,
        public_key=public_key(secret).hex(),
    )
    return _encode(document)


def _open3(path: Path, document: _Document3, passphrase: str) -> bytes:
    crypto = document.crypto
    if crypto.cipher != "aes-128-ctr":
        raise _unfit(path, "another cipher")
    derived = _stretch(crypto.kdfparams, crypto.kdf, passphrase.encode())
    ciphertext = _bytes(crypto.ciphertext)
    if not hmac.compare_digest(keccak256(derived[_AES_KEY_BYTES:], ciphertext), _bytes(crypto.mac)):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase", path=str(path))
    return _crypt(derived, _bytes(crypto.cipherparams.iv), ciphertext)


def _open4(path: Path, document: _Document4, passphrase: str) -> bytes:
    crypto = document.crypto
    if crypto.cipher.function != "aes-128-ctr" or crypto.checksum.function != "sha256":
        raise _unfit(path, "another cipher or checksum")
    derived = _stretch(crypto.kdf.params, crypto.kdf.function, _normal(passphrase))
    ciphertext = _bytes(crypto.cipher.message)
    if not hmac.compare_digest(sha256(derived[_AES_KEY_BYTES:], ciphertext), _bytes(crypto.checksum.message)):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase", path=str(path))
    return _crypt(derived, _bytes(crypto.cipher.params.iv), ciphertext)


def _stretch(stretching: _Stretching, function: str, passphrase: bytes) -> bytes:
    """Derive 32 bytes from a passphrase.

    Raises:
        ConfigError: CONFIG_INVALID: parameters that no one needs.
    """
    salt = _bytes(stretching.salt)
    n, r, p = stretching.n, stretching.r, stretching.p
    if function == "scrypt" and n is not None and r is not None and p is not None:
        size_bytes = 128 * r * (n + p + 2)
        if size_bytes <= _SCRYPT_MAX_BYTES and n & (n - 1) == 0:
            with contextlib.suppress(ValueError):  # n too large for r (RFC 7914 §2)
                return hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, maxmem=2 * size_bytes, dklen=_DERIVED_BYTES)
    if function == "pbkdf2" and stretching.c is not None and stretching.prf == "hmac-sha256":
        return hashlib.pbkdf2_hmac("sha256", passphrase, salt, stretching.c, _DERIVED_BYTES)
    raise ConfigError(ErrorCode.CONFIG_INVALID, setting="key file", fault="another way to stretch a passphrase")


def _crypt(derived: bytes, iv: bytes, text: bytes) -> bytes:
    """Encrypt or decrypt, which is the same in this mode."""
    if len(iv) != _IV_BYTES:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="key file", fault="another size of iv")
    worker = Cipher(AES(derived[:_AES_KEY_BYTES]), CTR(iv)).encryptor()
    return worker.update(text) + worker.finalize()


def _fresh_stretching(entropy: Entropy, cost: int) -> _Stretching:
    return _Stretching(salt=entropy.take(_SALT_BYTES).hex(), dklen=_DERIVED_BYTES, n=cost, r=_SCRYPT_R, p=_SCRYPT_P)


def _normal(passphrase: str) -> bytes:
    """Return a passphrase as EIP-2335 hashes it: one form of each letter, no control characters."""
    normal = unicodedata.normalize("NFKD", passphrase)
    return "".join(letter for letter in normal if unicodedata.category(letter) != "Cc").encode()


def _encode(document: _Document3 | _Document4) -> bytes:
    fields = msgspec.to_builtins(document)
    crypto = fields["crypto"]
    params = crypto["kdfparams"] if "kdfparams" in crypto else crypto["kdf"]["params"]
    for name in [name for name, value in params.items() if value is None]:
        del params[name]
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def _read(path: Path) -> _Document3 | _Document4:
    with path.open("rb") as file:
        raw = file.read(_FILE_MAX_BYTES + 1)
    try:
        fields = msgspec.json.decode(raw, type=dict[str, object])
        if "Crypto" in fields:  # as early versions of geth wrote it
            fields["crypto"] = fields.pop("Crypto")
        if fields.get("version") == _WEB3_VERSION:
            return msgspec.convert(fields, type=_Document3)
        return msgspec.convert(fields, type=_Document4)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unfit(path, "no key file of version 3 or 4") from None


def _address(document: _Document3 | _Document4) -> Address | None:
    """Return the account that a file names."""
    if isinstance(document, _Document3):
        told = _bytes(document.address or "")
        return Address(told) if len(told) == ADDRESS_BYTES else None
    public = _bytes(document.public_key)
    return address_of(public) if len(public) == FULL_KEY_BYTES else None


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _check_passphrase(passphrase: str) -> None:
    if not passphrase:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase", fault="empty")


def _unfit(path: Path, fault: str) -> ConfigError:
    return ConfigError(ErrorCode.CONFIG_INVALID, path=str(path), fault=fault)
