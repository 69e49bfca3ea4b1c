"""An exchange's API key, from the environment or a file that only its owner can read; never from a settings file."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.ccxt.settings import Credentials

_FIELDS = ("key", "secret", "password")


def read_credentials(exchange: str, file: str, environment: Mapping[str, str]) -> Credentials | None:
    """`file` stands above PILOTFISH_BINANCE_KEY, …_SECRET and …_PASSWORD (OKX's passphrase). None: nothing is said.

    The file is TOML: `key = "…"`, `secret = "…"`, `password = "…"`. Raises ConfigError, which repeats none of it.
    """
    names = {field: f"PILOTFISH_{exchange.upper()}_{field.upper()}" for field in _FIELDS}
    said = _from_file(file) if file else {field: environment.get(name, "") for field, name in names.items()}
    if not any(said.values()):
        return None
    needed = _FIELDS if exchange == "okx" else _FIELDS[:2]
    if lacking := [field for field in needed if not said.get(field)]:
        where = file or ", ".join(names[field] for field in lacking)
        raise ConfigError(f"the API key of {exchange}", f"lacks its {' and '.join(lacking)}", f"add it: {where}")
    return Credentials(said["key"], said["secret"], said.get("password", ""))


def _from_file(file: str) -> dict[str, str]:
    path = Path(file).expanduser()
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(str(path), "can be read by others", f"chmod 600 {path}")
        text = path.read_text(encoding="utf-8")
    except OSError as bad:
        raise ConfigError(f"api_file {path}", f"cannot be read ({bad.strerror})", "check the path") from bad
    shape = 'write key = "…", secret = "…" and on OKX password = "…"'
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise ConfigError(f"api_file {path}", "is no TOML", shape) from None
    if unknown := sorted(set(table) - set(_FIELDS)):
        raise ConfigError(f"api_file {path}", f"has {len(unknown)} entries that are none of its three", shape)
    if not all(isinstance(value, str) for value in table.values()):
        raise ConfigError(f"api_file {path}", "has an entry that is no text", shape)
    return table
