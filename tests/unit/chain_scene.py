"""A chain in this process that answers JSON-RPC, on a clock of its own, and a few bytes of code to run on it."""

import json
from typing import Any

from pilotfish.venues.evm.deploy.signing import created, signed
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.chain import LocalChain
from pilotfish.venues.evm.node.rpc import LocalRpc
from pilotfish.venues.evm.wire.transactions import Transaction

NOON = 1_800_000_000
LOGS_ITS_CALLDATA = bytes.fromhex("60003560206000a100")
"""The first word of it is the topic."""
BURNS_ALL_GAS = bytes.fromhex("fe")
CALLS_ITSELF = bytes.fromhex("60006000600060006000305af100")
REVERTS = bytes.fromhex("63deadbeef60e01b60005260046000fd")


def creation(runtime: bytes) -> bytes:
    """What makes a contract of at most 255 bytes."""
    return bytes.fromhex(f"60{len(runtime):02x}600c60003960{len(runtime):02x}6000f3") + runtime


class Scene:
    """`at_s` is what the machine's clock says."""

    def __init__(self) -> None:
        self.at_s = NOON
        self.chain = LocalChain(lambda: self.at_s)
        self.rpc = LocalRpc(self.chain)
        self.keys = local_keys()

    def reply(self, method: str, *params: Any) -> dict[str, Any]:
        asked = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        answer = json.loads(self.rpc.answer(asked))
        assert answer["id"] == 7
        return answer

    def ask(self, method: str, *params: Any) -> Any:
        answer = self.reply(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    def refusal(self, method: str, *params: Any) -> str:
        return self.reply(method, *params)["error"]["message"]

    def raw(self, nonce: int, key: int = 0, **fields: Any) -> str:
        """A signed transfer of nothing, or what `fields` make of it."""
        usual = {"gas": 21_000, "fee_wei_max": 10**10, "tip_wei": 10**9, "to": b"\x11" * 20}
        return "0x" + signed(self.keys[key], Transaction(CHAIN_ID, nonce, **(usual | fields))).hex()

    def send(self, nonce: int, **fields: Any) -> str:
        return self.ask("eth_sendRawTransaction", self.raw(nonce, **fields))

    def make(self, runtime: bytes) -> str:
        """A contract's address."""
        nonce = self.chain.nonce(bytes.fromhex(self.keys[0].address[2:]))
        self.send(nonce, to=b"", data=creation(runtime), gas=200_000)
        return created(self.keys[0].address, nonce)
