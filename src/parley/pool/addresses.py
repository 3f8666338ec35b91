"""Where a node can be reached: one normal form of URL, how far it reaches, and which group it belongs to.

A remote's word about where to connect is the oldest way to make a program attack its own network. So the
form is strict, every spelling of an address has one normal form, and what is not plainly public is followed
only by a node that stands in the same private place itself.

Source: docs/spec/peers.md §2 (vectors/peers/addresses.json, vectors/peers/refused_addresses.json).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from enum import Enum, auto
from typing import NewType

from parley.errors import ErrorCode, Rejected

__all__ = [
    "ADDRESS_CHARACTERS_MAX",
    "ONION_GROUP",
    "Address",
    "AddressFault",
    "AddressKind",
    "AddressScope",
    "address_group",
    "address_host",
    "address_kind",
    "address_scope",
    "host_scope",
    "is_address_at",
    "is_exchanged",
    "is_followed",
    "is_routable",
    "parse_address",
    "source_network",
]

ADDRESS_CHARACTERS_MAX = 256
"""Longest address, in characters, before and after it is brought to its normal form."""

ONION_GROUP = "onion"
"""The one group of all onion services: a new name costs nothing, so their number proves nothing."""

Address = NewType("Address", str)
"""The normal form "scheme://host:port", made by `parse_address` only."""

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORM = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(?::([0-9]+))?/?", re.IGNORECASE | re.ASCII)
_LABEL = re.compile(r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORT_MAX = 65_535
_IPV4_GROUP_BITS = 16
_IPV6_GROUP_BITS = 32
_IPV6_HOST_BITS = 64
_ONION = ".onion"
_ONION_CHARACTERS = 56
_ONION_VERSION = 3

# The registries of special-purpose addresses (RFC 6890 and its successors), not Python's `is_global`, which
# changed between releases: two nodes must agree on what is private.
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_PRIVATE_SUFFIXES = ("local", "internal", "intranet", "private", "lan", "home", "corp", "home.arpa")
_SPECIAL_SUFFIXES = ("arpa", "example", "invalid", "test", "alt")


class AddressFault(Enum):
    """Why a text is no address; the value is the fact `reason` of the refusal."""

    TOO_LONG = "longer than 256 characters"
    FORM = "not of the form http://host:port"
    PORT = "the port is not 1 to 65535 without leading zeros"
    HOST = "the host is no IP address, DNS name or onion service"


class AddressKind(Enum):
    """What the host of an address is."""

    IPV4 = auto()
    IPV6 = auto()
    ONION = auto()
    NAME = auto()


class AddressScope(Enum):
    """From where an address can be reached."""

    PUBLIC = auto()
    PRIVATE = auto()
    LOOPBACK = auto()
    SPECIAL = auto()


def parse_address(text: str) -> Address | Rejected:
    """Bring an address to its normal form.

    Lower case, the port always written, no path, an IPv4 address inside an IPv6 one written as IPv4, IPv6 in
    its shortest form. A host whose last label is a number must be a full dotted quad: what a resolver would
    make of "127.1" or "0x7f000001" is not left to the resolver.

    Args:
        text: from anywhere; `http` or `https`, without user, path, query or fragment.

    Returns:
        The address, or `Rejected` (MALFORMED, TOO_LARGE) with the `reason` of an `AddressFault`.

    Source: docs/spec/peers.md §2.
    """
    if len(text) > ADDRESS_CHARACTERS_MAX:
        return _refused(ErrorCode.TOO_LARGE, AddressFault.TOO_LONG)
    match = _FORM.fullmatch(text.lower()) if text.isascii() else None
    if match is None:
        return _refused(ErrorCode.MALFORMED, AddressFault.FORM)
    scheme, raw_host, raw_port = match.groups()
    port = raw_port if raw_port is not None else "443" if scheme == "https" else "80"
    if port.startswith("0") or len(port) > len(str(_PORT_MAX)) or int(port) > _PORT_MAX:
        return _refused(ErrorCode.MALFORMED, AddressFault.PORT)
    host = _normal_host(raw_host)
    if host is None:
        return _refused(ErrorCode.MALFORMED, AddressFault.HOST)
    address = f"{scheme}://{host}:{port}"
    if len(address) > ADDRESS_CHARACTERS_MAX:
        return _refused(ErrorCode.TOO_LARGE, AddressFault.TOO_LONG)
    return Address(address)


def address_host(address: Address) -> str:
    """Return the host of an address, an IPv6 address without its brackets."""
    return _split(address)[0]


def address_kind(address: Address) -> AddressKind:
    """Say what the host is."""
    host = address_host(address)
    number = _ip_address(host)
    if number is not None:
        return AddressKind.IPV4 if isinstance(number, ipaddress.IPv4Address) else AddressKind.IPV6
    return AddressKind.ONION if host.endswith(_ONION) else AddressKind.NAME


def address_group(address: Address) -> str:
    """Name the group of an address: what one operator gets hold of at one price.

    Returns:
        IPv4 its /16, IPv6 its /32, onion services one group, a DNS name its last two labels; on the loopback
        interface every port is a group of its own, since nothing there can be diverse.

    Source: docs/spec/peers.md §3 (vectors/peers/addresses.json).
    """
    host, port = _split(address)
    number = _ip_address(host)
    if (_name_scope(host) is AddressScope.LOOPBACK) if number is None else number.is_loopback:
        return f"loopback:{port}"
    if number is None:
        return ONION_GROUP if host.endswith(_ONION) else ".".join(host.split(".")[-2:])
    bits = _IPV4_GROUP_BITS if isinstance(number, ipaddress.IPv4Address) else _IPV6_GROUP_BITS
    rest_bits = number.max_prefixlen - bits
    return f"{type(number)(int(number) >> rest_bits << rest_bits)}/{bits}"


def address_scope(address: Address) -> AddressScope:
    """Say from where an address can be reached, as far as its text shows; see `host_scope`."""
    return host_scope(address_host(address))


def host_scope(host: str) -> AddressScope:
    """Say from where a host can be reached.

    A DNS name may still resolve to a private address: whoever resolves it asks again with what came out.

    Args:
        host: a normal host without brackets, or an IP address in any form that Python reads.
    """
    number = _ip_address(host)
    if number is None:
        return _name_scope(host)
    if number.is_loopback:
        return AddressScope.LOOPBACK
    if any(number in network for network in _PRIVATE):
        return AddressScope.PRIVATE
    is_special = any(number in network for network in _SPECIAL)
    if is_special or (isinstance(number, ipaddress.IPv6Address) and number not in _GLOBAL_UNICAST):
        return AddressScope.SPECIAL
    return AddressScope.PUBLIC


def is_routable(address: Address) -> bool:
    """Say whether an address can be reached from everywhere."""
    return address_scope(address) is AddressScope.PUBLIC


def is_followed(address: Address, own_scope: AddressScope | None) -> bool:
    """Say whether to take a peer's word for an address.

    Public ones always; private and loopback ones only when this node's own address is of the same scope. So no
    peer makes a public node knock at the doors of its own network, nor any node at a metadata service.

    Args:
        address: what a peer named.
        own_scope: of this node's own address; None when it has none.
    """
    scope = address_scope(address)
    if scope is AddressScope.PUBLIC:
        return True
    return scope is own_scope and scope is not AddressScope.SPECIAL


def is_exchanged(address: Address, own_scope: AddressScope | None, *, with_loopback: bool) -> bool:
    """Say whether an address may pass from peer to peer.

    As `is_followed`; a loopback address only where `with_loopback` is set: it means another node on every machine,
    and the nodes of one machine are linked as their owner sets them.
    """
    return is_followed(address, own_scope) and (with_loopback or address_scope(address) is not AddressScope.LOOPBACK)


def is_address_at(address: Address, source_host: str) -> bool:
    """Say whether a caller from `source_host` may name this address as its own.

    Only what leads back to the caller: the very host it calls from, unless that is a special one, any onion service
    (which hides its host), and on the loopback interface any spelling of it. A call-back can then hit nobody but the
    caller.

    Args:
        address: what the caller named.
        source_host: the IP address of the connection, as the socket tells it.
    """
    host = address_host(address)
    if host.endswith(_ONION):
        return True
    source, scope = _ip_address(source_host), host_scope(host)
    if source is None or scope is AddressScope.SPECIAL:
        return False
    if source.is_loopback and scope is AddressScope.LOOPBACK:
        return True
    return _ip_address(host) == source


def source_network(source_host: str) -> str:
    """Name what one party can be expected to hold of the address space, wherever callers are counted.

    Args:
        source_host: the IP address of a connection, as the socket tells it.

    Returns:
        An IPv4 address, also where it is mapped into IPv6; an IPv6 /64; a loopback address; empty where there is none.
    """
    number = _ip_address(source_host.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address) and not number.is_loopback:
        return f"{ipaddress.IPv6Address(int(number) >> _IPV6_HOST_BITS << _IPV6_HOST_BITS)}/64"
    return "" if number is None else str(number)


def _refused(code: ErrorCode, fault: AddressFault) -> Rejected:
    return Rejected(code, {"reason": fault.value})


def _split(address: Address) -> tuple[str, str]:
    host, _, port = address.partition("://")[2].rpartition(":")
    return host.removeprefix("[").removesuffix("]"), port


def _ip_address(host: str) -> _IPAddress | None:
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return number if mapped is None else mapped


def _normal_host(host: str) -> str | None:
    if host.startswith("["):
        number = _ip_address(host[1:-1])
        if number is None or ":" not in host:
            return None
        return str(number) if isinstance(number, ipaddress.IPv4Address) else f"[{number.compressed}]"
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        number = _ip_address(host)
        return None if number is None else str(number)
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    if labels[-1] == ONION_GROUP and not _is_onion(labels):
        return None
    return host


def _is_onion(labels: list[str]) -> bool:
    """Check version and checksum of an onion service's name, version 3.

    Source: rend-spec-v3 of Tor, "Encoding onion addresses".
    """
    if len(labels) != len(("name", ONION_GROUP)) or len(labels[0]) != _ONION_CHARACTERS:
        return False
    try:
        raw = base64.b32decode(labels[0].upper())
    except ValueError:
        return False
    key, checksum, version = raw[:32], raw[32:34], raw[34:]
    wanted = hashlib.sha3_256(b".onion checksum" + key + version).digest()[:2]
    return version == bytes([_ONION_VERSION]) and checksum == wanted


def _name_scope(host: str) -> AddressScope:
    if host == "localhost" or host.endswith(".localhost"):
        return AddressScope.LOOPBACK
    if "." not in host or host.endswith(tuple(f".{suffix}" for suffix in _PRIVATE_SUFFIXES)):
        return AddressScope.PRIVATE
    if host.endswith(tuple(f".{suffix}" for suffix in _SPECIAL_SUFFIXES)):
        return AddressScope.SPECIAL
    return AddressScope.PUBLIC
