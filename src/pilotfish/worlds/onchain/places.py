"""Where the contracts are: typed as an address, or found in the file of a deployment (docs/chain.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.record import Record, Step, read_record
from pilotfish.venues.evm.eyes import Node, quantity
from pilotfish.worlds.chain.reach import DEPLOYMENT
from pilotfish.worlds.onchain.watching import Books

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Place(NamedTuple):
    """`since`: the block it was deployed in, or 0. `chain`: the chain's id where that is known, or 0."""

    address: str
    since: int = 0
    chain: int = 0


def check_address(option: str, text: str) -> str:
    """The address. Raises ConfigError unless it is 0x and 40 hexadecimal digits."""
    if not _ADDRESS.fullmatch(text):
        raise ConfigError(f"{option} {text[:60]}", "is no address", "0x and 40 hexadecimal digits")
    return text


def place_of(option: str, text: str, artifact: str) -> Place:
    """Of a contract, by its address or by a deployment's file or folder. Raises ConfigError."""
    record = _record(text)
    if record is None:
        return Place(check_address(option, text))
    steps = _steps(record, artifact)
    if not steps:
        raise ConfigError(f"{option} {text}", f"holds no {artifact} yet", "pilotfish chain deploy")
    return Place(steps[0].address, steps[0].block, record.chain_id)


def books_of(option: str, text: str, vaults: list[str], desks: list[str], since: int = 0) -> tuple[Books, int]:
    """What a bot watches: a deployment's vaults and its desk, and those that are named; the chain's id, or 0.

    Raises ConfigError.
    """
    liquidator, record = place_of(option, text, "Liquidator"), _record(text)
    if record is not None:
        vaults = [*vaults, *(step.address for step in _steps(record, "StrategyVault"))]
        desks = [*desks, *(step.address for step in _steps(record, "CopyDesk"))]
    for address in (*vaults, *desks):
        check_address("--vault or --desk", address)
    if not vaults and not desks:
        raise ConfigError("nothing to watch", "no book is named", "add --vault ADDRESS or --desk ADDRESS")
    return Books(liquidator.address, vaults, desks, since or liquidator.since), liquidator.chain


async def on_chain(node: Node, chain: int) -> None:
    """Raises ConfigError where the node is of another chain than the deployment; NoAnswer."""
    if chain and (told := quantity(await node.ask("eth_chainId", []), "chain id")) != chain:
        why = f"is on chain {told}, the deployment on {chain}"
        raise ConfigError(f"node {node.name}", why, "name a node of that chain")


def present(wanted: Sequence[str], there: Sequence[str]) -> list[str]:
    """Addresses of keys, each once, in lower case. Raises ConfigError where one is not there."""
    needed = list(dict.fromkeys(address.lower() for address in wanted))
    for address in needed:
        if address not in there:
            why = "is not in the keystore (or at the signer)"
            raise ConfigError(f"key {address}", why, "pilotfish keys new makes one; start the signer anew after it")
    return needed


def _record(text: str) -> Record | None:
    """None where the text is no path of something that is there."""
    path = Path(text)
    if not text or _ADDRESS.fullmatch(text) or not path.exists():
        return None
    return read_record(path / DEPLOYMENT if path.is_dir() else path)


def _steps(record: Record, artifact: str) -> list[Step]:
    return [step for step in record.steps.values() if step.artifact == artifact and step.done]
