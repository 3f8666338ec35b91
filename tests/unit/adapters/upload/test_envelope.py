"""Letters are read by their recipient only; contacts have one form."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from parley.adapters.upload.envelope import (
    BLOCK_BYTES,
    FILES_MAX,
    TEXT_BYTES_MAX,
    Attached,
    Contact,
    Letter,
    MailIdentity,
    encode_contact,
    parse_contact,
    seal,
    seal_letter,
)
from parley.errors import ConfigError, ErrorCode, LocalError, PeerError, Rejected
from parley.pool.addresses import Address

# The example key pair of the age specification's test kit.
SECRET = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"
PUBLIC = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"


@pytest.fixture
def identity(tmp_path: Path) -> MailIdentity:
    return MailIdentity.load(tmp_path / "mail_identity")


def test_a_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "mail_identity"
    made = MailIdentity.load(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert MailIdentity.load(path).recipient == made.recipient
    assert made.mailbox() == hashlib.sha256(made.recipient.encode()).digest()
    assert path.read_text().strip() not in repr(made)
    assert [one.name for one in tmp_path.iterdir()] == ["mail_identity"]


def test_a_known_secret_has_the_known_public_key(tmp_path: Path) -> None:
    path = tmp_path / "mail_identity"
    path.write_text(SECRET)
    path.chmod(0o600)
    assert MailIdentity.load(path).recipient == PUBLIC


@pytest.mark.parametrize(("content", "mode"), [(b"nonsense", 0o600), (b"\xff", 0o600), (SECRET.encode(), 0o640)])
def test_a_file_that_is_no_key_or_lies_open_is_refused(tmp_path: Path, content: bytes, mode: int) -> None:
    path = tmp_path / "mail_identity"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        MailIdentity.load(path)
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        MailIdentity.load(tmp_path / "none" / "mail_identity")


def test_contacts_have_one_form() -> None:
    contact = Contact(bytes(range(32)), Address("http://127.0.0.1:7420"), PUBLIC)
    text = f"parley:{bytes(range(32)).hex()}@http://127.0.0.1:7420#{PUBLIC}"
    assert encode_contact(contact) == text
    assert parse_contact(text) == contact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "parley:",
        f"parley:{'0' * 63}@http://a.example:1#{PUBLIC}",
        f"parley:{'0' * 64}@ftp://a.example:1#{PUBLIC}",
        f"parley:{'0' * 64}@http://user@a.example:1#{PUBLIC}",
        f"parley:{'0' * 64}@http://a.example:1/path#{PUBLIC}",
        f"parley:{'0' * 64}@http://169.254.169.254:99999#{PUBLIC}",
        f"parley:{'0' * 64}@http://a.example:1#{PUBLIC[:-1]}q",
        f"parley:{'0' * 64}@http://a.example:1#{SECRET}",
        f"parley:{'0' * 64}@http://{'a' * 600}:1#{PUBLIC}",
    ],
)
def test_other_texts_are_no_contacts(text: str) -> None:
    refused = parse_contact(text)
    assert isinstance(refused, Rejected)
    assert refused.code is ErrorCode.MALFORMED


def test_only_the_recipient_opens_a_letter(identity: MailIdentity, tmp_path: Path) -> None:
    block = seal(b"content", identity.recipient)
    digest = hashlib.sha256(block).hexdigest()
    letter = Letter("text \u2603", 1_000, (Attached("a.txt", 7, ("0-0",)),), {"0-0": digest})
    sealed = seal_letter(letter, identity.recipient)
    assert b"text" not in sealed
    opened = identity.open_letter(sealed)
    assert opened == letter
    assert identity.open_block(opened, "0-0", block) == b"content"
    other = MailIdentity.load(tmp_path / "other")
    with pytest.raises(PeerError):
        other.open_letter(sealed)


def test_a_changed_or_swapped_block_is_found_out(identity: MailIdentity) -> None:
    first, second = seal(b"first", identity.recipient), seal(b"second", identity.recipient)
    letter = Letter("", 0, (Attached("a", 5, ("0-0",)),), {"0-0": hashlib.sha256(first).hexdigest()})
    for name, sealed in (("0-0", second), ("0-1", first), ("0-0", first[:-1])):
        with pytest.raises(PeerError):
            identity.open_block(letter, name, sealed)
    with pytest.raises(PeerError):
        identity.open(first[:-1])


@pytest.mark.parametrize(
    "letter",
    [
        Letter("", -1),
        Letter("", 0, (Attached("", 0, ()),)),
        Letter("", 0, (Attached("a", 1, ()),)),
        Letter("", 0, (Attached("a", BLOCK_BYTES + 1, ("0-0",)),), {"0-0": ""}),
        Letter("", 0, (Attached("a", 1, ("0-0",)),)),
        Letter("", 0, (Attached("a", 1, ("0-0", "0-0")),), {"0-0": ""}),
        Letter("", 0, (), {"0-0": ""}),
    ],
)
def test_a_catalog_that_contradicts_itself_is_refused(identity: MailIdentity, letter: Letter) -> None:
    with pytest.raises(PeerError):
        identity.open_letter(seal_letter(letter, identity.recipient))


def test_a_catalog_that_is_no_catalog_is_refused(identity: MailIdentity) -> None:
    for plain in (b"", b"[]", b"\xff", b'{"text": "", "sent_ms": 0, "extra": 1}'):
        with pytest.raises(PeerError):
            identity.open_letter(seal(plain, identity.recipient))


def test_letters_have_limits(identity: MailIdentity) -> None:
    largest = Letter("x" * TEXT_BYTES_MAX, 0, tuple(Attached(f"{number}", 0, ()) for number in range(FILES_MAX)))
    assert identity.open_letter(seal_letter(largest, identity.recipient)) == largest
    for letter in (Letter("x" * (TEXT_BYTES_MAX + 1), 0), Letter("", 0, (*largest.files, Attached("more", 0, ())))):
        with pytest.raises(LocalError):
            seal_letter(letter, identity.recipient)
    with pytest.raises(LocalError):
        seal(b"", "age1nonsense")
