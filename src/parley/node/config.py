"""The node's settings: defaults, then DIR/parley.toml, then PARLEY_* variables, then the command line.

Each value remembers its origin, so `parley config show` can say why it is what it is. Secrets are no
settings: they are files in the data directory.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from parley.errors import ConfigError, ErrorCode, Rejected
from parley.node.payments_config import ChainAccess, LotteryConfig
from parley.node.relay_config import RelayConfig
from parley.pool.addresses import Address, AddressScope, address_host, host_scope, parse_address
from parley.pool.config import PoolConfig
from parley.pool.peer_config import PeersConfig
from parley.primitives.ranges import check_ranges
from parley.upload.config import UploadConfig

__all__ = [
    "ANSWER_BYTES_MAX",
    "DEFAULT_DATA_DIR",
    "ENVIRONMENT_PREFIX",
    "PUBLIC_CACHE_AGE_MS",
    "NodeConfig",
    "Setting",
    "WorkConfig",
    "load_config",
    "setting_default",
    "setting_help",
    "setting_types",
]

ENVIRONMENT_PREFIX: Final = "PARLEY_"
DEFAULT_DATA_DIR: Final = "~/.parley"
PUBLIC_CACHE_AGE_MS: Final = 2_000
"""A public node's default of pool.cache_age_ms; a private node asks the network each time."""

ANSWER_BYTES_MAX: Final = 4 * 2**20
"""Most bytes of the items of one answer that peers take: part of the protocol, so a setting can only be lower."""

_BODY_BYTES_RANGE: Final = (1_024, 2**21)
_NETWORK_CHARACTERS_MAX: Final = 32
_NAME_CHARACTERS_MAX: Final = 128
_PORT_MAX: Final = 65_535
_DIGITS_MAX: Final = 20
_NAMES_KIND: Final = "tuple[str, ...]"
_WORK_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "query_units": (1, 2**30),
    "push_units": (1, 2**30),
    "challenge_ms": (1_000, 3_600_000),
}
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkConfig:
    """What a stranger's permission costs, in units of work (each about a few milliseconds of hashing)."""

    query_units: int = 16
    """Price of a query for every 1,000 nodes asked or records answered, begun thousands counted whole."""
    push_units: int = 64
    """Price of one pushed record."""
    challenge_ms: int = 120_000
    """How long a challenge can be answered."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of range.
        """
        check_ranges("work", self, _WORK_RANGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """All settings of one node."""

    data_dir: Path
    """Where the node keeps its secrets and its store."""
    http: str = "127.0.0.1:7420"
    """HOST:PORT to listen on; port 0 takes a free one."""
    peers: tuple[Address, ...] = ()
    """Peers that are always kept, as URLs."""
    public: bool = False
    """Serve strangers too, against work."""
    advertise: str = ""
    """URL under which peers reach this node; empty: the address it listens on."""
    name: str = ""
    """What this node calls itself in answers; empty: its advertised URL."""
    socks5: str = ""
    """HOST:PORT of a SOCKS5 proxy for .onion peers, such as 127.0.0.1:9050; empty: .onion peers are not reached."""
    network: str = "main"
    """Nodes of different networks refuse each other."""
    body_bytes_max: int = 262_144
    """Largest request body, in bytes."""
    log_level: str = "info"
    """debug, info, warning or error."""
    pool: PoolConfig = field(default_factory=PoolConfig)
    """Limits of the pool."""
    peering: PeersConfig = field(default_factory=PeersConfig)
    """Limits of the peer book."""
    work: WorkConfig = field(default_factory=WorkConfig)
    """Prices for strangers."""
    upload: UploadConfig = field(default_factory=UploadConfig)
    """Limits of tickets and mailboxes."""
    relay: RelayConfig = field(default_factory=RelayConfig)
    """Limits of what is brought to other nodes."""
    chain: ChainAccess = field(default_factory=ChainAccess)
    """The chain on which lottery tickets are paid."""
    lottery: LotteryConfig = field(default_factory=LotteryConfig)
    """What is paid, taken and redeemed in lottery tickets."""

    def __post_init__(self) -> None:
        """Check what the types do not say.

        Raises:
            ConfigError: a value is out of range.
        """
        self.host_and_port()
        if self.socks5:
            _host_and_port("socks5", self.socks5)
        if self.log_level not in _LOG_LEVELS:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="log_level", allowed=", ".join(_LOG_LEVELS))
        low, high = _BODY_BYTES_RANGE
        if not low <= self.body_bytes_max <= high:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="body_bytes_max", minimum=low, maximum=high)
        if not 1 <= len(self.network) <= _NETWORK_CHARACTERS_MAX or not (
            self.network.isascii() and self.network.isprintable()
        ):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="network", rule="1 to 32 printable ASCII characters")
        if len(self.name) > _NAME_CHARACTERS_MAX or (self.name and not self.name.isprintable()):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="name", rule="at most 128 printable characters")
        if self.advertise:
            _address("advertise", self.advertise)
        if self.pool.answer_bytes_max > ANSWER_BYTES_MAX:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="pool.answer_bytes_max", maximum=ANSWER_BYTES_MAX)
        if self.work.challenge_ms > self.pool.seen_ms:
            # A solved challenge may be presented until it expires; only a request that is still known is a duplicate.
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="work.challenge_ms", rule="at most pool.seen_ms")

    def onion_slots(self) -> int:
        """Return how many onion services may be dialled: none without a proxy."""
        return self.peering.onion_slots if self.socks5 else 0

    def is_private(self) -> bool:
        """Say whether only programs of this machine reach the node, so that what it shows needs no secret.

        A node on the loopback interface is reached from elsewhere when it is advertised, as an onion service or behind
        a proxy, or serves strangers.
        """
        hosts = [self.host_and_port()[0]]
        if self.advertise:
            hosts.append(address_host(_address("advertise", self.advertise)))
        return not self.public and all(host_scope(host) is AddressScope.LOOPBACK for host in hosts)

    def host_and_port(self) -> tuple[str, int]:
        """Return where to listen."""
        return _host_and_port("http", self.http)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, its value as text, and where the value comes from."""

    name: str
    value: str
    origin: str


_SECTIONS: Final[Mapping[str, type]] = {
    "pool": PoolConfig,
    "peering": PeersConfig,
    "work": WorkConfig,
    "upload": UploadConfig,
    "relay": RelayConfig,
    "chain": ChainAccess,
    "lottery": LotteryConfig,
}


def load_config(*, flags: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[NodeConfig, tuple[Setting, ...]]:
    """Put the settings together.

    Args:
        flags: from the command line, by setting name (`pool.records_max`); None values count as not given.
        environment: variables; PARLEY_HTTP sets http, PARLEY_POOL_RECORDS_MAX sets pool.records_max.

    Returns:
        The settings, and each with its origin, in the order of the reference.

    Raises:
        ConfigError: a file cannot be read, a name is unknown or a value is wrong.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    data_dir_text, data_dir_origin = _data_dir(given, environment)
    data_dir = Path(data_dir_text).expanduser()
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in (
        (str(data_dir / "parley.toml"), _from_file(data_dir / "parley.toml")),
        ("environment", _from_environment(environment)),
        ("command line", {name: value for name, value in given.items() if name != "data_dir"}),
    ):
        for name, value in layer.items():
            values[name] = _typed(name, value)
            origins[name] = origin
    if values.get("public") and "pool.cache_age_ms" not in values:
        values["pool.cache_age_ms"] = PUBLIC_CACHE_AGE_MS
        origins["pool.cache_age_ms"] = "default of a public node"
    config = _build(data_dir, values)
    origins["data_dir"] = data_dir_origin
    return config, tuple(
        Setting(name, _shown(_read(config, name)), origins.get(name, "default")) for name in setting_types()
    )


def setting_types() -> dict[str, str]:
    """Return every setting's name with the name of its type."""
    types: dict[str, str] = {}
    for item in fields(NodeConfig):
        section = _SECTIONS.get(item.name)
        if section is None:
            types[item.name] = str(item.type)
        else:
            types.update((f"{item.name}.{inner.name}", str(inner.type)) for inner in fields(section))
    return types


def setting_default(name: str) -> object:
    """Return the default of a setting."""
    section_name, _, inner = name.rpartition(".")
    section = _SECTIONS[section_name] if section_name else NodeConfig
    default = next(item.default for item in fields(section) if item.name == inner)
    return DEFAULT_DATA_DIR if default is MISSING else default


def setting_help(name: str) -> str:
    """Return what a setting is, from the text under its field."""
    section_name, _, inner = name.rpartition(".")
    return _texts_under_fields(_SECTIONS[section_name] if section_name else NodeConfig)[inner]


def _texts_under_fields(kind: type) -> dict[str, str]:
    """Read the texts that stand under the fields of a class, which only its source has."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    members = body.body if isinstance(body, ast.ClassDef) else []
    return {
        member.target.id: " ".join(after.value.value.split())
        for member, after in itertools.pairwise(members)
        if isinstance(member, ast.AnnAssign)
        and isinstance(member.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }


def _build(data_dir: Path, values: Mapping[str, Any]) -> NodeConfig:
    own = {name: value for name, value in values.items() if "." not in name}
    sections = {
        section: kind(
            **{name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{section}.")}
        )
        for section, kind in _SECTIONS.items()
    }
    return NodeConfig(data_dir=data_dir, **own, **sections)


def _data_dir(given: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, str]:
    if "data_dir" in given:
        return str(given["data_dir"]), "command line"
    variable = f"{ENVIRONMENT_PREFIX}DATA_DIR"
    if environment.get(variable):
        return environment[variable], "environment"
    return DEFAULT_DATA_DIR, "default"


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=str(path), rule="readable UTF-8") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=str(path), rule=f"TOML: {error}") from error
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat.update((f"{name}.{inner}", inner_value) for inner, inner_value in value.items())
        else:
            flat[name] = value
    return flat


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {ENVIRONMENT_PREFIX + name.replace(".", "_").upper(): name for name in setting_types()}
    return {
        names[variable]: value
        for variable, value in environment.items()
        if variable in names and names[variable] != "data_dir" and value
    }


def _typed(name: str, value: Any) -> Any:  # noqa: ANN401  # TOML, variables and flags bring any type
    kind = setting_types().get(name)
    if kind is None or name == "data_dir":
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, rule="known; see: parley config show")
    if name == "peers":
        return tuple(_address(name, text) for text in _texts(name, value, "a list of URLs"))
    if kind == _NAMES_KIND:
        return _texts(name, value, "a list of names")
    if kind == "bool":
        if isinstance(value, str) and value.lower() in {"1", "true", "yes", "0", "false", "no"}:
            return value.lower() in {"1", "true", "yes"}
        wanted: type = bool
    elif kind == "int":
        if isinstance(value, str) and value.replace("_", "").isdecimal() and len(value) <= _DIGITS_MAX:
            return int(value)
        wanted = int
    else:
        wanted = str
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, wanted=kind)
    return value


def _texts(name: str, value: object, rule: str) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, rule=rule)
    return tuple(text.strip() for text in texts)


def _address(name: str, text: str) -> Address:
    address = parse_address(text)
    if isinstance(address, Rejected):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, rule="a URL like http://127.0.0.1:7420")
    return address


def _host_and_port(name: str, text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isascii() or not port.isdecimal() or int(port) > _PORT_MAX:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, rule="HOST:PORT, such as 127.0.0.1:7420")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _read(config: NodeConfig, name: str) -> object:
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
