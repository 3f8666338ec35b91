"""The owner's side of `/v2/owner`: one JSON-RPC call at a time to the node of a data directory.

The standard library's client is used, as it loads in a tenth of the time that aiohttp takes, which is most of the
time that a short command runs. It follows no redirect and reads no proxy from the environment: the secret goes to
the node that wrote `node.json` and nowhere else.
"""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from parley.errors import ConfigError, ErrorCode, Fact, PeerError, Rejected, UnavailableError
from parley.node.config import NodeConfig, load_config
from parley.node.data_directory import DataDirectory

__all__ = ["ANSWER_BYTES_MAX", "OwnerClient", "connect"]

ANSWER_BYTES_MAX: Final = 256 * 2**20
"""The largest answer that is read: 100,000 records of 2 KiB; a query for more can be told a smaller size limit."""

_PATH: Final = "/v2/owner"
_USER: Final = "parley"
_TIMEOUT_MS: Final = 60_000
_MARGIN_MS: Final = 10_000
_MS_PER_SECOND: Final = 1_000
_CHUNK_BYTES: Final = 2**16
_CODES: Final[Mapping[int, ErrorCode]] = {int(code): code for code in ErrorCode}


class _Data(msgspec.Struct):
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)
    retry_after_ms: int | None = None


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: _Data | None = None


class _Reply(msgspec.Struct):
    jsonrpc: Literal["2.0"]
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Error | msgspec.UnsetType = msgspec.UNSET


class OwnerClient:
    """Calls one node with the owner's secret."""

    def __init__(self, url: str, secret: str, *, answer_bytes_max: int = ANSWER_BYTES_MAX) -> None:
        """Take a node's URL and its owner's secret; nothing is sent yet.

        Args:
            url: `http://HOST:PORT`, as in `node.json`.
            secret: 64 hex digits, the content of `owner_secret`.
            answer_bytes_max: no more than this is read of an answer.

        Raises:
            ConfigError: the URL is none of a node.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(ErrorCode.NODE_NOT_RUNNING, reason="node.json holds no URL") from error
        if parts.scheme != "http" or not host or port is None:
            raise ConfigError(ErrorCode.NODE_NOT_RUNNING, reason="node.json holds no URL like http://127.0.0.1:7420")
        self._host = host
        self._port = port
        self._answer_bytes_max = answer_bytes_max
        token = base64.b64encode(f"{_USER}:{secret}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def call(
        self, method: str, params: Mapping[str, Any], *, budget_ms: int = _TIMEOUT_MS
    ) -> dict[str, Any] | Rejected:
        """Call a method.

        Args:
            method: of `/v2/owner`.
            params: JSON-able, by name.
            budget_ms: how long the node may take; a margin is added for the way.

        Returns:
            The whole result, `{"Ok": value, ...}`, or the node's refusal.

        Raises:
            ConfigError: NODE_NOT_RUNNING: nothing listens there, or something else does.
            UnavailableError: the node did not answer in time.
            PeerError: TOO_LARGE, or MALFORMED: a refusal with a code that this release lacks.
        """
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, body = self._post(msgspec.json.encode(call), budget_ms + _MARGIN_MS)
        try:
            reply = msgspec.json.decode(body, type=_Reply)
            if isinstance(reply.error, _Error):
                return _refusal(reply.error)
            if isinstance(reply.result, msgspec.Raw):
                return msgspec.json.decode(reply.result, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._not_a_node(status) from error
        raise self._not_a_node(status)

    def _post(self, body: bytes, timeout_ms: int) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_ms / _MS_PER_SECOND)
        try:
            connection.request("POST", _PATH, body, self._headers)
            response = connection.getresponse()
            return response.status, self._read(response)
        except ConnectionRefusedError as error:
            raise ConfigError(ErrorCode.NODE_NOT_RUNNING, host=self._host, port=self._port) from error
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(ErrorCode.UNREACHABLE, host=self._host, port=self._port) from error
        finally:
            connection.close()

    def _not_a_node(self, status: int) -> ConfigError:
        return ConfigError(
            ErrorCode.NODE_NOT_RUNNING,
            host=self._host,
            port=self._port,
            http_status=status,
            reason="what answers there is no node",
        )

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        chunks: list[bytes] = []
        left_bytes = self._answer_bytes_max
        while chunk := response.read(min(_CHUNK_BYTES, left_bytes + 1)):
            left_bytes -= len(chunk)
            if left_bytes < 0:
                raise PeerError(ErrorCode.TOO_LARGE, limit_bytes=self._answer_bytes_max)
            chunks.append(chunk)
        return b"".join(chunks)


def connect(data_dir: str | None, environment: Mapping[str, str]) -> tuple[OwnerClient, NodeConfig]:
    """Find the running node of a data directory, and the settings that it would be started with.

    Args:
        data_dir: as given with --data-dir, None when it was not.
        environment: variables of the process.

    Raises:
        ConfigError: a setting is wrong, or no node runs there.
    """
    config, _ = load_config(flags={"data_dir": data_dir}, environment=environment)
    directory = DataDirectory(config.data_dir)
    return OwnerClient(directory.read_running().http, directory.read_owner_secret()), config


def _refusal(error: _Error) -> Rejected:
    code = _CODES.get(error.code)
    if code is None:
        raise PeerError(ErrorCode.MALFORMED, error_code=error.code, untrusted_text=error.message)
    data = error.data or _Data()
    facts = dict(data.facts)
    if data.retry_after_ms is not None:
        facts["retry_after_ms"] = data.retry_after_ms
    return Rejected(code, facts)
