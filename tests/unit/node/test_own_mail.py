"""A person's side of mail: names that are safe to write to, letters cut into blocks, keys in files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from parley.adapters.upload.account_key import account_public_key
from parley.adapters.upload.envelope import BLOCK_BYTES, Attached, Contact, MailIdentity
from parley.adapters.upload.ticket_client import RemoteAnswer
from parley.errors import ConfigError, ErrorCode, LocalError, PeerError
from parley.node.own_mail import OwnMail, OwnNode, safe_name, seal_for
from parley.pool.addresses import Address
from tests.unit.node.parts import NOW

URL = Address("http://127.0.0.1:7420")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\a.txt", "a.txt"),
        ("../..", "file"),
        (".bashrc", "bashrc"),
        ("", "file"),
        ("a\x00b\n\x1b[2J.txt", "a_b__[2J.txt"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("x" * 300, "x" * 100),
        ("\U0001f600" * 300, "\U0001f600" * 60),
        ("\u00e4 b", "\u00e4 b"),
    ],
)
def test_names_are_safe_to_write_to(name: str, wanted: str) -> None:
    assert safe_name(name) == wanted


def test_files_are_cut_into_blocks_that_only_the_recipient_opens(tmp_path: Path) -> None:
    identity = MailIdentity.load(tmp_path / "key")
    contact = Contact(identity.mailbox(), URL, identity.recipient)
    large = bytes(range(256)) * (BLOCK_BYTES // 256) + b"end"
    sealed = seal_for(contact, "text", [("/home/a/large.bin", large), ("empty", b"")], NOW)
    letter = identity.open_letter(sealed.catalog)
    assert (letter.text, letter.sent_ms) == ("text", NOW)
    assert letter.files == (
        Attached("large.bin", BLOCK_BYTES + 3, ("0-0", "0-1")),
        Attached("empty", 0, ()),
    )
    assert letter.sha256 == {name: hashlib.sha256(block).hexdigest() for name, block in sealed.blocks.items()}
    opened = b"".join(identity.open_block(letter, name, sealed.blocks[name]) for name in letter.files[0].blocks)
    assert opened == large
    assert all(large[:64] not in block for block in sealed.blocks.values())


def test_a_letter_has_limits(tmp_path: Path) -> None:
    identity = MailIdentity.load(tmp_path / "key")
    contact = Contact(identity.mailbox(), URL, identity.recipient)
    with pytest.raises(LocalError) as caught:
        seal_for(contact, "", [(f"{number}", b"") for number in range(61)], NOW)
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_the_owner_is_named_as_rfc_7617_has_it() -> None:
    assert OwnNode.of(URL, "secret").authorization == "Basic cGFybGV5OnNlY3JldA=="


def test_the_key_of_an_account_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "account_key"
    public = account_public_key(path)
    assert public.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert account_public_key(path) == public
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["account_key"]
    path.write_text("nonsense")
    with pytest.raises(ConfigError):
        account_public_key(path)
    with pytest.raises(ConfigError):
        account_public_key(tmp_path / "none" / "account_key")


class OneOversized:
    """A node whose box holds one message that cannot be read, and one without a catalog."""

    async def call(self, method: str, url: Address, path: str, *_: object) -> RemoteAnswer:
        assert (method, url) == ("GET", URL)
        if path.endswith(f"{1:032x}/catalog"):
            raise PeerError(ErrorCode.TOO_LARGE)
        if path.endswith("/catalog"):
            return RemoteAnswer(404, b"")
        listed = [{"id": f"{number:032x}", "sender": "", "received_ms": 1, "size_bytes": 1, "parts": []}
                  for number in (1, 2)]  # fmt: skip
        return RemoteAnswer(200, msgspec.json.encode({"messages": listed}))


async def test_a_message_that_nobody_can_open_hides_no_other(tmp_path: Path) -> None:
    client: Any = OneOversized()
    mail = OwnMail(client, OwnNode.of(URL, "secret"), MailIdentity.load(tmp_path / "key"))
    found = await mail.received()
    assert [(one.listed.id, one.letter) for one in found] == [(f"{1:032x}", None), (f"{2:032x}", None)]
    assert (await mail.find(f"{1:032x}")).letter is None
