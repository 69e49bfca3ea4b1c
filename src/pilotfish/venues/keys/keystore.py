"""Keys on disk: one encrypted file a key, in the Ethereum keystore format, version 3 (eth-keyfile reads and writes it).

https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage/
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import msgspec
from eth_keyfile.keyfile import create_keyfile_json, decode_keyfile_json

from pilotfish.venues.keys.key import Key, KeyRefused

SCRYPT_N = 262_144  # the format's usual work factor: about a second and 256 MB a key


class Keystore:
    """A folder of encrypted keys, readable by its owner alone."""

    def __init__(self, folder: Path, work: int = SCRYPT_N) -> None:
        self.folder, self._work = folder, work

    def addresses(self) -> list[str]:
        """Of every key, sorted. Raises KeyRefused for a file in the folder that is no keystore."""
        return sorted(self._files())

    def create(self, password: str) -> str:
        """A new key from the system's source of randomness. Returns its address."""
        return self.add(secrets.token_bytes(32), password)

    def add(self, secret: bytes, password: str) -> str:
        """Keep an existing key. Returns its address. Raises KeyRefused: no key, a short password, or there already."""
        once = [secret]
        del secret  # a traceback that shows locals must not show it
        address = Key(once[0]).address
        if len(password) < 8:
            raise KeyRefused("the password", "is shorter than 8 characters", "choose a longer one")
        if address in self._files():
            raise KeyRefused(f"key {address}", "is in the keystore already", "remove its file first if you mean it")
        content = create_keyfile_json(once.pop(), password, kdf="scrypt", iterations=self._work)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{address}.json"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(content))
        return address

    def unlock(self, address: str, password: str) -> Key:
        """The key of `address`. Raises KeyRefused: no such key, others can read it, wrong password, damaged."""
        path = self._files().get(address.lower())
        if path is None:
            raise KeyRefused(f"key {address[:42]}", f"is not in {self.folder}", "pilotfish keys list shows what is")
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyRefused(str(path), "can be read by others", f"chmod 600 {path}")
        try:
            secret = decode_keyfile_json(_read(path), password)
        except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, NotImplementedError):
            raise KeyRefused(
                f"key {address[:42]}", "does not open", "check the password; else the file is damaged"
            ) from None
        once = [bytes(secret)]
        del secret
        key = Key(once.pop())
        if key.address != address.lower():
            raise KeyRefused(str(path), f"holds the key of {key.address}", "restore it from a backup")
        return key

    def _files(self) -> dict[str, Path]:
        out: dict[str, Path] = {}
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []:
            address = str(_read(path).get("address", "")).lower()
            out[address if address.startswith("0x") else f"0x{address}"] = path
        return out


def _read(path: Path) -> dict[str, object]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as bad:
        raise KeyRefused(
            str(path), f"is no keystore file ({type(bad).__name__})", "move it out of the folder"
        ) from None
    if not isinstance(content, dict) or content.get("version") != 3:
        raise KeyRefused(str(path), "is no keystore of version 3", "move it out of the folder")
    return content
