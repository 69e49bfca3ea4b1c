"""A web3 of the tests as a node that answers JSON-RPC: what the package's own reading code is tried with."""

from __future__ import annotations

import ast
import re
from typing import Any

from web3 import Web3

from pilotfish.venues.evm.eyes import CallRefused, revert_data


class Web3Node:
    """Answers as a node's JSON does: numbers and bytes as `0x…`. `tamper(method, params, result)` may lie."""

    def __init__(self, web3: Web3, tamper: Any = None) -> None:
        self.name, self._web3, self._tamper, self.asked = "here", web3, tamper, []

    async def ask(self, method: str, params: list[Any]) -> Any:
        self.asked.append(method)
        if method == "eth_getLogs":  # web3's middleware for names wants a list
            params = [params[0] | {"address": [params[0]["address"]]}]
        try:
            told = plain(self._web3.manager.request_blocking(method, params))
        except Exception as refused:
            raise CallRefused(f"node here, {method}", str(refused)[:200], data=reverted_with(refused)) from None
        return self._tamper(method, params, told) if self._tamper else told


def reverted_with(refused: Exception) -> bytes:
    """What a contract reverted with: a node says it in its reply, the chain in the process in its text."""
    reply = getattr(refused, "rpc_response", None)
    if reply:
        return revert_data(reply["error"].get("data"))
    found = re.search(r"b'.*'|b\".*\"", str(refused), re.DOTALL)
    return ast.literal_eval(found[0]) if found else b""


def plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes):
        return "0x" + bytes(value).hex()
    if hasattr(value, "items"):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value]
