from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest
from eth_keyfile.keyfile import create_keyfile_json, extract_key_from_keyfile

from parley.adapters.evm.keystore import KeyForm, keep_key, list_keys, make_key, open_key
from parley.adapters.memory import SeededEntropy
from parley.errors import ConfigError, ErrorCode, LocalError
from parley.primitives.one_shot import SecretKey

PASSPHRASE = "correct hörse"
CHEAP = 1_024
SECRET = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ACCOUNT = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")


class ZerosFirst:
    """Entropy that begins with what is no secret key."""

    def __init__(self) -> None:
        self._taken = 0
        self._inner = SeededEntropy(b"after zeros")

    def take(self, size_bytes: int) -> bytes:
        self._taken += 1
        return bytes(size_bytes) if self._taken == 1 else self._inner.take(size_bytes)


def kept(folder: Path, form: KeyForm) -> Path:
    entropy = SeededEntropy(b"key files")
    return keep_key(folder, SecretKey(SECRET), PASSPHRASE, entropy, form=form, scrypt_cost=CHEAP).path


@pytest.mark.parametrize("form", KeyForm)
def test_a_kept_key_is_opened_by_its_passphrase_here_and_elsewhere(form: KeyForm, tmp_path: Path) -> None:
    path = kept(tmp_path, form)
    assert path.name == f"0x{ACCOUNT.hex()}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_key(path, PASSPHRASE).reveal() == SECRET
    # The library leaves it to its caller to normalise the passphrase of version 4.
    passphrase = normalize("NFKD", PASSPHRASE) if form is KeyForm.EIP_2335 else PASSPHRASE
    assert extract_key_from_keyfile(str(path), passphrase.encode()) == SECRET
    assert [(key.path, key.form, key.address) for key in list_keys(tmp_path)] == [(path, form, ACCOUNT)]
    assert SECRET.hex() not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("stretching", ["scrypt", "pbkdf2"])
def test_the_files_of_others_are_opened(stretching: Literal["scrypt", "pbkdf2"], tmp_path: Path) -> None:
    made = create_keyfile_json(
        SECRET,
        PASSPHRASE.encode(),
        version=3,
        kdf=stretching,
        iterations=CHEAP,
    )
    path = write(tmp_path, made)
    assert open_key(path, PASSPHRASE).reveal() == SECRET
    early = {**made, "Crypto": made["crypto"]}
    del early["crypto"]
    assert open_key(write(tmp_path, early), PASSPHRASE).reveal() == SECRET


@pytest.mark.parametrize("form", KeyForm)
def test_another_passphrase_opens_nothing(form: KeyForm, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_key(kept(tmp_path, form), PASSPHRASE + "!")
    assert caught.value.code is ErrorCode.CONFIG_INVALID
    assert caught.value.facts["setting"] == "passphrase"


def test_the_passphrase_of_eip_2335_is_normalised(tmp_path: Path) -> None:
    path = kept(tmp_path, KeyForm.EIP_2335)
    assert open_key(path, "correct ho\u0308rse\x7f").reveal() == SECRET


def test_a_fresh_key_is_another_each_time_and_none_that_is_not_one(tmp_path: Path) -> None:
    entropy = SeededEntropy(b"fresh")
    made = {make_key(tmp_path, PASSPHRASE, entropy, scrypt_cost=CHEAP).address for _ in range(3)}
    assert len(made) == 3
    after_zeros = make_key(tmp_path, PASSPHRASE, ZerosFirst(), scrypt_cost=CHEAP)
    assert len(list_keys(tmp_path)) == 4
    assert any(open_key(after_zeros.path, PASSPHRASE).reveal())


def test_a_key_that_is_kept_already_stays(tmp_path: Path) -> None:
    path = kept(tmp_path, KeyForm.WEB3_V3)
    before = path.read_bytes()
    with pytest.raises(ConfigError) as caught:
        keep_key(tmp_path, SecretKey(SECRET), "another", SeededEntropy(b"second"), scrypt_cost=CHEAP)
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE
    assert path.read_bytes() == before


def test_an_empty_passphrase_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        make_key(tmp_path, "", SeededEntropy(b"empty"), scrypt_cost=CHEAP)
    with pytest.raises(ConfigError):
        open_key(kept(tmp_path, KeyForm.WEB3_V3), "")


def test_what_is_no_key_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(LocalError):
        keep_key(tmp_path, SecretKey(bytes(32)), PASSPHRASE, SeededEntropy(b"zeros"), scrypt_cost=CHEAP)
    assert list_keys(tmp_path) == ()


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = kept(tmp_path, KeyForm.WEB3_V3)
    path.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        open_key(path, PASSPHRASE)
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE


def test_folders_and_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    for ask in (
        lambda: open_key(tmp_path / "none.json", PASSPHRASE),
        lambda: list_keys(tmp_path / "none"),
        lambda: make_key(tmp_path / "none", PASSPHRASE, SeededEntropy(b"none"), scrypt_cost=CHEAP),
    ):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE


def test_what_is_no_key_file_is_skipped_in_a_list_and_refused_when_opened(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number, content in enumerate((b"", b"{}", b"[1]", b"\xff\xfe", b'{"version": 3}', b" " * 20_000)):
        path = tmp_path / f"{number}.json"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(ConfigError) as caught:
            open_key(path, PASSPHRASE)
        assert caught.value.code is ErrorCode.CONFIG_INVALID
    assert list_keys(tmp_path) == ()


def with_other_cipher(file: dict[str, dict[str, object]]) -> None:
    file["crypto"]["cipher"] = "aes-128-cbc"


def with_much_memory(file: dict[str, dict[str, object]]) -> None:
    file["crypto"]["kdfparams"] = {"dklen": 32, "n": 2**23, "r": 8, "p": 1, "salt": "00"}


def with_odd_cost(file: dict[str, dict[str, object]]) -> None:
    file["crypto"]["kdfparams"] = {"dklen": 32, "n": 1_023, "r": 8, "p": 1, "salt": "00"}


def with_cost_too_large_for_its_blocks(file: dict[str, dict[str, object]]) -> None:
    file["crypto"]["kdfparams"] = {"dklen": 32, "n": 262_144, "r": 1, "p": 8, "salt": "00"}


def with_other_hash(file: dict[str, dict[str, object]]) -> None:
    file["crypto"].update(kdf="pbkdf2", kdfparams={"dklen": 32, "c": 1, "prf": "hmac-md5", "salt": "00"})


def with_long_derivation(file: dict[str, dict[str, object]]) -> None:
    file["crypto"]["kdfparams"] = {"dklen": 2**31, "n": 1_024, "r": 8, "p": 1, "salt": "00"}


def with_short_vector(file: dict[str, dict[str, object]]) -> None:
    file["crypto"]["cipherparams"] = {"iv": "00"}


def with_another_account(file: dict[str, dict[str, object]]) -> None:
    file["address"] = "11" * 20  # type: ignore[assignment]  # a text among the objects


@pytest.mark.parametrize(
    "damage",
    [
        with_other_cipher,
        with_much_memory,
        with_odd_cost,
        with_cost_too_large_for_its_blocks,
        with_other_hash,
        with_long_derivation,
        with_short_vector,
        with_another_account,
    ],
)
def test_a_file_of_other_parameters_is_refused(
    damage: Callable[[dict[str, dict[str, object]]], None], tmp_path: Path
) -> None:
    file = json.loads(kept(tmp_path, KeyForm.WEB3_V3).read_text(encoding="utf-8"))
    damage(file)
    with pytest.raises(ConfigError) as caught:
        open_key(write(tmp_path, file), PASSPHRASE)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_a_file_of_version_4_with_another_cipher_is_refused(tmp_path: Path) -> None:
    file = json.loads(kept(tmp_path, KeyForm.EIP_2335).read_text(encoding="utf-8"))
    file["crypto"]["checksum"]["function"] = "md5"
    with pytest.raises(ConfigError) as caught:
        open_key(write(tmp_path, file), PASSPHRASE)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def write(folder: Path, file: object) -> Path:
    path = folder / "written.json"
    path.write_text(json.dumps(file), encoding="utf-8")
    path.chmod(0o600)
    return path
