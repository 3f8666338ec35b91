"""Addresses: form, scope, group, and whose word for them is taken; more forms are in vectors/peers/."""

from __future__ import annotations

import pytest

from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import (
    Address,
    AddressFault,
    AddressKind,
    AddressScope,
    address_group,
    address_host,
    address_kind,
    address_scope,
    host_scope,
    is_address_at,
    is_exchanged,
    is_followed,
    is_routable,
    parse_address,
)

ONION = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
LABEL = "a" * 60


def address_of(text: str) -> Address:
    address = parse_address(text)
    assert not isinstance(address, Rejected)
    return address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://8.8.4.4:7421", "http://8.8.4.4:7421"),
        ("HTTPS://Node.Parley.NET/", "https://node.parley.net:443"),
        ("http://[2606:4700:0::1]", "http://[2606:4700::1]:80"),
        ("http://[::ffff:8.8.4.4]:1", "http://8.8.4.4:1"),
        (f"http://{ONION.upper()}:65535", f"http://{ONION}:65535"),
    ],
)
def test_every_spelling_has_one_normal_form(text: str, address: str) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("http://" + "a" * 250, AddressFault.TOO_LONG),
        (f"http://{'.'.join([LABEL] * 4)}.abcde", AddressFault.TOO_LONG),
        ("gopher://8.8.4.4:70", AddressFault.FORM),
        ("http://8.8.4.4:80/x", AddressFault.FORM),
        ("http://b\u00fccher.ch:80", AddressFault.FORM),
        ("http://8.8.4.4:0", AddressFault.PORT),
        ("http://8.8.4.4:080", AddressFault.PORT),
        ("http://8.8.4.4:65536", AddressFault.PORT),
        ("http://8.8.4.4:655360", AddressFault.PORT),
        ("http://127.1:80", AddressFault.HOST),
        ("http://0x7f000001:80", AddressFault.HOST),
        ("http://[8.8.4.4]:80", AddressFault.HOST),
        ("http://[:::]:80", AddressFault.HOST),
        ("http://-a.net:80", AddressFault.HOST),
        ("http://a.onion:80", AddressFault.HOST),
        (f"http://a.{ONION}:80", AddressFault.HOST),
        (f"http://{'0' * 56}.onion:80", AddressFault.HOST),
        (f"http://{ONION.replace('pg6', 'qg6')}:80", AddressFault.HOST),
    ],
)
def test_what_is_no_address_is_refused_with_its_reason(text: str, fault: AddressFault) -> None:
    refused = parse_address(text)
    assert isinstance(refused, Rejected)
    assert refused.facts == {"reason": fault.value}
    assert (refused.code is ErrorCode.TOO_LARGE) is (fault is AddressFault.TOO_LONG)


def test_the_longest_address_counts_with_its_port() -> None:
    host = ".".join([LABEL] * 4) + ".aa"
    assert parse_address(f"http://{host}:80") == f"http://{host}:80"
    assert len(f"http://{host}:80") == 256
    too_long = Rejected(ErrorCode.TOO_LARGE, {"reason": AddressFault.TOO_LONG.value})
    assert parse_address(f"http://{host}a") == too_long


def test_the_refusal_never_repeats_the_text() -> None:
    assert "evil" not in str(parse_address("http://evil text"))


@pytest.mark.parametrize(
    ("text", "host", "kind", "group"),
    [
        ("http://8.8.4.4:1", "8.8.4.4", AddressKind.IPV4, "8.8.0.0/16"),
        ("http://[2606:4700::1]:1", "2606:4700::1", AddressKind.IPV6, "2606:4700::/32"),
        (f"http://{ONION}:1", ONION, AddressKind.ONION, "onion"),
        ("http://a.b.parley.net:1", "a.b.parley.net", AddressKind.NAME, "parley.net"),
        ("http://router:1", "router", AddressKind.NAME, "router"),
        ("http://localhost:9", "localhost", AddressKind.NAME, "loopback:9"),
        ("http://127.0.0.1:9", "127.0.0.1", AddressKind.IPV4, "loopback:9"),
    ],
)
def test_host_kind_and_group(text: str, host: str, kind: AddressKind, group: str) -> None:
    address = address_of(text)
    assert (address_host(address), address_kind(address), address_group(address)) == (host, kind, group)


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("8.8.4.4", AddressScope.PUBLIC),
        ("2606:4700::1", AddressScope.PUBLIC),
        ("node.parley.net", AddressScope.PUBLIC),
        (ONION, AddressScope.PUBLIC),
        ("10.0.0.1", AddressScope.PRIVATE),
        ("fd00::1", AddressScope.PRIVATE),
        ("router", AddressScope.PRIVATE),
        ("db.internal", AddressScope.PRIVATE),
        ("127.0.0.1", AddressScope.LOOPBACK),
        ("::ffff:127.0.0.1", AddressScope.LOOPBACK),
        ("::1", AddressScope.LOOPBACK),
        ("x.localhost", AddressScope.LOOPBACK),
        ("169.254.169.254", AddressScope.SPECIAL),
        ("fe80::1", AddressScope.SPECIAL),
        ("2002:a00:1::1", AddressScope.SPECIAL),
        ("node.test", AddressScope.SPECIAL),
    ],
)
def test_scope_of_a_host(host: str, scope: AddressScope) -> None:
    assert host_scope(host) is scope


def test_only_what_is_public_is_routable() -> None:
    assert is_routable(address_of("http://8.8.4.4:1"))
    assert not is_routable(address_of("http://10.0.0.1:1"))
    assert address_scope(address_of("http://10.0.0.1:1")) is AddressScope.PRIVATE


@pytest.mark.parametrize("own", [None, *AddressScope])
@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("http://8.8.4.4:1", AddressScope.PUBLIC),
        ("http://192.168.0.1:1", AddressScope.PRIVATE),
        ("http://127.0.0.1:1", AddressScope.LOOPBACK),
        ("http://169.254.169.254:80", AddressScope.SPECIAL),
    ],
)
def test_a_peer_is_believed_about_public_addresses_and_about_those_of_our_own_place(
    text: str, scope: AddressScope, own: AddressScope | None
) -> None:
    expected = scope is AddressScope.PUBLIC or (scope is own and scope is not AddressScope.SPECIAL)
    assert is_followed(address_of(text), own) is expected


@pytest.mark.parametrize(
    ("text", "own", "without", "with_it"),
    [
        ("http://8.8.4.4:1", AddressScope.LOOPBACK, True, True),
        ("http://10.0.0.1:1", AddressScope.PRIVATE, True, True),
        ("http://127.0.0.1:1", AddressScope.LOOPBACK, False, True),
        ("http://127.0.0.1:1", AddressScope.PUBLIC, False, False),
    ],
)
def test_loopback_addresses_are_exchanged_only_where_that_is_set(
    text: str, own: AddressScope, *, without: bool, with_it: bool
) -> None:
    assert is_exchanged(address_of(text), own, with_loopback=False) is without
    assert is_exchanged(address_of(text), own, with_loopback=True) is with_it


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("http://8.8.4.4:1", "8.8.4.4", True),
        ("http://8.8.4.4:1", "::ffff:8.8.4.4", True),
        ("http://8.8.4.4:1", "8.8.4.5", False),
        ("http://8.8.4.4:1", "127.0.0.1", False),
        ("http://[2606:4700::1]:1", "2606:4700:0:0::1", True),
        ("http://[2606:4700::1]:1", "2606:4700::2", False),
        ("http://node.parley.net:1", "8.8.4.4", False),
        ("http://node.parley.net:1", "node.parley.net", False),
        ("http://8.8.4.4:1", "unix socket", False),
        ("http://localhost:1", "127.0.0.1", True),
        ("http://127.0.0.1:1", "::1", True),
        ("http://127.0.0.1:1", "8.8.4.4", False),
        ("http://10.0.0.1:1", "127.0.0.1", False),
        ("http://10.0.0.1:1", "10.0.0.1", True),
        ("http://169.254.169.254:80", "169.254.169.254", False),
        (f"http://{ONION}:1", "127.0.0.1", True),
        (f"http://{ONION}:1", "8.8.4.4", True),
    ],
)
def test_a_caller_may_name_only_an_address_that_leads_back_to_it(text: str, source: str, *, expected: bool) -> None:
    assert is_address_at(address_of(text), source) is expected
