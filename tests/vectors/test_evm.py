"""Agreement of addresses, keys, signed messages and ECDSA with the files in vectors/evm/ and vectors/ecdsa/."""

from __future__ import annotations

import pytest

from parley.errors import PeerError
from parley.ledgers.evm.addresses import checksum_text, parse_address
from parley.ledgers.evm.messages import message_digest
from parley.primitives import ecdsa
from tests.oracles import ecdsa as oracle
from tests.vectors.lottery_values import Case, load


@pytest.mark.parametrize("case", load("evm/addresses.json"))
def test_addresses(case: Case) -> None:
    text, account = case["text"], bytes.fromhex(case["address"])
    assert parse_address(text) == parse_address(text.lower()) == account
    assert checksum_text(parse_address(text)).lower() == text.lower()
    # The list of the EIP has two addresses each in plain upper and plain lower case, which are their own checksum.
    assert checksum_text(parse_address(text)) == text


@pytest.mark.parametrize("case", load("evm/refused_addresses.json"))
def test_refused_addresses(case: Case) -> None:
    with pytest.raises(PeerError) as caught:
        parse_address(case["text"])
    assert caught.value.code.name == "MALFORMED"


@pytest.mark.parametrize("case", load("evm/keys.json"))
def test_keys(case: Case) -> None:
    public = ecdsa.public_key(bytes.fromhex(case["secret"]))
    assert ecdsa.address_of(public).hex() == case["address"]


@pytest.mark.parametrize("case", load("evm/messages.json"))
def test_messages(case: Case) -> None:
    assert message_digest(bytes.fromhex(case["message"])).hex() == case["digest"]


@pytest.mark.parametrize("case", load("ecdsa/rfc6979.json"))
def test_deterministic_signatures(case: Case) -> None:
    secret, digest, signature = (bytes.fromhex(case[name]) for name in ("secret", "digest", "signature"))
    assert ecdsa.sign(secret, digest) == oracle.sign(secret, digest) == signature
    assert ecdsa.recover(digest, signature) == oracle.recover(digest, signature) == ecdsa.public_key(secret)
