"""Compiled contracts as the package ships them: contracts/build.py writes them, a check holds them to their sources."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.contracts.types import Field, signature
from pilotfish.venues.evm.wire.abi import selector


class Artifact(msgspec.Struct, frozen=True):
    """One contract, ready to deploy."""

    source: str
    """Path of its source below contracts/."""
    abi: list[dict[str, Any]]
    bytecode: str
    """What creates it, as `0x…`; constructor arguments are appended."""


def names() -> list[str]:
    """Every contract in the package."""
    folder = files("pilotfish.venues.evm") / "artifacts"
    return sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json"))


def load(name: str) -> Artifact:
    """The contract called `name`. Raises ConfigError, which lists those there are."""
    file = files("pilotfish.venues.evm") / "artifacts" / f"{name}.json"
    if not file.is_file():
        raise ConfigError(
            f"no contract is called {name!r}",
            "the package holds no artifact of that name",
            f"one of: {', '.join(names())}",
        )
    return msgspec.json.decode(file.read_bytes(), type=Artifact)


@cache
def errors() -> dict[bytes, Field]:
    """Every error that a contract of ours knows, by selector."""
    return {selector(signature(e)): e for name in names() for e in load(name).abi if e["type"] == "error"}


def error_name(data: bytes) -> str:
    """Which of them this revert is; empty where it is none."""
    return str(errors().get(data[:4], {}).get("name", ""))
