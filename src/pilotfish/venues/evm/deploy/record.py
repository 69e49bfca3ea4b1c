"""The file of a deployment: every contract and every act of it, written before it is sent and again when it is done.

It holds no secret. With it a deployment that was cut off goes on where it stopped, and everybody finds the contracts.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.settings import Settings

VERSION = 1


class Step(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`plan`: keccak of what was to be sent (receiver and data), by which a changed plan is noticed."""

    plan: str
    transaction: str
    raw: str
    """The signed transaction, to be sent again as it was."""
    nonce: int
    address: str = ""
    """Of the contract that it makes."""
    artifact: str = ""
    """Which of ours it is (venues/evm/artifacts)."""
    code: str = ""
    """keccak of the code that stands there."""
    block: int = 0
    gas_used: int = 0
    done: bool = False


class Record(msgspec.Struct, kw_only=True):
    version: int = VERSION
    chain_id: int
    genesis: str
    """Hash of the chain's first block: local chains share a number."""
    deployer: str
    settings: Settings | None = None
    """What it is to be; None until the market of a local chain stands."""
    steps: dict[str, Step] = {}
    given: dict[str, str] = {}
    """Contracts that stood before, by name: tokens, feeds, Uniswap's factory."""
    complete: bool = False

    def address(self, name: str) -> str:
        """Of a contract by the name of its step, or of one that was given. Raises ConfigError."""
        step = self.steps.get(name)
        found = self.given.get(name) or (step.address if step is not None and step.done else "")
        if not found:
            raise ConfigError(f"the deployment has no {name}", "it is not deployed yet", "pilotfish chain deploy")
        return found


def read_record(path: Path) -> Record | None:
    """None where there is no file. Raises ConfigError for one that is no deployment."""
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as bad:
        raise ConfigError(f"{path}", f"is no deployment ({str(bad)[:200]})", "restore it, or name another") from None
    if record.version != VERSION:
        raise ConfigError(f"{path}", f"is of version {record.version}", "use the pilotfish that wrote it")
    return record


def write_record(path: Path, record: Record) -> None:
    """All or nothing, on the disk before this returns. Raises ConfigError."""
    whole = path.with_suffix(path.suffix + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        whole.replace(path)
    except OSError as bad:
        raise ConfigError(f"{path}", f"cannot be written ({bad.strerror})", "name another place") from None
