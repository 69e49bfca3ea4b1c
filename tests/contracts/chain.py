"""The chain in the process, a deployed contract on it, and what a transaction used."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract

from pilotfish.venues.evm.artifact import load

ROOT = Path(__file__).parents[2]
GAS = ROOT / "contracts/gas.json"


def embedded() -> Web3:
    """A fresh chain.

    Loading it lifts the recursion limit to 100,000 for the whole process, with which nested JSON from outside would
    overflow the stack instead of being refused: the limit is put back.
    """
    limit = sys.getrecursionlimit()
    try:
        return Web3(EthereumTesterProvider())
    finally:
        sys.setrecursionlimit(limit)


def deploy(web3: Web3, name: str, *args: Any) -> Contract:
    artifact = load(name)
    maker = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    mined = web3.eth.wait_for_transaction_receipt(maker.constructor(*args).transact({"from": web3.eth.accounts[0]}))
    return web3.eth.contract(address=mined["contractAddress"], abi=artifact.abi)


def gas_used(web3: Web3, call: Any, sender: str) -> int:
    """Send it; what it cost. A revert raises."""
    return int(web3.eth.wait_for_transaction_receipt(call.transact({"from": sender}))["gasUsed"])


def assert_gas(what: str, used: int) -> None:
    """Gas is exact: a figure that moved is either a regression or a gain that wants writing down."""
    held = json.loads(GAS.read_text())[what]
    assert used == held, f"{what}: {used} gas, {held} is written in contracts/gas.json"


@contextmanager
def reverts(contract: Contract, error: str) -> Iterator[None]:
    """Within it, the call must revert with this error of the contract (matched by its selector)."""
    from eth_tester.exceptions import TransactionFailed  # loads the chain: see `embedded`

    entry = next(e for e in contract.abi if e["type"] == "error" and e["name"] == error)
    selector = bytes(Web3.keccak(text=f"{error}({','.join(i['type'] for i in entry['inputs'])})")[:4])
    with pytest.raises(TransactionFailed) as caught:
        yield
    assert str(selector)[2:-1] in str(caught.value), f"reverted, but not with {error}: {caught.value}"
