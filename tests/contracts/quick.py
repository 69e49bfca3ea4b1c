"""Transactions with their gas given: without, a node tries each a dozen times over to estimate it."""

from typing import Any

from web3 import Web3
from web3.types import TxReceipt

from tests.contracts import chain

GAS = 5_000_000


def send(web3: Web3, call: Any, sender: str) -> TxReceipt:
    """Send it and see it mined. AssertionError where it reverts."""
    return chain.send(web3, call, sender, gas=GAS)


def gas_used(web3: Web3, call: Any, sender: str) -> int:
    """Send it; what it cost. AssertionError where it reverts."""
    return int(send(web3, call, sender)["gasUsed"])
