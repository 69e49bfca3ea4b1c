"""The chain in this process as a node: no socket, no second process. It can die at any request."""

import json
from typing import Any

from pilotfish.venues.evm.deploy.client import ChainClient
from pilotfish.venues.evm.eyes import CallRefused, revert_data
from pilotfish.venues.evm.node.chain import LocalChain
from pilotfish.venues.evm.node.rpc import LocalRpc


class Died(Exception):
    """Power was cut."""


class InnerNode:
    """`dies_after`: how many requests it still answers; None is all. What it was sent before it died, it has done."""

    def __init__(self) -> None:
        self.name, self.chain, self.dies_after = "inner", LocalChain(), None
        self._rpc = LocalRpc(self.chain)

    async def ask(self, method: str, params: list[Any]) -> Any:
        reply = json.loads(self._rpc.answer(json.dumps({"id": 1, "method": method, "params": params})))
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Died
        if "error" in reply:
            error = reply["error"]
            raise CallRefused(method, f"{error['message']} ({error['code']})", data=revert_data(error.get("data")))
        return reply["result"]


def inner() -> tuple[InnerNode, ChainClient]:
    node = InnerNode()
    return node, ChainClient(node)
