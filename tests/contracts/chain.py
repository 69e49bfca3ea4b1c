"""A deployed contract on a chain, what a transaction used, and what it reverted with."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractLogicError
from web3.types import TxReceipt

from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.deploy.packages import artifact as package

GAS_MAX = 16_777_216  # EIP-7825
GAS = Path(__file__).parents[2] / "contracts/gas"


def deploy(web3: Web3, name: str, *args: Any) -> Contract:
    """One of ours."""
    artifact = load(name)
    return create(web3, artifact.abi, artifact.bytecode, *args)


def deploy_package(web3: Web3, path: str, *args: Any) -> Contract:
    """Somebody else's, from its npm package: a path below node_modules."""
    built = package(path)
    return create(web3, built["abi"], built["bytecode"], *args)


def create(web3: Web3, abi: Any, bytecode: str, *args: Any) -> Contract:
    maker = web3.eth.contract(abi=abi, bytecode=bytecode)
    mined = web3.eth.wait_for_transaction_receipt(maker.constructor(*args).transact({"from": web3.eth.accounts[0]}))
    return web3.eth.contract(address=mined["contractAddress"], abi=abi)


def send(web3: Web3, call: Any, sender: str, **fields: Any) -> TxReceipt:
    """Send it, with all the gas that a transaction may have, and see it mined. A revert raises with its reason.

    Without gas the chain in the process would try the call a dozen times over to estimate it.
    """
    mined = web3.eth.wait_for_transaction_receipt(call.transact({"from": sender, "gas": GAS_MAX, **fields}))
    if mined["status"] != 1:
        call.call({"from": sender, **fields})
    assert mined["status"] == 1, "reverted, but not when asked again"
    return mined


def gas_used(web3: Web3, call: Any, sender: str) -> int:
    """Send it; what it cost. A revert raises."""
    return int(send(web3, call, sender)["gasUsed"])


def assert_gas(topic: str, what: str, used: int, chance_bytes: int = 0) -> None:
    """Gas is exact: a figure that moved is either a regression or a gain that wants writing down (GAS=write does).

    But for bytes of signatures and times in the calldata: each that happens to be zero is 12 gas cheaper.
    """
    file = GAS / f"{topic}.json"
    held = json.loads(file.read_text()) if file.exists() else {}
    if os.environ.get("GAS") == "write":
        file.write_text(json.dumps({**held, what: used}, indent=2, sort_keys=True) + "\n")
        return
    allowed = range(-12 * chance_bytes, 12 * chance_bytes + 1, 12)
    assert used - held.get(what, 0) in allowed, f"{what}: {used} gas, {held.get(what)} is written in {file.name}"


@contextmanager
def reverts(contract: Contract, error: str) -> Iterator[None]:
    """Within it, the call must revert with this error of the contract's ABI (matched by its selector)."""
    entry = next(e for e in contract.abi if e["type"] == "error" and e["name"] == error)
    selector = bytes(Web3.keccak(text=f"{error}({','.join(canonical(i) for i in entry['inputs'])})")[:4])
    with pytest.raises(ContractLogicError) as caught:
        yield
    told = str(caught.value)
    assert str(selector)[2:-1] in told or selector.hex() in told, f"reverted, but not with {error}: {told}"


def canonical(field: Any) -> str:
    """An ABI type as signatures write it: a struct by its fields."""
    kind: str = field["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(canonical(c) for c in field['components'])}){kind.removeprefix('tuple')}"
